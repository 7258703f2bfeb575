extension HTTPURL: CustomStringConvertible, CustomDebugStringConvertible {
  /// The URL for people: every value of its query stands as `…`, for a signed query is a credential.
  public var description: String {
    let shown = query.map { query in
      "?"
        + query.split(separator: "&").map { item in
          item.firstIndex(of: "=").map { "\(item[..<$0])=…" } ?? "…"
        }.joined(separator: "&")
    }
    return "\(scheme)://\(authority)\(path)\(shown ?? "")"
  }

  public var debugDescription: String { description }

  /// A text that is no URL, without what might be secret in it: query, fragment, user name and password.
  static func redacting(_ text: String) -> String {
    var shown = text.prefix { $0 != "?" && $0 != "#" }
    if let at = shown.lastIndex(of: "@") { shown = "…" + shown[at...] }
    let result = String(String.UnicodeScalarView(shown.unicodeScalars.prefix(200)))
    return result + (shown.endIndex < text.endIndex ? "…" : "")
  }
}
