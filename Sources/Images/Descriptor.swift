public import Digests

/// What points at content (image-spec `descriptor.md`): its type, digest and size.
///
/// What it says stands in memory once, however many copies there are: archives list the same layers thousands of times.
public struct Descriptor: Hashable, Sendable, Codable {
  /// What is said of some descriptors alone: by indexes of their manifests, and by artifacts.
  private struct Details: Hashable, Sendable {
    private struct Annotation: Hashable, Sendable {
      let name: String
      let text: String
    }

    var platform: Platform?
    /// In the order of their names: a dictionary of the two that an image has takes twice as much.
    private var listed: [Annotation]?
    var annotations: [String: String]? {
      get { listed.map { Dictionary($0.map { ($0.name, $0.text) }) { first, _ in first } } }
      set {
        listed = newValue?.sorted { $0.key < $1.key }.map { Annotation(name: $0.key, text: $0.value) }
      }
    }
    var urls: [String]?
    var artifactType: String?

    init(
      platform: Platform? = nil, annotations: [String: String]? = nil, urls: [String]? = nil,
      artifactType: String? = nil
    ) {
      self.platform = platform
      self.urls = urls
      self.artifactType = artifactType
      self.annotations = annotations
    }

    /// nil when nothing is said.
    var unlessEmpty: Details? {
      platform == nil && listed == nil && urls == nil && artifactType == nil ? nil : self
    }
  }

  private final class DetailsBox: Sendable {
    let details: Details

    init(_ details: Details) { self.details = details }
  }

  private final class Content: Sendable {
    let mediaType: MediaType
    let digest: Digest
    let size: Int64
    let details: DetailsBox?

    init(_ mediaType: MediaType, _ digest: Digest, _ size: Int64, _ details: Details?) {
      self.mediaType = mediaType
      self.digest = digest
      self.size = size
      self.details = details.map(DetailsBox.init)
    }
  }

  private var content: Content

  public init(
    mediaType: MediaType, digest: Digest, size: Int64, platform: Platform? = nil,
    annotations: [String: String]? = nil, urls: [String]? = nil, artifactType: String? = nil
  ) {
    let details = Details(
      platform: platform, annotations: annotations, urls: urls, artifactType: artifactType)
    content = Content(mediaType, digest, size, details.unlessEmpty)
  }

  public var mediaType: MediaType { content.mediaType }
  public var digest: Digest { content.digest }
  /// In bytes.
  public var size: Int64 { content.size }

  public var platform: Platform? {
    get { details.platform }
    set { change { $0.platform = newValue } }
  }

  /// Of one that was read those that Ferry reads (``Annotation``).
  public var annotations: [String: String]? {
    get { details.annotations }
    set { change { $0.annotations = newValue } }
  }

  public var urls: [String]? {
    get { details.urls }
    set { change { $0.urls = newValue } }
  }

  public var artifactType: String? {
    get { details.artifactType }
    set { change { $0.artifactType = newValue } }
  }

  /// The same without all that is not its type, digest and size.
  public var plain: Descriptor {
    content.details == nil ? self : Descriptor(mediaType: mediaType, digest: digest, size: size)
  }

  private var details: Details { content.details?.details ?? Details() }

  private mutating func change(_ body: (inout Details) -> Void) {
    var details = details
    body(&details)
    content = Content(mediaType, digest, size, details.unlessEmpty)
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.content === right.content
      || left.digest == right.digest && left.size == right.size && left.mediaType == right.mediaType
        && left.details == right.details
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(digest)
    hasher.combine(size)
    hasher.combine(mediaType)
    hasher.combine(content.details?.details)
  }

  private enum CodingKeys: String, CodingKey {
    case mediaType, digest, size, platform, annotations, urls, artifactType
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let mediaType = try container.decode(MediaType.self, forKey: .mediaType)
    let digest = try container.decode(Digest.self, forKey: .digest)
    let size = try container.decode(Int64.self, forKey: .size)
    guard (0...Self.largestSize).contains(size) else {
      throw DecodingError.dataCorruptedError(
        forKey: .size, in: container, debugDescription: "the size \(size) is out of range")
    }
    self.init(
      mediaType: mediaType, digest: digest, size: size,
      platform: try container.decodeIfPresent(Platform.self, forKey: .platform),
      annotations: try Annotation.decode(from: container, forKey: .annotations),
      urls: try Self.urls(in: container),
      artifactType: try container.decodeIfPresent(String.self, forKey: .artifactType))
  }

  /// How many bytes of addresses are kept, or one address more: nobody goes through thousands of them.
  private static let mostURLBytes = 64 << 10

  private static func urls(in container: KeyedDecodingContainer<CodingKeys>) throws -> [String]? {
    guard container.contains(.urls), try !container.decodeNil(forKey: .urls) else { return nil }
    var list = try container.nestedUnkeyedContainer(forKey: .urls)
    var urls: [String] = []
    var size = 0
    while !list.isAtEnd {
      let url = try list.decode(String.self)
      guard size <= mostURLBytes else { continue }
      size.add(saturating: url.utf8.count)
      urls.append(url)
    }
    return urls
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(mediaType, forKey: .mediaType)
    try container.encode(digest, forKey: .digest)
    try container.encode(size, forKey: .size)
    try container.encodeIfPresent(platform, forKey: .platform)
    try container.encodeIfPresent(annotations, forKey: .annotations)
    try container.encodeIfPresent(urls, forKey: .urls)
    try container.encodeIfPresent(artifactType, forKey: .artifactType)
  }

  /// 1 PiB: far beyond any blob.
  public static let largestSize: Int64 = 1 << 50

  /// The manifest that a buildkit attestation speaks of, when this descriptor is one
  /// (`vnd.docker.reference.digest`).
  public var attestedDigest: String? {
    annotations?[Annotation.referenceType] == "attestation-manifest"
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
    var sum: Element = 0
    for next in self { sum.add(saturating: next) }
    return sum
  }
}

extension FixedWidthInteger {
  /// Adds a size or a count from outside, up to the largest number there is. None of them is negative.
  public mutating func add(saturating more: Self) {
    let (sum, overflow) = addingReportingOverflow(more)
    self = overflow ? .max : sum
  }
}
