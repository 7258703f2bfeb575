public import Digests
public import Images

/// Content that an image lists and an archive leaves out on purpose.
public struct Omission: Hashable, Sendable, Codable {
  /// Type, digest and size only.
  public let descriptor: Descriptor
  public let reason: Reason
  /// For what is known to be on the other side: the digest of the ``KnownSource`` that says so.
  public let source: Digest?
  /// And a repository, with its host, that it came from: where that went, it may be found and mounted from.
  public let repository: String?

  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    /// A layer that its registry need not hold (`urls`) and does not.
    case foreign
    /// A manifest for a platform that was not asked for.
    case platform
    /// The other side has it already.
    case known
  }

  public init(_ descriptor: Descriptor, reason: Reason, source: Digest? = nil, repository: String? = nil) {
    self.descriptor = Descriptor(
      mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size)
    self.reason = reason
    self.source = source
    self.repository = repository
  }

  private enum CodingKeys: String, CodingKey { case reason, source, repository }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try Descriptor(from: decoder), reason: try container.decode(Reason.self, forKey: .reason),
      source: try container.decodeIfPresent(Digest.self, forKey: .source),
      repository: try container.decodeIfPresent(String.self, forKey: .repository))
  }

  public func encode(to encoder: any Encoder) throws {
    try descriptor.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(reason, forKey: .reason)
    try container.encodeIfPresent(source, forKey: .source)
    try container.encodeIfPresent(repository, forKey: .repository)
  }
}
