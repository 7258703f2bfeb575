import Foundation

/// An image, or an index of images, held in memory.
public struct StagedImage: Sendable {
  public enum Format: Sendable { case oci, docker }

  public let manifest: [UInt8]
  public let mediaType: String
  /// Config and layers by digest; of an index none.
  public let blobs: [String: [UInt8]]
  /// The images of an index.
  public let children: [StagedImage]
  /// What registries know it by: the manifest's digest or, of a signed one of Docker's schema 1, that of what is signed.
  public let digest: String

  /// An image of uncompressed layers.
  public init(layers: [[UInt8]], format: Format = .oci, architecture: String = "amd64") {
    let types = Types(format)
    let diffIDs = layers.map { "\"\(Self.digest(of: $0))\"" }.joined(separator: ",")
    let config = Array(
      """
      {"architecture":"\(architecture)","os":"linux","rootfs":{"type":"layers","diff_ids":[\(diffIDs)]}}
      """.utf8)
    let listed = layers.map { Self.descriptor(types.layer, $0) }.joined(separator: ",")
    manifest = Array(
      """
      {"schemaVersion":2,"mediaType":"\(types.manifest)","config":\(Self.descriptor(types.config, config)),\
      "layers":[\(listed)]}
      """.utf8)
    mediaType = types.manifest
    blobs = Dictionary(([config] + layers).map { (Self.digest(of: $0), $0) }) { first, _ in first }
    children = []
    digest = Self.digest(of: manifest)
  }

  /// An index with one image for each architecture.
  public init(index images: [(architecture: String, image: StagedImage)], format: Format = .oci) {
    let types = Types(format)
    let listed = images.map { architecture, image in
      """
      {"mediaType":"\(image.mediaType)","size":\(image.manifest.count),"digest":"\(image.digest)",\
      "platform":{"os":"linux","architecture":"\(architecture)"}}
      """
    }.joined(separator: ",")
    manifest = Array(
      #"{"schemaVersion":2,"mediaType":"\#(types.index)","manifests":[\#(listed)]}"#.utf8)
    mediaType = types.index
    blobs = [:]
    children = images.map(\.image)
    digest = Self.digest(of: manifest)
  }

  /// An image of Docker's schema 1 as registries of 2016 signed them, its layers from the lowest to the highest.
  public init(schema1 layers: [[UInt8]], name: String, tag: String) {
    let blobs = layers.reversed().map { #"{"blobSum":"\#(Self.digest(of: $0))"}"# }.joined(separator: ",")
    let history = layers.indices.reversed().map { number in
      let parent = number == 0 ? "" : #"\"parent\":\"\#(number - 1)\","#
      return
        #"{"v1Compatibility":"{\"id\":\"\#(number)\",\#(parent)\"os\":\"linux\",\"architecture\":\"amd64\"}"}"#
    }.joined(separator: ",")
    let signed = """
      {
        "schemaVersion": 1, "name": "\(name)", "tag": "\(tag)", "architecture": "amd64",
        "fsLayers": [\(blobs)], "history": [\(history)]
      }
      """
    let tail = "\n}"
    let header = Self.base64URL(
      #"{"formatLength":\#(signed.utf8.count - 2),"formatTail":"\#(Self.base64URL(tail))","time":"2016-01-01T00:00:00Z"}"#
    )
    let signature = #"{"header":{"alg":"ES256"},"signature":"c2lnbmVk","protected":"\#(header)"}"#
    manifest = Array("\(signed.dropLast(tail.count)),\n  \"signatures\": [\(signature)]\(tail)".utf8)
    mediaType = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    self.blobs = Dictionary(layers.map { (Self.digest(of: $0), $0) }) { first, _ in first }
    children = []
    digest = Self.digest(of: Array(signed.utf8))
  }

  private static func base64URL(_ text: String) -> String {
    Data(text.utf8).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
      "=", with: "")
  }

  /// `count` bytes that do not repeat, the same for the same seed.
  public static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state >> 24)
    }
  }

  /// `sha256:…`
  public static func digest(of bytes: [UInt8]) -> String { BlobDigest.of(bytes) }

  private static func descriptor(_ type: String, _ bytes: [UInt8]) -> String {
    #"{"mediaType":"\#(type)","size":\#(bytes.count),"digest":"\#(digest(of: bytes))"}"#
  }

  private struct Types {
    let manifest: String
    let index: String
    let config: String
    let layer: String

    init(_ format: Format) {
      switch format {
      case .oci:
        manifest = "application/vnd.oci.image.manifest.v1+json"
        index = "application/vnd.oci.image.index.v1+json"
        config = "application/vnd.oci.image.config.v1+json"
        layer = "application/vnd.oci.image.layer.v1.tar"
      case .docker:
        manifest = "application/vnd.docker.distribution.manifest.v2+json"
        index = "application/vnd.docker.distribution.manifest.list.v2+json"
        config = "application/vnd.docker.container.image.v1+json"
        layer = "application/vnd.docker.image.rootfs.diff.tar"
      }
    }
  }
}
