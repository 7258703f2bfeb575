/// A manifest of one image or artifact (image-spec `manifest.md`).
public struct ImageManifest: Hashable, Sendable, Decodable {
  public let config: Descriptor
  public let layers: [Descriptor]
  /// What this manifest refers to: set on signatures, SBOMs and attestations.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?

  /// Whether its config is an image's, or may be by its type and the layers': docker takes a config whose type says
  /// nothing for one. ``ImageConfig/speaksOfLayers(_:)`` tells whether such a config is.
  public var mayBeRunnable: Bool {
    config.mediaType.isImageConfig
      || config.mediaType.saysNothing && layers.allSatisfy(\.mediaType.isLayer)
  }
}
