/// A list of manifests, one a platform (image-spec `image-index.md`).
public struct ImageIndex: Hashable, Sendable, Decodable {
  public let manifests: [Descriptor]
  /// What this index refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?
}
