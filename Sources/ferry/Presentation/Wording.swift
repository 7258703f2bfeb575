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

  var isEmpty: Bool { text.isEmpty }

  /// Each of its own lines.
  var lines: [Wording] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { Wording(text: String($0)) }
  }

  /// How many columns it takes, roughly.
  var width: Int { text.count }

  /// The first columns of it.
  func prefix(_ columns: Int) -> Wording { Wording(text: String(text.prefix(columns))) }

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
