import FoundationEssentials

public import Digests

/// The part of an image's configuration (image-spec `config.md`) that Ferry reads.
public struct ImageConfig: Hashable, Sendable, Decodable {
  public let os: String?
  public let architecture: String?
  public let variant: String?
  public let created: String?
  public let rootfs: RootFS?

  public struct RootFS: Hashable, Sendable, Decodable {
    public let diffIDs: [Digest]

    private enum CodingKeys: String, CodingKey { case diffIDs = "diff_ids" }
  }

  /// Decodes a config blob. Throws ``ManifestError/malformed(_:)``.
  public init(bytes: [UInt8]) throws(ManifestError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch {
      throw .malformed(error.jsonReason)
    }
  }

  public var platform: Platform? {
    guard let os, let architecture, !os.isEmpty, !architecture.isEmpty else { return nil }
    return Platform(os: os, architecture: architecture, variant: variant.flatMap { $0.isEmpty ? nil : $0 })
  }
}
