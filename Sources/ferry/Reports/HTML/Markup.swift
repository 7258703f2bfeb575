/// HTML under construction that is XML as well. Text from outside comes in escaped, and in no other way.
struct Markup {
  private(set) var source = ""

  /// Adds an element with `content` inside. Tag and attribute names are the page's own; attribute values are
  /// escaped.
  mutating func element(
    _ tag: String, with attributes: KeyValuePairs<String, String> = [:], _ content: (inout Markup) -> Void
  ) {
    open(tag, attributes, end: ">")
    content(&self)
    source += "</\(tag)>"
  }

  /// Adds an element with nothing but text inside.
  mutating func leaf(_ tag: String, with attributes: KeyValuePairs<String, String> = [:], _ content: String) {
    element(tag, with: attributes) { $0.add(content) }
  }

  /// Adds an element that can hold nothing.
  mutating func void(_ tag: String, _ attributes: KeyValuePairs<String, String>) {
    open(tag, attributes, end: " />")
  }

  /// Adds text, escaped.
  mutating func add(_ content: String) { source += Self.escaped(content) }

  /// Adds what is markup already, such as a style sheet of ours.
  mutating func addUnescaped(_ content: StaticString) { source += "\(content)" }

  /// Ends a line of the source, for those who look at it.
  mutating func newline() { source += "\n" }

  private mutating func open(_ tag: String, _ attributes: KeyValuePairs<String, String>, end: String) {
    source += "<\(tag)"
    for (name, value) in attributes { source += " \(name)=\"\(Self.escaped(value))\"" }
    source += end
  }

  /// `content` as it may stand in text and in quoted attributes: no markup, and none of the characters that XML
  /// does not allow or that turn a reader's text around.
  static func escaped(_ content: String) -> String {
    var escaped = ""
    for scalar in Printable.lines(content).unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      // Not characters in XML.
      case "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
