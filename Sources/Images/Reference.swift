public import Digests

/// An image's name: `host[:port]/repository[:tag][@sha256:…]`.
public struct Reference: Hashable, Sendable {
  /// The registry's host, with its port where one was given.
  public let host: String
  /// The repository's path, without the host.
  public let repository: String
  public let tag: String?
  private let named: Named?

  /// A digest that a name has: few have one, and lists of tens of thousands of names stand in memory.
  private indirect enum Named: Hashable, Sendable { case digest(Digest) }

  public var digest: Digest? { if case .digest(let digest) = named { digest } else { nil } }

  public init(host: String, repository: String, tag: String? = nil, digest: Digest? = nil) {
    self.host = host
    self.repository = repository
    self.tag = tag
    named = digest.map { .digest($0) }
  }

  /// Parses a reference. A host is required: a first component with a dot, a colon or brackets, or
  /// `localhost`. `docker.io/name` means `docker.io/library/name`, as docker has it.
  public init(_ text: String) throws(ReferenceError) {
    try self.init(text) { RepositoryName.isValidTag($0) }
  }

  /// The same for the name of one image, whose tag need not be one by the specification's rules: some registries took
  /// others, and have them.
  public init(anyTag text: String) throws(ReferenceError) {
    try self.init(text) { RepositoryName.isValidTag($0) || RepositoryName.mayBeTag($0) }
  }

  private init(_ text: String, isTag: (Substring) -> Bool) throws(ReferenceError) {
    guard !text.isEmpty else { throw .empty }
    var rest = text[...]
    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let digestText = rest[rest.index(after: at)...]
      do { digest = try Digest(digestText) } catch {
        throw .invalidDigest(text, digest: String(digestText))
      }
      rest = rest[..<at]
    }
    let (host, path) = try Self.splitHost(rest, of: text)
    guard var repository = path, !repository.isEmpty else { throw .missingRepository(text) }
    var tag: String?
    if let colon = repository.lastIndex(of: ":") {
      let tagText = repository[repository.index(after: colon)...]
      guard isTag(tagText) else { throw .invalidTag(text, tag: String(tagText)) }
      tag = String(tagText)
      repository = repository[..<colon]
    }
    guard RepositoryName.isValid(repository) else {
      throw .invalidRepository(text, repository: String(repository))
    }
    let isOfficial = host == "docker.io" && !repository.contains("/")
    self.init(
      host: host, repository: (isOfficial ? "library/" : "") + repository, tag: tag, digest: digest)
  }

  /// Parses a name as docker writes it, in `RepoTags` say: without a host it is one of `docker.io`, and there
  /// `alpine` is `library/alpine`.
  public init(dockerName text: String) throws(ReferenceError) {
    let slash = text.firstIndex(of: "/")
    let first = text[..<(slash ?? text.startIndex)]
    let isHost = first == "localhost" || first.hasPrefix("[") || first.contains(".") || first.contains(":")
    try self.init(isHost ? text : "docker.io/\(text)")
  }

  /// Splits `host[:port][/path]`. Throws when the first component is no host.
  fileprivate static func splitHost(
    _ text: Substring, of whole: String
  ) throws(ReferenceError) -> (host: String, path: Substring?) {
    let slash = text.firstIndex(of: "/")
    let host = text[..<(slash ?? text.endIndex)]
    // Without a slash a colon starts a tag: "ubuntu:22.04" has no host.
    let looksLikeHost =
      host == "localhost" || host.hasPrefix("[") || host.contains(".") || host.contains(":")
    guard looksLikeHost, slash != nil || !looksLikeImage(host) else { throw .missingHost(whole) }
    guard isValidHost(host) else { throw .invalidHost(whole, host: String(host)) }
    return (host.lowercased(), slash.map { text[text.index(after: $0)...] })
  }

  /// `name:tag` rather than `host:port`.
  private static func looksLikeImage(_ text: Substring) -> Bool {
    guard !text.hasPrefix("["), let colon = text.lastIndex(of: ":") else { return false }
    return UInt16(text[text.index(after: colon)...]) == nil
  }

  private static func isValidHost(_ text: Substring) -> Bool {
    var name = text
    if let bracket = text.lastIndex(of: "]") {
      guard text.hasPrefix("[") else { return false }
      let address = text[text.index(after: text.startIndex)..<bracket]
      guard address.contains(":"),
        address.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit || $0 == 58 || $0 == 46 })
      else { return false }
      name = text[text.index(after: bracket)...]
      return name.isEmpty || (name.hasPrefix(":") && isPort(name.dropFirst()))
    }
    if let colon = name.firstIndex(of: ":") {
      guard isPort(name[name.index(after: colon)...]) else { return false }
      name = name[..<colon]
    }
    return !name.isEmpty && name.utf8.count <= 253
      && name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && label.first != "-" && label.last != "-"
          && label.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
              UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
              true
            default: false
            }
          }
      }
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { (48...57).contains($0) } && UInt16(text).map { $0 > 0 } == true
  }

  /// The same image by another tag.
  public func with(tag: String) -> Reference {
    Reference(host: host, repository: repository, tag: tag)
  }

  /// `host/repository`.
  public var repositoryName: String { "\(host)/\(repository)" }

  /// What the distribution API is asked for under `/manifests/`: the digest where there is one, else the
  /// tag, else `latest` as docker has it.
  public var identifier: String { digest?.description ?? tag ?? Self.defaultTag }

  public static let defaultTag = "latest"

  /// Whether it is a digest, whole or cut as tools show it, that was read as a name: `sha256:5f214a762545`.
  public var isDigestInDisguise: Bool {
    guard let tag, tag.utf8.allSatisfy(Self.isHexadecimal),
      let shortest = Self.algorithms[String(repository.split(separator: "/").last ?? "")]
    else { return false }
    return tag.utf8.count >= shortest
  }

  /// How many hexadecimal digits behind the name of a digest's algorithm are no tag. Docker shows twelve of those that
  /// image-spec registers (`descriptor.md`); the others are repositories' names as well, and a date or a commit a tag.
  private static let algorithms = [
    "sha256": 12, "sha384": 12, "sha512": 12, "sha224": 32, "sha1": 32, "md5": 32, "blake3": 32,
  ]

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
  }
}

extension Reference: CustomStringConvertible {
  public var description: String {
    repositoryName + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
  }
}

extension Reference: Comparable {
  public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

/// Why a text is no image reference. Each case carries the text as it was given.
public enum ReferenceError: Error, Hashable, Sendable {
  case empty
  /// The first component is no host: Ferry has no default registry.
  case missingHost(String)
  case invalidHost(String, host: String)
  /// A host stands alone.
  case missingRepository(String)
  case invalidRepository(String, repository: String)
  case invalidTag(String, tag: String)
  case invalidDigest(String, digest: String)
}

/// A registry, or a namespace in one: `host[:port][/path]`. What `list` reads and `import --to` writes to.
public struct RegistryLocation: Hashable, Sendable {
  public let host: String
  /// Without leading or trailing slash; empty for the whole registry.
  public let path: String

  public init(host: String, path: String = "") {
    self.host = host
    self.path = path
  }

  /// Parses a location. Throws ``ReferenceError``.
  public init(_ text: String) throws(ReferenceError) {
    guard !text.isEmpty else { throw .empty }
    var trimmed = text[...]
    while trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
    let (host, path) = try Reference.splitHost(trimmed, of: text)
    guard let path else {
      self.init(host: host)
      return
    }
    guard RepositoryName.isValid(path) else { throw .invalidRepository(text, repository: String(path)) }
    self.init(host: host, path: String(path))
  }

  /// `repository` placed below this location.
  public func appending(_ repository: String) -> String {
    path.isEmpty ? repository : "\(path)/\(repository)"
  }
}

extension RegistryLocation: CustomStringConvertible {
  public var description: String { path.isEmpty ? host : "\(host)/\(path)" }
}
