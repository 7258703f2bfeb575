public import Digests
public import FoundationEssentials
public import Images

/// An image that a destination confirmed to hold.
public struct ReceivedImage: Hashable, Sendable {
  /// Its name in the archive: the full source reference, where the archive gives one.
  public let source: String
  public let target: Reference
  /// As the destination gave it for ``target``, not as the archive has it.
  public let digest: Digest
  /// Its digest in the archive, where that is another: its layers were compressed on the way, or it is a list of
  /// referrers that was added to one at the destination.
  public let archiveDigest: Digest?
  /// What registries knew it by as one of Docker's schema 1, before it was converted, at export or on the way.
  public let schema1Digest: Digest?
  /// The index that it is some platforms of since its export; nil where that is not known.
  public let indexDigest: Digest?
  /// The digest in the name that docker's list gives it in its archive, where its manifest has another.
  public let givenDigest: Digest?
  /// Manifests, configs and layers added up, each counted once, in bytes.
  public let size: Int64
  public let confirmedAt: Date
  /// What ``blobs`` is made of: a receipt of thousands of images has hundreds of thousands.
  let parts: [Part]

  /// The three facts of a descriptor that a receipt keeps.
  struct Part: Hashable, Sendable, Encodable {
    let mediaType: MediaType
    let digest: Digest
    let size: Int64
  }

  /// Everything the image consists of, its root manifest and all others included, each digest once (but for a list
  /// of referrers that was added to another): all of it lies in the target's repository. Only type, digest and size are kept of each descriptor.
  public var blobs: [Descriptor] {
    parts.map { Descriptor(mediaType: $0.mediaType, digest: $0.digest, size: $0.size) }
  }

  /// The same with what an `earlier` receipt of it has besides: of an index an import may have found some platforms alone in
  /// its archive.
  func joined(with earlier: ReceivedImage) -> ReceivedImage {
    let known = Set(parts.map(\.digest))
    let more = earlier.parts.filter { !known.contains($0.digest) }
    guard !more.isEmpty else { return self }
    return ReceivedImage(
      source: source, target: target, digest: digest, archiveDigest: archiveDigest,
      schema1Digest: schema1Digest, indexDigest: indexDigest, givenDigest: givenDigest,
      size: [size, more.map(\.size).saturatingSum()].saturatingSum(),
      confirmedAt: confirmedAt, blobs: blobs + earlier.blobs.filter { !known.contains($0.digest) })
  }

  public init(
    source: String, target: Reference, digest: Digest, archiveDigest: Digest? = nil,
    schema1Digest: Digest? = nil, indexDigest: Digest? = nil, givenDigest: Digest? = nil, size: Int64,
    confirmedAt: Date, blobs: [Descriptor]
  ) {
    self.source = source
    self.target = target
    self.digest = digest
    self.archiveDigest = archiveDigest
    self.schema1Digest = schema1Digest
    self.indexDigest = indexDigest
    self.givenDigest = givenDigest
    self.size = size
    self.confirmedAt = confirmedAt
    parts = blobs.map { Part(mediaType: $0.mediaType, digest: $0.digest, size: $0.size) }
  }
}

extension ReceivedImage: Codable {
  private enum CodingKeys: String, CodingKey {
    case source, target, digest, archiveDigest, schema1Digest, indexDigest, givenDigest, size, confirmedAt,
      blobs
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    source = try container.decode(String.self, forKey: .source)
    do {
      target = try Reference(anyTag: container.decode(String.self, forKey: .target))
    } catch is ReferenceError {
      throw DecodingError.dataCorruptedError(
        forKey: .target, in: container, debugDescription: "no image reference")
    }
    let digest = try container.decode(Digest.self, forKey: .digest)
    self.digest = digest
    archiveDigest = try container.decodeIfPresent(Digest.self, forKey: .archiveDigest)
    schema1Digest = try container.decodeIfPresent(Digest.self, forKey: .schema1Digest)
    indexDigest = try container.decodeIfPresent(Digest.self, forKey: .indexDigest)
    givenDigest = try container.decodeIfPresent(Digest.self, forKey: .givenDigest)
    size = try container.decode(Int64.self, forKey: .size)
    confirmedAt = try container.decode(ReceiptTime.self, forKey: .confirmedAt).date
    let blobs = try container.decode([Descriptor].self, forKey: .blobs)
    parts = blobs.map { Part(mediaType: $0.mediaType, digest: $0.digest, size: $0.size) }
    guard Set(blobs.map(\.digest)).count == blobs.count, blobs.contains(where: { $0.digest == digest }) else {
      throw DecodingError.dataCorruptedError(
        forKey: .blobs, in: container, debugDescription: "a digest twice, or not the image's own")
    }
    guard blobs.allSatisfy({ $0.size > 0 || $0.digest.matches([]) }) else {
      throw DecodingError.dataCorruptedError(
        forKey: .blobs, in: container, debugDescription: "a size of 0 for what is not empty")
    }
    guard size == blobs.map(\.size).saturatingSum() else {
      throw DecodingError.dataCorruptedError(
        forKey: .size, in: container, debugDescription: "not what its blobs add up to")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(source, forKey: .source)
    try container.encode(target.description, forKey: .target)
    try container.encode(digest, forKey: .digest)
    try container.encodeIfPresent(archiveDigest, forKey: .archiveDigest)
    try container.encodeIfPresent(schema1Digest, forKey: .schema1Digest)
    try container.encodeIfPresent(indexDigest, forKey: .indexDigest)
    try container.encodeIfPresent(givenDigest, forKey: .givenDigest)
    try container.encode(size, forKey: .size)
    try container.encode(ReceiptTime(confirmedAt), forKey: .confirmedAt)
    try container.encode(parts, forKey: .blobs)
  }
}

extension ReceivedImage {
  /// The same with the media types of `pool`.
  func sharing(_ pool: inout MediaTypePool) -> ReceivedImage {
    ReceivedImage(
      self, parts: parts.map { Part(mediaType: pool.shared($0.mediaType), digest: $0.digest, size: $0.size) })
  }

  private init(_ image: ReceivedImage, parts: [Part]) {
    source = image.source
    target = image.target
    digest = image.digest
    archiveDigest = image.archiveDigest
    schema1Digest = image.schema1Digest
    indexDigest = image.indexDigest
    givenDigest = image.givenDigest
    size = image.size
    confirmedAt = image.confirmedAt
    self.parts = parts
  }
}
