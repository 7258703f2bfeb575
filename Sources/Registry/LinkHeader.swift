import Transport

/// The `Link` header that leads from one page of a list to the next (RFC 8288).
enum LinkHeader: Hashable, Sendable {
  /// No link to a next page: this is the last.
  case none
  case next(String)
  /// There is a header, and it cannot be read: whether this is the last page cannot be told.
  case unreadable

  /// The header of a page.
  init(_ page: HTTPResponse) { self.init(page.headers.values(of: "Link")) }

  /// Where it leads from the page at `url`, which answers `question`; nil from the last page. Throws when that cannot be
  /// told, or is another host.
  func target(
    at url: HTTPURL, of question: OwnAddresses.Question, by addresses: OwnAddresses
  ) throws(RegistryError) -> OwnAddresses.Place? {
    switch self {
    case .none: return nil
    case .next(let link):
      switch addresses.meaning(of: link, from: url, to: question) {
      case .own(let place): return place
      case .foreign(let target):
        throw .malformedResponse(url: url.description, .leadsElsewhere("Link", host: target.authority))
      case .unusable: break
      }
    case .unreadable: break
    }
    throw .malformedResponse(url: url.description, .header("Link"))
  }

  init(_ lines: [String]) {
    var targets: Set<Substring> = []
    var unnamed: Set<Substring> = []
    var isReadable = true
    for line in lines {
      var parser = Parser(rest: line[...])
      while let link = parser.link() {
        guard let relations = link.relations else {
          if link.target.isEmpty { isReadable = false } else { unnamed.insert(link.target) }
          continue
        }
        if relations.contains("next") { targets.insert(link.target) }
        if relations.isEmpty { isReadable = false }
      }
      isReadable = isReadable && parser.isAtEnd
    }
    // A link must have a relation. Of a list's answer a single one without can hardly be another than the next
    // page's, and to follow it in error costs a question.
    if targets.isEmpty { targets = unnamed }
    switch (targets.first, targets.count) {
    case (let target?, 1): self = .next(String(target))
    case (nil, _) where isReadable: self = .none
    default: self = .unreadable
    }
  }

  /// Reads one link after the other; stops before what is none.
  private struct Parser {
    var rest: Substring

    /// Whether all of the line was read.
    var isAtEnd: Bool { rest.isEmpty }

    /// The next link, its relations nil where it says nothing of them; nil at the end, or where there is none.
    mutating func link() -> (target: Substring, relations: [String]?)? {
      rest = rest.drop { $0.isWhitespace || $0 == "," }
      guard rest.first == "<", let close = rest.firstIndex(of: ">") else { return nil }
      let target = rest.dropFirst()[..<close]
      var after = Parser(rest: rest[rest.index(after: close)...])
      var relations: [String]?
      while after.skip(";") {
        guard let parameter = after.parameter() else { return nil }
        // Of several relations the first one counts.
        if parameter.name.lowercased() == "rel", relations == nil {
          relations = parameter.value.lowercased().split { $0.isWhitespace || $0 == "'" }.map(String.init)
        }
      }
      after.skipBlanks()
      guard after.rest.isEmpty || after.rest.first == "," else { return nil }
      rest = after.rest
      return (target, relations)
    }

    /// `name`, `name=value` or `name="value"`; nil where a quoted value has no end.
    private mutating func parameter() -> (name: Substring, value: String)? {
      skipBlanks()
      let name = rest.prefix { !$0.isWhitespace && !";,=".contains($0) }
      rest = rest[name.endIndex...]
      guard skip("=") else { return (name, "") }
      skipBlanks()
      guard rest.first == "\"" else {
        let value = rest.prefix { !";,".contains($0) }
        rest = rest[value.endIndex...]
        return (name, String(value))
      }
      rest = rest.dropFirst()
      var value = ""
      while let character = rest.popFirst() {
        if character == "\"" { return (name, value) }
        value.append(character == "\\" ? rest.popFirst() ?? character : character)
      }
      return nil
    }

    /// Skips blanks and then `character`; false, and nothing but the blanks skipped, where another stands.
    private mutating func skip(_ character: Character) -> Bool {
      skipBlanks()
      guard rest.first == character else { return false }
      rest = rest.dropFirst()
      return true
    }

    private mutating func skipBlanks() { rest = rest.drop(while: \.isWhitespace) }
  }
}
