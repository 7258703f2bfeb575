public import Digests
import Images

/// What cosign's signatures say that they sign: the manifest in the payload of each ("simple signing"), which stands beside the
/// signature as a layer. The name that a list gives a signature may be another image's by now.
///
/// Each manifest and each payload is read once, however many names and signatures have it.
public struct SignedDigests {
  private struct Payload: Decodable {
    struct Critical: Decodable { let image: Image }
    struct Image: Decodable {
      let digest: String

      enum CodingKeys: String, CodingKey { case digest = "docker-manifest-digest" }
    }

    let critical: Critical
  }

  private static let type = MediaType(rawValue: "application/vnd.dev.cosign.simplesigning.v1+json")
  /// The largest payload that is read, in bytes: cosign's have a few hundred.
  private static let largest = 64 << 10
  /// The most signatures of one manifest that are read.
  private static let most = 64

  private var bySignature: [Digest: Set<Digest>] = [:]
  private var byPayload: [Digest: Digest?] = [:]

  public init() {}

  /// What `image` of `layout` signs; nothing where it is no signature, or cannot be read here: its bytes may come later.
  public mutating func digests(of image: LayoutImage, in layout: Layout) -> Set<Digest> {
    let root = image.root
    if let known = bySignature[root.digest] { return known }
    var digests: Set<Digest> = []
    if case .image(let manifest) = (try? layout.manifest(root))?.content {
      for layer in manifest.layers.lazy.filter({ $0.mediaType == Self.type }).prefix(Self.most) {
        signed(by: layer, in: layout).map { _ = digests.insert($0) }
      }
    }
    bySignature[root.digest] = digests
    return digests
  }

  private mutating func signed(by layer: Descriptor, in layout: Layout) -> Digest? {
    if let known = byPayload[layer.digest] { return known }
    let payload = (try? layout.bytes(of: layer, limit: Self.largest)).flatMap { bytes in
      try? DocumentShape.loose.decode(Payload.self, from: bytes)
    }
    let digest = payload.flatMap { try? Digest($0.critical.image.digest) }
    byPayload[layer.digest] = .some(digest)
    return digest
  }
}
