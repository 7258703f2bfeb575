public import Digests
import FoundationEssentials

/// The part of an image's configuration (image-spec `config.md`) that Ferry reads.
public struct ImageConfig: Hashable, Sendable, Decodable {
  let os: String?
  let architecture: String?
  let variant: String?
  public let created: String?
  public let rootfs: RootFS?
  /// What was done to make the image, one entry a step. Go reads null for an entry that says nothing.
  private let history: [Step?]?

  public struct RootFS: Hashable, Sendable, Decodable {
    let type: String?
    /// What each layer unpacks to, nil where that is no digest Ferry knows; nil altogether where it is not said.
    public let diffIDs: [Digest?]?

    private enum CodingKeys: String, CodingKey {
      case type
      case diffIDs = "diff_ids"
    }

    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      type = try container.decodeIfPresent(String.self, forKey: .type)
      guard container.contains(.diffIDs) else {
        diffIDs = nil
        return
      }
      // Go writes an empty list as null, and reads null for an empty text.
      diffIDs = (try container.decode([String?]?.self, forKey: .diffIDs) ?? []).map { text in
        text.flatMap { try? Digest($0) }
      }
    }

    /// How many layers there are, where that is said. What Windows calls `layers+base` has one more, its base.
    fileprivate var layerCount: Int? { type == "layers+base" ? nil : diffIDs?.count }
  }

  /// What a config says of which layers its image has: all that is kept of one that thousands of manifests may list.
  public struct LayerClaim: Hashable, Sendable {
    private let count: Int32?
    private let hasRoot: Bool
    /// Whether none of its steps made a layer.
    private let mayHaveNone: Bool

    fileprivate init(_ config: ImageConfig) {
      count = config.rootfs?.layerCount.map { Int32(clamping: $0) }
      hasRoot = config.rootfs != nil
      mayHaveNone = (config.history ?? []).allSatisfy { $0?.isEmptyLayer == true }
    }

    /// Whether `manifest`, whose config it is, may list the layers it does, as ``ImageConfig/describes(_:)`` has it.
    public func fits(_ manifest: ImageManifest) -> Bool {
      guard manifest.mayBeRunnable, manifest.layers.allSatisfy(\.mediaType.isLayer),
        manifest.config.mediaType.isImageConfig || hasRoot
      else { return true }
      if let count { return count == manifest.layers.count }
      // Many tools leave steps out; but where a step made a layer, there is one.
      return !manifest.layers.isEmpty || mayHaveNone
    }
  }

  private struct Step: Hashable, Sendable, Decodable {
    let isEmptyLayer: Bool?

    private enum CodingKeys: String, CodingKey { case isEmptyLayer = "empty_layer" }
  }

  /// The largest that is read, in bytes: far beyond any, and four times what others read.
  public static let sizeLimit = 16 << 20

  /// Decodes a config blob that says one thing to all readers. Throws ``ManifestError/malformed(_:)``.
  public init(bytes: [UInt8]) throws(ManifestError) {
    do {
      self = try DocumentShape.imageConfig.decode(Self.self, from: bytes, within: .image)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
  }

  /// Whether `manifest`, whose config this is, may list the layers it does. False for a manifest with more or fewer
  /// layers than the config speaks of: one reader would take an image, another one a hollow or a broken one. A config
  /// that is no runnable image's says nothing of layers, nor does one of content that is no file system.
  public func describes(_ manifest: ImageManifest) -> Bool { layerClaim.fits(manifest) }

  /// What it says of its image's layers.
  public var layerClaim: LayerClaim { LayerClaim(self) }

  /// Whether the config blob in `bytes`, whose type does not say so, is an image's to those who take it for one: an
  /// object with a `rootfs`, however that is spelled.
  public static func speaksOfLayers(_ bytes: [UInt8]) -> Bool {
    bytes.count <= sizeLimit && (try? DocumentShape.loose.decode(Opening.self, from: bytes))?.hasRoot == true
  }

  private struct Opening: Decodable {
    let hasRoot: Bool

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }

      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      hasRoot = container.allKeys.contains { key in
        DocumentShape.imageConfig.member(key.stringValue)?.name == "rootfs"
          && (try? container.nestedContainer(keyedBy: Key.self, forKey: key)) != nil
      }
    }
  }

  /// Sees that the config blob in `bytes` is an image's and says one thing to all readers. Throws
  /// ``ManifestError``: `malformed`, and `tooLarge`.
  public static func check(_ bytes: [UInt8]) throws(ManifestError) {
    guard bytes.count <= sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
    _ = try Self(bytes: bytes)
  }

  public var platform: Platform? {
    guard let os, let architecture, !os.isEmpty, !architecture.isEmpty else { return nil }
    return Platform(os: os, architecture: architecture, variant: variant.flatMap { $0.isEmpty ? nil : $0 })
  }
}
