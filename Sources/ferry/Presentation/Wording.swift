import Images

/// Ferry's own words with values from outside among them. What stands in the source is kept, line breaks too; what is
/// put in by `\(…)` is shown as a value, on the line it is put into. There is no other way in: no name, message or path
/// can end a line, begin one or move the cursor, and nobody has to remember that.
struct Wording: ExpressibleByStringInterpolation, Hashable, Comparable, Codable, Sendable {
  /// The words, fit for a terminal.
  let text: String

  /// In a report a text like any other.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// Words that an earlier run's report has. They may be anybody's by now, and keep their lines and nothing else that
  /// is not merely read.
  init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self).printedAsLines
  }

  init(stringLiteral text: String) { self.text = text }

  init(stringInterpolation parts: StringInterpolation) { text = parts.text }

  private init(text: String) { self.text = text }

  /// A command to be typed, in which the shell's quotes keep each word on the line.
  static func command(_ arguments: [String]) -> Wording { Wording(text: ShellQuoting.line(arguments)) }

  /// One name or message from outside, alone.
  static func value(_ text: String) -> Wording { "\(text)" }

  /// The parser's `page` on a command line that cannot be meant: the usage, made of what the commands declare, behind
  /// the `message`, which has the user's words in it.
  static func refusal(_ page: String, saying message: String) -> Wording {
    let beginning = "Error: \(message)".utf8
    guard page.utf8.starts(with: beginning) else { return "\(page)" }
    let usage = String(decoding: page.utf8.dropFirst(beginning.count), as: UTF8.self)
    return Wording(text: "Error: \(message.printedAsValue)\(usage)")
  }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }

    /// Words keep what they have.
    mutating func appendInterpolation(_ words: Wording) { text += words.text }

    mutating func appendInterpolation(_ value: some CustomStringConvertible) {
      text += value.description.printedAsValue
    }
  }

  /// `a`, `a and b`, `a, b and c`.
  static func list(_ names: [String]) -> Wording { list(names.map(Wording.value)) }

  static func list(_ names: [Wording]) -> Wording {
    guard let last = names.last, names.count > 1 else { return names.first ?? "nothing" }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }

  /// The first of many.
  static func few(_ names: [String]) -> [Wording] {
    names.prefix(10).map(value) + (names.count > 10 ? ["\(names.count - 10) more"] : [])
  }

  var isEmpty: Bool { text.isEmpty }

  /// Each of its own lines.
  var lines: [Wording] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { Wording(text: String($0)) }
  }

  /// How many columns it takes on a terminal.
  var width: Int {
    text.utf8.allSatisfy { $0 < 0x80 }
      ? text.utf8.count : text.unicodeScalars.reduce(0) { $0 + $1.columns }
  }

  /// What of it fits into so many columns: a cut is marked, so that what it has left of a secret is known for that.
  func cut(to columns: Int) -> Wording {
    guard width > columns else { return self }
    var room = columns - 1
    let kept = text.unicodeScalars.prefix { scalar in
      room -= scalar.columns
      return room >= 0
    }
    return Wording(text: String(kept) + "…")
  }

  /// Whether a value stands in it.
  func contains(_ value: String) -> Bool { text.contains(value.printedAsValue) }

  func withoutTrailingBlanks() -> Wording {
    var text = text
    while text.hasSuffix(" ") { text.removeLast() }
    return Wording(text: text)
  }

  static func + (first: Wording, second: Wording) -> Wording { Wording(text: first.text + second.text) }

  static func += (first: inout Wording, second: Wording) { first = first + second }

  static func < (first: Wording, second: Wording) -> Bool { first.text < second.text }
}

extension Sequence<Wording> {
  func joined(separator: Wording = "") -> Wording {
    var all: Wording = ""
    for (index, words) in enumerated() { all += index == 0 ? words : separator + words }
    return all
  }
}

extension DefaultStringInterpolation {
  /// Words within a String would be taken for a value from then on.
  @available(*, deprecated, message: "make the whole a Wording")
  mutating func appendInterpolation(_ words: Wording) { appendLiteral(words.text) }
}

/// Words as a POSIX shell reads them.
private enum ShellQuoting {
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
