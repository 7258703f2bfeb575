import Digests
public import Images
public import NVIDIA

/// From an image's name in the archive to its name at the destination (design §1).
public struct NameMapping: Sendable {
  public let destination: RegistryLocation
  public let rules: [MappingRule]
  public let nvidiaHosts: NVIDIAHosts
  /// Where no rule matches, the whole repository stays below the destination.
  public let keepsPath: Bool

  public init(
    destination: RegistryLocation, rules: [MappingRule] = [], nvidiaHosts: NVIDIAHosts = .standard,
    keepsPath: Bool = false
  ) {
    self.destination = destination
    self.rules = rules
    self.nvidiaHosts = nvidiaHosts
    self.keepsPath = keepsPath
  }

  /// Where `source` goes: the first rule that matches decides, else the default. The tag stays; a name without one means
  /// the latest. No registry may take the name: whoever uses it checks that.
  func target(of source: Reference) -> Reference {
    let name = rules.lazy.compactMap { $0.apply(to: source.repository) }.first ?? defaultName(for: source)
    return Reference(
      host: destination.host, repository: destination.appending(name),
      tag: source.tag ?? (source.digest == nil ? Reference.defaultTag : nil),
      digest: source.tag == nil ? source.digest : nil)
  }

  /// Where an image goes that is given its name: the first rule that matches decides, else it has that name
  /// below the destination. The image's own tag, if that is all it has, stands in for a tag that is not given.
  func target(for name: GivenName, ownTag: String?) -> Reference {
    let repository = rules.lazy.compactMap { $0.apply(to: name.repository) }.first ?? name.repository
    return Reference(
      host: destination.host, repository: destination.appending(repository),
      tag: name.tag ?? ownTag ?? Reference.defaultTag)
  }

  /// Where that goes which refers to an image that is given its name: beside it, by the tag or else the digest it
  /// has.
  func target(for name: GivenName, referrerTag tag: String?, digest: Digest) -> Reference {
    let image = target(for: name, ownTag: nil)
    return Reference(
      host: image.host, repository: image.repository, tag: tag, digest: tag == nil ? digest : nil)
  }

  /// The rules that decide for none of `sources`, in order: mistyped perhaps.
  func unused(for sources: [Reference]) -> [MappingRule] {
    let used = Set(
      Set(sources.map(\.repository)).compactMap { name in rules.first { $0.apply(to: name) != nil } })
    return rules.filter { !used.contains($0) }
  }

  /// Whether names are others than those that an import gives by itself.
  var isSpecial: Bool { keepsPath || !rules.isEmpty }

  private func defaultName(for source: Reference) -> String {
    if keepsPath { return source.repository }
    if nvidiaHosts.contains(source.host), nvidiaHosts.contains(destination.host) {
      return DGXSpace.nameOnNGC(for: source.repository)
    }
    guard let slash = source.repository.firstIndex(of: "/") else { return source.repository }
    return String(source.repository[source.repository.index(after: slash)...])
  }
}

/// `--as`: the name for an image that has none of its own, `REPOSITORY[:TAG]`.
public struct GivenName: Hashable, Sendable {
  /// Without a registry: it stands below the destination, with all its components.
  public let repository: String
  public let tag: String?

  /// Throws ``TransferError/malformedName(_:)``, also for a name that begins with a registry's host.
  public init(_ text: String) throws(TransferError) {
    let slash = text.lastIndex(of: "/")
    let last = slash.map { text[text.index(after: $0)...] } ?? text[...]
    let colon = last.firstIndex(of: ":")
    let tag = colon.map { last[last.index(after: $0)...] }
    let repository = text[..<(colon ?? text.endIndex)]
    let first = slash == nil ? "" : repository.prefix { $0 != "/" }
    guard RepositoryName.isValid(repository), tag.map({ RepositoryName.isValidTag($0) }) ?? true,
      first != "localhost", !first.contains("."), (try? Digest(text)) == nil
    else { throw .malformedName(text) }
    let reference = Reference(host: "", repository: String(repository), tag: tag.map(String.init))
    guard !reference.isDigestInDisguise else { throw .malformedName(text) }
    self.repository = reference.repository
    self.tag = reference.tag
  }
}

/// One `--map` rule: repositories that match a pattern get the name of a replacement.
public struct MappingRule: Hashable, Sendable {
  private enum Step: Hashable {
    case literal(UInt8)
    /// `*`: any run inside a component.
    case component
    /// `**`: any run across components.
    case path
  }

  private enum Part: Hashable {
    case literal(String)
    /// `$1` is the first star's text.
    case capture(Int)
  }

  /// The rule as it was written.
  public let text: String
  private let steps: [Step]
  private let parts: [Part]

  /// Parses `PATTERN=REPLACEMENT`. Throws ``TransferError/malformedRule(_:)``, also for a `$n` without a
  /// star to stand for.
  public init(_ text: String) throws(TransferError) {
    self.text = text
    guard let equals = text.firstIndex(of: "=") else { throw .malformedRule(text) }
    let pattern = Self.trimmed(text[..<equals])
    let replacement = Self.trimmed(text[text.index(after: equals)...])
    guard !pattern.isEmpty, !replacement.isEmpty else { throw .malformedRule(text) }
    steps = Self.steps(of: pattern)
    let stars = steps.filter { $0 == .component || $0 == .path }.count
    guard let parts = Self.parts(of: replacement, stars: stars) else { throw .ruleWithoutStar(text) }
    self.parts = parts
  }

  /// Blanks around a part mean nothing: no repository has any.
  private static func trimmed(_ part: Substring) -> Substring {
    let start = part.drop(while: \.isWhitespace)
    guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return start }
    return start[...last]
  }

  private static func steps(of pattern: Substring) -> [Step] {
    var steps: [Step] = []
    var bytes = Array(pattern.utf8)[...]
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "*") else {
        steps.append(.literal(byte))
        continue
      }
      guard bytes.first == UInt8(ascii: "*") else {
        steps.append(.component)
        continue
      }
      while bytes.first == UInt8(ascii: "*") { bytes.removeFirst() }
      steps.append(.path)
    }
    return steps
  }

  private static func parts(of replacement: Substring, stars: Int) -> [Part]? {
    var parts: [Part] = []
    var literal = ""
    var rest = replacement
    while let character = rest.popFirst() {
      guard character == "$" else {
        literal.append(character)
        continue
      }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits), (1...max(stars, 1)).contains(number), stars > 0 else { return nil }
      rest = rest[digits.endIndex...]
      if !literal.isEmpty { parts.append(.literal(literal)) }
      literal = ""
      parts.append(.capture(number - 1))
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    return parts
  }

  /// The new name of `repository`; nil when the pattern does not match all of it.
  public func apply(to repository: String) -> String? {
    let text = Array(repository.utf8)
    var dead: Set<[Int]> = []
    guard let captures = match(text, at: 0, step: 0, dead: &dead) else { return nil }
    return parts.map { part in
      switch part {
      case .literal(let literal): literal
      case .capture(let index): String(decoding: text[captures[index]], as: UTF8.self)
      }
    }.joined()
  }

  /// The runs the stars stand for, the longest first; `dead` keeps stars from making it exponential.
  private func match(_ text: [UInt8], at start: Int, step: Int, dead: inout Set<[Int]>) -> [Range<Int>]? {
    guard step < steps.count else { return start == text.count ? [] : nil }
    guard !dead.contains([start, step]) else { return nil }
    switch steps[step] {
    case .literal(let byte):
      if start < text.count, text[start] == byte {
        return match(text, at: start + 1, step: step + 1, dead: &dead)
      }
    case .component, .path:
      let isPath = steps[step] == .path
      var end = start
      while end < text.count, isPath || text[end] != UInt8(ascii: "/") { end += 1 }
      for end in stride(from: end, through: start, by: -1) {
        if let rest = match(text, at: end, step: step + 1, dead: &dead) { return [start..<end] + rest }
      }
    }
    dead.insert([start, step])
    return nil
  }
}
