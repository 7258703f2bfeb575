public import Digests

/// What points at content (image-spec `descriptor.md`): its type, digest and size.
public struct Descriptor: Hashable, Sendable, Codable {
  public let mediaType: MediaType
  public let digest: Digest
  /// In bytes.
  public let size: Int64
  public var platform: Platform?
  public var annotations: [String: String]?
  public var urls: [String]?
  public var artifactType: String?

  public init(
    mediaType: MediaType, digest: Digest, size: Int64, platform: Platform? = nil,
    annotations: [String: String]? = nil, urls: [String]? = nil, artifactType: String? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.platform = platform
    self.annotations = annotations
    self.urls = urls
    self.artifactType = artifactType
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    mediaType = try container.decode(MediaType.self, forKey: .mediaType)
    digest = try container.decode(Digest.self, forKey: .digest)
    size = try container.decode(Int64.self, forKey: .size)
    guard (0...Self.largestSize).contains(size) else {
      throw DecodingError.dataCorruptedError(
        forKey: .size, in: container, debugDescription: "the size \(size) is out of range")
    }
    platform = try container.decodeIfPresent(Platform.self, forKey: .platform)
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
    urls = try container.decodeIfPresent([String].self, forKey: .urls)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
  }

  /// 1 PiB: far beyond any blob.
  public static let largestSize: Int64 = 1 << 50

  /// The manifest that a buildkit attestation speaks of, when this descriptor is one
  /// (`vnd.docker.reference.digest`).
  public var attestedDigest: String? {
    annotations?["vnd.docker.reference.type"] == "attestation-manifest"
      ? annotations?[Self.attestedDigestAnnotation] : nil
  }

  /// Whether, in an index, it is a manifest to some readers and not to others, and not to Ferry: it is for a platform,
  /// or of a type that says nothing, or that is a manifest's but for how it is written.
  var isTakenForManifest: Bool {
    guard !mediaType.isManifest else { return false }
    let plain = MediaType(contentType: mediaType.rawValue)
    return platform != nil || plain.saysNothing || plain.isManifest || plain.isSchema1
  }

  public static let attestedDigestAnnotation = "vnd.docker.reference.digest"
}

extension JSONValue {
  /// The members of a descriptor without annotations.
  public static func descriptor(_ descriptor: Descriptor) -> [String: JSONValue] {
    [
      "mediaType": .string(descriptor.mediaType.rawValue),
      "digest": .string(descriptor.digest.description),
      "size": .integer(descriptor.size),
    ]
  }
}

extension Sequence where Element: FixedWidthInteger {
  /// The sum, or the largest number there is: sizes and counts come from outside, and a sum that is shown must not trap.
  public func saturatingSum() -> Element {
    reduce(0) { sum, next in
      let (total, overflow) = sum.addingReportingOverflow(next)
      return overflow ? .max : total
    }
  }
}
