import FoundationEssentials

/// The annotations of which Ferry reads what they say, in manifests and in what lists them. All others are seen to be texts, as
/// they must be, and let go: there may be thousands of them, and nobody asks.
public enum Annotation {
  /// What containerd, docker and podman take an image's full name from.
  public static let imageName = "io.containerd.image.name"
  /// What skopeo and oras find an image by (image-spec `annotations.md`).
  public static let refName = "org.opencontainers.image.ref.name"
  /// Which repository a referrer is of: its full name by digest.
  public static let referrerName = "org.ferry.referrer.name"
  /// The digest of an archive's `ferry.json`.
  public static let ledgerDigest = "org.ferry.ledger.digest"
  /// What cosign and hauler say that an entry of `index.json` is.
  public static let kind = "kind"
  /// What buildkit says that an entry of an index is.
  static let referenceType = "vnd.docker.reference.type"

  private static let read: Set = [
    imageName, refName, referrerName, ledgerDigest, kind, referenceType, Descriptor.attestedDigestAnnotation,
    Schema1Carrier.digestAnnotation, PlatformIndex.originAnnotation,
  ]

  /// Those that are read of all that stand under `key`; nil where there are none. Throws `DecodingError` where one of all is no
  /// text.
  public static func decode<Key: CodingKey>(
    from container: KeyedDecodingContainer<Key>, forKey key: Key
  ) throws -> [String: String]? {
    try kept(container.decodeIfPresent([String: String].self, forKey: key))
  }

  /// Those of `all` that are read; nil where there are none.
  public static func kept(_ all: [String: String]?) -> [String: String]? {
    guard let all, !all.isEmpty else { return nil }
    var kept: [String: String] = [:]
    for name in read { if let text = all[name] { kept[name] = text } }
    return kept.isEmpty ? nil : kept
  }
}

extension Manifest {
  /// All its annotations, read once more; nil where it has none.
  var allAnnotations: [String: String]? {
    struct Annotated: Decodable { let annotations: [String: String]? }
    return (try? DocumentShape.loose.decode(Annotated.self, from: bytes, within: .image))?.annotations
  }
}
