/// The `Link` header that leads from one page of a list to the next (RFC 8288).
enum LinkHeader {
  /// The target of the first link whose relation is `next`; nil on the last page.
  static func next(in lines: [String]) -> String? {
    for line in lines {
      var rest = line[...]
      while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
        let target = rest[rest.index(after: open)..<close]
        let links = split(rest[rest.index(after: close)...], at: ",", maxSplits: 1)
        rest = links.count > 1 ? links[1] : ""
        if links.first.map(isNext) == true { return String(target) }
      }
    }
    return nil
  }

  private static func isNext(_ parameters: Substring) -> Bool {
    split(parameters, at: ";").contains { parameter in
      let sides = parameter.split(separator: "=", maxSplits: 1)
      guard sides.count == 2, sides[0].filter({ !$0.isWhitespace }).lowercased() == "rel" else {
        return false
      }
      // A relation may be a list: rel="last next".
      return sides[1].split { $0 == "\"" || $0.isWhitespace }.contains { $0.lowercased() == "next" }
    }
  }

  /// Splits at separators outside quotes.
  private static func split(
    _ text: Substring, at separator: Character, maxSplits: Int = .max
  ) -> [Substring] {
    var isQuoted = false
    return text.split(maxSplits: maxSplits, omittingEmptySubsequences: false) { character in
      if character == "\"" { isQuoted.toggle() }
      return character == separator && !isQuoted
    }
  }
}
