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
