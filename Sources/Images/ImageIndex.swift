/// A list of manifests, one a platform (image-spec `image-index.md`).
public struct ImageIndex: Hashable, Sendable, Decodable {
  public let manifests: [Descriptor]
  public let subject: Descriptor?
  public let annotations: [String: String]?
}
