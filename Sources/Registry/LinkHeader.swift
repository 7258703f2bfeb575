/// The `Link` header that leads from one page of a list to the next (RFC 8288).
enum LinkHeader {
  /// The target of the first link whose relation is `next`; nil on the last page.
  static func next(in lines: [String]) -> String? {
    for line in lines {
      var rest = line[...]
      while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
        let target = rest[rest.index(after: open)..<close]
        rest = rest[rest.index(after: close)...]
        let parameters = rest[..<endOfLink(rest)]
        rest = rest[parameters.endIndex...]
        if isNext(parameters) { return String(target) }
      }
    }
    return nil
  }

  /// The comma that ends a link's parameters: the first outside quotes.
  private static func endOfLink(_ text: Substring) -> Substring.Index {
    var isQuoted = false
    for index in text.indices {
      if text[index] == "\"" { isQuoted.toggle() }
      if text[index] == "," && !isQuoted { return index }
    }
    return text.endIndex
  }

  private static func isNext(_ parameters: Substring) -> Bool {
    parameters.split(separator: ";").contains { parameter in
      let sides = parameter.split(separator: "=", maxSplits: 1)
      guard sides.count == 2, sides[0].filter({ !$0.isWhitespace }).lowercased() == "rel" else {
        return false
      }
      // A relation may be a list: rel="last next".
      return sides[1].split { $0 == "\"" || $0.isWhitespace }.contains { $0.lowercased() == "next" }
    }
  }
}
