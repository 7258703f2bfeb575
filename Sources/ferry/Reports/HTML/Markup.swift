import Digests

/// HTML under construction that is XML as well. Text from outside comes in escaped, and in no other way. What there is of it
/// is given away on the way: a page may be longer than there is to be memory for.
struct Markup {
  /// So much is kept before it is given away, in bytes.
  private static let pieceSize = 64 << 10

  private var source = ""
  private var hasher = ContentHasher()
  /// Makes of text, element by element, what may be shown of it.
  private let hiding: ([UInt8]) -> [UInt8]

  init(hiding: @escaping ([UInt8]) -> [UInt8] = { $0 }) { self.hiding = hiding }

  /// Gives `body` what has come so far, if that is worth it.
  mutating func pass(to body: ([UInt8]) throws -> Void) throws {
    if source.utf8.count >= Self.pieceSize { try flush(to: body) }
  }

  /// Gives `body` what is left. Returns the digest of all that it was given.
  mutating func finish(to body: ([UInt8]) throws -> Void) throws -> Digest {
    try flush(to: body)
    return hasher.digest()
  }

  private mutating func flush(to body: ([UInt8]) throws -> Void) throws {
    let bytes = hiding(Array(source.utf8))
    unsafe hasher.update(bytes.span.bytes)
    try body(bytes)
    source = ""
  }

  /// Adds an element with `content` inside. Tag and attribute names are the page's own; attribute values are
  /// escaped.
  mutating func element(
    _ tag: String, with attributes: KeyValuePairs<String, Wording> = [:],
    _ content: (inout Markup) throws -> Void
  ) rethrows {
    open(tag, attributes, end: ">")
    try content(&self)
    source += "</\(tag)>"
  }

  /// Adds an element with nothing but text inside.
  mutating func leaf(_ tag: String, with attributes: KeyValuePairs<String, Wording> = [:], _ content: Wording)
  {
    element(tag, with: attributes) { $0.add(content) }
  }

  /// Adds an element that can hold nothing.
  mutating func void(_ tag: String, _ attributes: KeyValuePairs<String, Wording>) {
    open(tag, attributes, end: " />")
  }

  /// Adds text, escaped.
  mutating func add(_ content: Wording) { source += Self.escaped(content) }

  /// Adds what is markup already, such as a style sheet of ours.
  mutating func addUnescaped(_ content: StaticString) { source += "\(content)" }

  /// Ends a line of the source, for those who look at it.
  mutating func newline() { source += "\n" }

  private mutating func open(_ tag: String, _ attributes: KeyValuePairs<String, Wording>, end: String) {
    source += "<\(tag)"
    for (name, value) in attributes { source += " \(name)=\"\(Self.escaped(value))\"" }
    source += end
  }

  /// `content` as it may stand in text and in quoted attributes: no markup. The characters that XML does not allow
  /// or that turn a reader's text around are in no words.
  private static func escaped(_ content: Wording) -> String {
    var escaped = ""
    for scalar in content.text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
