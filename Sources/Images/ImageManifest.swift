/// A manifest of one image or artifact (image-spec `manifest.md`).
public struct ImageManifest: Hashable, Sendable, Decodable {
  public let config: Descriptor
  public let layers: [Descriptor]
  /// What this manifest refers to: set on signatures, SBOMs and attestations.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?
}
