import Images

/// Words as a POSIX shell reads them.
enum ShellQuoting {
  /// The command line that gives a program these arguments, its own name first.
  static func line(_ arguments: [String]) -> String {
    arguments.map(word).joined(separator: " ")
  }

  private static func word(_ text: String) -> String {
    guard text.isEmpty || !text.utf8.allSatisfy(isPlain) else { return text }
    guard text.unicodeScalars.allSatisfy(\.isPlain) else {
      return "$'\(text.unicodeScalars.map(escape).joined())'"
    }
    return "'\(text.replacing("'", with: "'\\''"))'"
  }

  /// A character as `$'…'` has it, where what cannot be seen is written out.
  private static func escape(_ scalar: Unicode.Scalar) -> String {
    func hex(_ digits: Int) -> String {
      let text = String(scalar.value, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    return switch scalar {
    case "\\", "'": "\\\(scalar)"
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case _ where scalar.isPlain: String(scalar)
    case _ where scalar.value < 0x80: "\\x\(hex(2))"
    default: scalar.value <= 0xFFFF ? "\\u\(hex(4))" : "\\U\(hex(8))"
    }
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
