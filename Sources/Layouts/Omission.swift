public import Digests
public import Images

/// Content that an image lists and an archive leaves out on purpose.
///
/// What it says stands in memory once, however many copies there are: an export may leave out hundreds of thousands of blobs.
public struct Omission: Hashable, Sendable, Codable {
  private final class Content: Hashable, Sendable {
    let descriptor: Descriptor
    let reason: Reason
    let source: Digest?
    let repository: String?
    let platform: PlatformBox?

    init(
      _ descriptor: Descriptor, _ reason: Reason, _ source: Digest?, _ repository: String?,
      _ platform: Platform?
    ) {
      self.descriptor = descriptor
      self.reason = reason
      self.source = source
      self.repository = repository
      self.platform = platform.map(PlatformBox.init)
    }

    static func == (left: Content, right: Content) -> Bool {
      left === right
        || left.descriptor == right.descriptor && left.reason == right.reason && left.source == right.source
          && left.repository == right.repository && left.platform?.platform == right.platform?.platform
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(descriptor)
      hasher.combine(reason)
      hasher.combine(source)
      hasher.combine(repository)
      hasher.combine(platform?.platform)
    }
  }

  /// Few have one.
  private final class PlatformBox: Sendable {
    let platform: Platform

    init(_ platform: Platform) { self.platform = platform }
  }

  private let content: Content

  /// Type, digest and size only.
  public var descriptor: Descriptor { content.descriptor }
  public var reason: Reason { content.reason }
  /// For what is known to be on the other side: the digest of the ``KnownSource`` that says so.
  public var source: Digest? { content.source }
  /// And a repository, with its host, that it came from: where that went, it may be found and mounted from.
  public var repository: String? { content.repository }
  /// Of what another tool left out: for which platform its index lists it. In no ``FerryFile``.
  public var platform: Platform? { content.platform?.platform }

  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    /// A layer that its registry need not hold (`urls`) and does not.
    case foreign
    /// A manifest for a platform that was not asked for.
    case platform
    /// The other side has it already.
    case known
    /// A manifest that an index lists and the tool that wrote the archive left out, or left out of. In no ``FerryFile``.
    case absent
  }

  public init(
    _ descriptor: Descriptor, reason: Reason, source: Digest? = nil, repository: String? = nil,
    platform: Platform? = nil
  ) {
    content = Content(descriptor.plain, reason, source, repository, platform)
  }

  private enum CodingKeys: String, CodingKey { case reason, source, repository }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let reason = try container.decode(Reason.self, forKey: .reason)
    guard reason != .absent else {
      throw DecodingError.dataCorruptedError(
        forKey: .reason, in: container, debugDescription: "a reason of other tools")
    }
    self.init(
      try Descriptor(from: decoder), reason: reason,
      source: try container.decodeIfPresent(Digest.self, forKey: .source),
      repository: try container.decodeIfPresent(String.self, forKey: .repository))
  }

  public func encode(to encoder: any Encoder) throws {
    try descriptor.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(reason, forKey: .reason)
    try container.encodeIfPresent(source, forKey: .source)
    try container.encodeIfPresent(repository, forKey: .repository)
  }
}

/// From what an export knew that the other side has content which it left out: what to bring when that turns
/// out to be wrong.
public struct KnownSource: Hashable, Sendable, Codable {
  public enum Kind: String, Hashable, Sendable, Codable {
    /// An archive that was carried before.
    case archive
    /// An import's receipt.
    case receipt
  }

  public let kind: Kind
  /// The file's name without its directory: for people to find it by.
  public let name: String
  /// The archive digest, or the sha256 of the receipt.
  public let digest: Digest

  public init(kind: Kind, name: String, digest: Digest) {
    self.kind = kind
    self.name = name
    self.digest = digest
  }

  static func precedes(_ left: Self, _ right: Self) -> Bool {
    left.digest != right.digest
      ? left.digest < right.digest : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}

/// Why content cannot be left out for the reason that an archive gives.
public enum OmissionFault: Hashable, Sendable {
  /// A registry need not hold foreign layers alone, and something lists it as this, or without `urls`.
  case notForeign(MediaType)
  /// No index lists it for a platform, or something else needs it too.
  case notAnotherPlatform
  /// Its index has nothing else that is here.
  case nothingLeft
  /// The other side is asked for configs and layers; a manifest is always carried.
  case notABlob
  /// What is to know that the other side has it is not said.
  case unknownSource
  /// Whoever lists it gives it another type.
  case otherType(MediaType)
}

/// Whether what an archive says it leaves out on purpose may be left out for that: an archive could call any layer
/// foreign, and be without it.
struct OmissionReview {
  /// How something that is left out is listed.
  private enum Place: Hashable {
    case root
    /// By an index: whether for a platform, or as the attestation of a manifest for one.
    case entry(isForPlatform: Bool, isManifest: Bool)
    case config
    case layer
    /// By an artifact manifest.
    case blob
  }

  private struct Use: Hashable {
    let place: Place
    let type: MediaType
    /// Whether it says where else it can be had.
    let hasURLs: Bool
  }

  private let omissions: [Digest: Omission]
  private var uses: [Digest: Set<Use>] = [:]
  /// What an index of which nothing is here leaves out.
  private var hollow: Set<Digest> = []

  init(_ omissions: [Digest: Omission]) {
    self.omissions = omissions
  }

  mutating func note(root: Descriptor) { note(root, .root) }

  mutating func note(_ manifest: Manifest) {
    switch manifest.content {
    case .image(let image):
      note(image.config, .config)
      for layer in image.layers { note(layer, .layer) }
    case .index(let index):
      for entry in index.manifests {
        let isForPlatform = entry.platform != nil || entry.attestedDigest != nil
        note(entry, .entry(isForPlatform: isForPlatform, isManifest: manifest.isManifest(entry)))
      }
      // What is said about manifests is of no use without them.
      let runnable = index.manifests.filter { $0.attestedDigest == nil && $0.platform?.isUnknown != true }
      if runnable.allSatisfy({ omissions[$0.digest] != nil }) {
        hollow.formUnion(index.manifests.map(\.digest))
      }
    case .artifact(let artifact):
      for blob in artifact.blobs { note(blob, .blob) }
    case .opaque(let content):
      for part in content.found {
        note(part, manifest.isManifest(part) ? .entry(isForPlatform: false, isManifest: true) : .blob)
      }
    case .schema1: break
    }
  }

  private mutating func note(_ descriptor: Descriptor, _ place: Place) {
    guard omissions[descriptor.digest] != nil else { return }
    uses[descriptor.digest, default: []].insert(
      Use(
        place: place, type: descriptor.mediaType, hasURLs: descriptor.urls?.isEmpty == false))
  }

  /// What may not be left out, in the order of the digests. `sources` are what the archive says it knows from.
  func problems(sources: [KnownSource]) -> [LayoutProblem] {
    let known = Set(sources.map(\.digest))
    return uses.sorted { $0.key < $1.key }.compactMap { digest, uses in
      guard let omission = omissions[digest], let fault = fault(of: omission, uses, known) else { return nil }
      return .unfitOmission(omission, fault)
    }
  }

  private func fault(of omission: Omission, _ uses: Set<Use>, _ known: Set<Digest>) -> OmissionFault? {
    let types = uses.map(\.type).sorted { $0.rawValue < $1.rawValue }
    switch omission.reason {
    case .foreign:
      for type in types where !type.isForeignLayer { return .notForeign(type) }
      guard uses.allSatisfy({ $0.place == .layer && $0.hasURLs }) else { return .notForeign(types[0]) }
    case .platform:
      let isForOthers = uses.allSatisfy { use in
        if case .entry(let isForPlatform, _) = use.place { isForPlatform } else { false }
      }
      guard isForOthers else { return .notAnotherPlatform }
      guard !hollow.contains(omission.descriptor.digest) else { return .nothingLeft }
    case .known:
      let isBlob = uses.allSatisfy { use in
        switch use.place {
        case .root, .entry(_, isManifest: true): false
        case .config, .layer, .blob, .entry: true
        }
      }
      guard isBlob else { return .notABlob }
      if let source = omission.source, !known.contains(source) { return .unknownSource }
    case .absent: break
    }
    // Images may call one blob by different types.
    guard let first = types.first, !types.contains(omission.descriptor.mediaType) else { return nil }
    return .otherType(first)
  }
}
