/// Words as a POSIX shell reads them.
enum ShellQuoting {
  /// The command line that gives a program these arguments, its own name first.
  static func line(_ arguments: [String]) -> String {
    arguments.map(word).joined(separator: " ")
  }

  private static func word(_ text: String) -> String {
    guard text.isEmpty || !text.utf8.allSatisfy(isPlain) else { return text }
    return "'\(text.replacing("'", with: "'\\''"))'"
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "@%+=:,./_-".utf8.contains(byte)
    }
  }
}
