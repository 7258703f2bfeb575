public import Digests
import FoundationEssentials

/// A manifest or index: the registry's exact bytes, what they hash to, and what they say.
///
/// The bytes are the truth. They are decoded for reading and never encoded again.
public struct Manifest: Sendable {
  public private(set) var bytes: [UInt8]
  public let digest: Digest
  public let mediaType: MediaType
  /// In bytes.
  public let size: Int64
  /// How many values and keys it has: what reading it costs.
  public let values: Int
  /// Whether that is what its own field `mediaType` says.
  public let saysItsType: Bool
  public let content: Content
  /// What is known of it where its type is none that Ferry knows, and of those of which the same is true and that it lists.
  public let opaque: OpaqueManifests

  public enum Content: Sendable {
    case image(ImageManifest)
    case index(ImageIndex)
    case artifact(ArtifactManifest)
    /// Docker's image manifest of schema 1, which does not say how large its layers are: ``Schema1Carrier`` does.
    case schema1(Schema1Manifest)
    /// A manifest of a type that Ferry does not know.
    case opaque(OpaqueManifest)
  }

  /// What distribution-spec asks of registries as the least limit, and what they enforce: 4 MiB.
  public static let sizeLimit = 4 << 20

  /// Decodes `bytes`. `mediaType` is what the registry or descriptor called them; the `mediaType` field
  /// inside, covered by the digest, is believed first. `opaque` are the manifests of types that Ferry does not know of which
  /// something is known; anything else of such a type is none. `algorithm` is what whoever points at it names it by.
  public init(
    bytes: [UInt8], mediaType claimed: MediaType?, opaque: OpaqueManifests = [:],
    by algorithm: Digest.Algorithm = .sha256
  ) throws(ManifestError) {
    guard !opaque.isEmpty, let record = opaque[Digest(of: bytes, by: algorithm)] else {
      try self.init(bytes: bytes, mediaType: claimed, knowing: opaque, isAnswer: false, by: algorithm)
      return
    }
    guard bytes.count <= Self.sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
    let type = record.manifest.mediaType
    let said = OpaqueType(of: bytes).said
    guard type.mayBeOpaque, said.map({ $0 == type }) ?? true, claimed.map({ $0 == type }) ?? true else {
      throw .malformed(.namesOtherContent)
    }
    self.init(
      bytes, type, saysItsType: said != nil, try OpaqueManifest(bytes, record), knowing: opaque, by: algorithm
    )
  }

  /// Decodes what a registry answers when it is asked for a manifest: of a type that Ferry does not know as well, of which it
  /// is to be looked for what it names (``NamedContent``). `isVouchedFor` tells whether the answer shows by more than its
  /// type that it is a manifest's.
  public init(
    answer bytes: [UInt8], mediaType claimed: MediaType?, isVouchedFor: Bool,
    by algorithm: Digest.Algorithm = .sha256
  ) throws(ManifestError) {
    let isKnown = claimed.map { $0.isManifest || $0.isSchema1 } ?? false
    let own = isKnown ? nil : OpaqueType(of: bytes)
    if let own, let type = try own.type(claimed: claimed, isVouchedFor: isVouchedFor) {
      guard bytes.count <= Self.sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
      self.init(
        bytes, type, saysItsType: own.said != nil, try OpaqueManifest(bytes), knowing: [:], by: algorithm)
    } else {
      try self.init(bytes: bytes, mediaType: claimed, knowing: [:], isAnswer: true, by: algorithm)
    }
  }

  private init(
    _ bytes: [UInt8], _ type: MediaType, saysItsType: Bool, _ content: OpaqueManifest,
    knowing opaque: OpaqueManifests, by algorithm: Digest.Algorithm
  ) {
    self.bytes = bytes
    size = Int64(bytes.count)
    values = content.values
    let digest = Digest(of: bytes, by: algorithm)
    self.digest = digest
    mediaType = type
    self.saysItsType = saysItsType
    self.content = .opaque(content)
    self.opaque =
      opaque.isEmpty ? [:] : Self.records(of: [digest] + content.found.map(\.digest), in: opaque)
  }

  private static func records(of digests: [Digest], in opaque: OpaqueManifests) -> OpaqueManifests {
    var records: OpaqueManifests = [:]
    for digest in digests { if let record = opaque[digest] { records[digest] = record } }
    return records
  }

  /// `isAnswer`: it may yet turn out that what an index lists is a manifest.
  private init(
    bytes: [UInt8], mediaType claimed: MediaType?, knowing opaque: OpaqueManifests, isAnswer: Bool,
    by algorithm: Digest.Algorithm
  ) throws(ManifestError) {
    guard bytes.count <= Self.sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
    let document = try Self.document(bytes)
    let envelope = try Self.decode(Envelope.self, from: document)
    size = Int64(bytes.count)
    values = document.measure.values
    if envelope.schemaVersion == 1 || envelope.mediaType?.isSchema1 == true { throw .schema1 }
    let hasContent = envelope.config != nil || envelope.layers != nil
    let hasHistory = envelope.fsLayers != nil || envelope.history != nil
    // Go writes an empty list as null: what calls itself an index, and is nothing else, is one of nothing.
    let isHollow = envelope.mediaType?.isIndex == true && !hasContent && !hasHistory
    let hasChildren = envelope.manifests != nil || isHollow
    if hasChildren && hasContent || hasHistory && (hasChildren || hasContent) { throw .ambiguous }
    let said = envelope.mediaType ?? claimed.flatMap { $0.isManifest ? $0 : nil }
    if let said, said.isArtifactManifest {
      guard !hasChildren, !hasContent, !hasHistory else { throw .ambiguous }
      self.bytes = bytes
      self.digest = Digest(of: bytes, by: algorithm)
      self.mediaType = said
      self.saysItsType = envelope.mediaType != nil
      self.content = .artifact(try Self.decode(ArtifactManifest.self, from: document))
      self.opaque = [:]
      return
    }
    guard hasChildren || hasContent else {
      if let said, !said.isManifest { throw .unknownType(said.rawValue) }
      throw .malformed(.noContent)
    }

    let mediaType = said ?? (hasChildren ? .ociIndex : .ociManifest)
    guard mediaType.isManifest else { throw .unknownType(mediaType.rawValue) }
    guard mediaType.isIndex == hasChildren else {
      throw .malformed(.mislabelled(mediaType))
    }
    self.bytes = bytes
    self.digest = Digest(of: bytes, by: algorithm)
    self.mediaType = mediaType
    self.saysItsType = envelope.mediaType != nil
    guard hasChildren else {
      self.content = .image(try Self.decode(ImageManifest.self, from: document))
      self.opaque = [:]
      return
    }
    let index = try Self.decode(ImageIndex.self, from: document)
    let listed = opaque.isEmpty ? [:] : Self.records(of: index.manifests.map(\.digest), in: opaque)
    for entry in index.manifests {
      if let record = listed[entry.digest], record.manifest.mediaType != entry.mediaType {
        throw .malformed(.namesOtherContent)
      }
      guard entry.isTakenForManifest, listed[entry.digest] == nil,
        !(isAnswer && entry.mediaType.mayListContent)
      else { continue }
      throw .malformed(.takenForManifest(entry.digest, type: entry.mediaType.rawValue.cut(to: 100)))
    }
    self.content = .index(index)
    self.opaque = listed
  }

  /// Decodes a manifest of schema 1, whose digest is that of what it signs. Throws ``ManifestError``.
  public init(schema1 bytes: [UInt8]) throws(ManifestError) {
    let content = try Schema1Manifest(bytes: bytes)
    self.bytes = bytes
    size = Int64(bytes.count)
    values = content.values
    self.digest = content.digest
    self.mediaType = content.mediaType
    self.saysItsType = false
    self.content = .schema1(content)
    self.opaque = [:]
  }

  /// Decodes `bytes` after proving that they are what `descriptor` promised.
  public init(
    bytes: [UInt8], as descriptor: Descriptor, opaque: OpaqueManifests = [:]
  ) throws(ManifestError) {
    do {
      var verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
      try unsafe verifier.update(bytes.span.bytes)
      _ = try verifier.finish()
    } catch {
      throw .wrongContent(error)
    }
    try self.init(
      bytes: bytes, mediaType: descriptor.mediaType, opaque: opaque, by: descriptor.digest.algorithm)
  }

  /// The manifests directly below: an index's children that are manifests, or what a manifest of an unknown type names so.
  public var children: [Descriptor] {
    switch content {
    case .index(let index): index.manifests.filter(isManifest)
    case .opaque(let manifest): manifest.found.filter(isManifest)
    case .image, .artifact, .schema1: []
    }
  }

  /// Whether something that it lists is a manifest.
  public func isManifest(_ entry: Descriptor) -> Bool {
    entry.mediaType.isManifest || opaque[entry.digest] != nil
  }

  /// What is known of it, where its type is none that Ferry knows.
  public var record: OpaqueRecord? { opaque[digest] }

  /// The blobs directly below: config and layers, or an index's children that are no manifests (as
  /// buildkit's cache indexes have). None of schema 1, which names no sizes.
  public var blobs: [Descriptor] {
    switch content {
    case .image(let image): [image.config] + image.layers
    case .index(let index): index.manifests.filter { !isManifest($0) }
    case .artifact(let artifact): artifact.blobs
    case .schema1: []
    case .opaque(let manifest): manifest.found.filter { !isManifest($0) }
    }
  }

  /// What an index lists and may well be a manifest of a type that Ferry does not know: nothing that it lists is followed.
  /// Layers and buildkit's cache configs list nothing.
  public var unknownManifests: [Descriptor] {
    guard case .index(let index) = content else { return [] }
    return index.manifests.filter { !isManifest($0) && !$0.mediaType.listsNothing }
  }

  /// The manifest that this one refers to: set on signatures, SBOMs and attestations.
  public var subject: Descriptor? {
    switch content {
    case .image(let image): image.subject
    case .index(let index): index.subject
    case .artifact(let artifact): artifact.subject
    case .schema1: nil
    case .opaque(let manifest): manifest.subject
    }
  }

  /// What kind of artifact this is: its own word, else its config's type (image-spec `manifest.md`).
  public var artifactType: String? {
    switch content {
    case .image(let image): image.artifactType ?? image.config.mediaType.rawValue
    case .index(let index): index.artifactType
    case .artifact(let artifact): artifact.artifactType
    case .schema1: nil
    case .opaque(let manifest): manifest.artifactType
    }
  }

  /// Those that Ferry reads (``Annotation``).
  public var annotations: [String: String]? {
    switch content {
    case .image(let image): image.annotations
    case .index(let index): index.annotations
    case .artifact(let artifact): artifact.annotations
    case .schema1: nil
    case .opaque(let manifest): manifest.annotations
    }
  }

  /// The same in other bytes, named by the same algorithm, with what is known of what it lists. Throws ``ManifestError``.
  public func rewritten(_ bytes: [UInt8]) throws(ManifestError) -> Manifest {
    try Manifest(bytes: bytes, mediaType: mediaType, opaque: opaque, by: digest.algorithm)
  }

  /// Whether `digest`, of whatever algorithm, is this manifest's.
  public func isNamed(by digest: Digest) -> Bool {
    guard digest.algorithm != self.digest.algorithm else { return digest == self.digest }
    // That of a signed one is not over all of its bytes.
    if case .schema1 = content { return false }
    return digest.matches(bytes)
  }

  /// A descriptor of this manifest.
  public var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: size)
  }

  /// The same without its bytes, which are most of what it takes up: what it says.
  public var withoutBytes: Manifest {
    var manifest = self
    manifest.bytes = []
    return manifest
  }

  /// What tells the kinds of manifest apart before the whole is decoded.
  private struct Envelope: Decodable {
    var schemaVersion: Int?
    var mediaType: MediaType?
    var manifests: Presence?
    var config: Presence?
    var layers: Presence?
    /// Of schema 1.
    var fsLayers: Presence?
    var history: Presence?
  }

  private struct Presence: Decodable {
    init(from decoder: any Decoder) {}
  }

  /// The document in `bytes`, once they are known to say one thing to all readers.
  private static func document(_ bytes: [UInt8]) throws(ManifestError) -> CheckedDocument {
    do {
      return try DocumentShape.manifest.checked(bytes, within: .image)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, from document: CheckedDocument
  ) throws(ManifestError) -> Value {
    do {
      return try document.decode(type)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
  }
}

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

  /// The same with nothing but its config and its layers, of each of which `share` makes the descriptor that is kept.
  public func plain(_ share: (Descriptor) -> Descriptor) -> ImageManifest {
    ImageManifest(
      config: share(config), layers: layers.map(share), subject: nil, artifactType: nil, annotations: nil)
  }
}

extension ImageManifest {
  private enum CodingKeys: String, CodingKey { case config, layers, subject, artifactType, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      config: try container.decode(Descriptor.self, forKey: .config),
      // Go writes an empty list as null.
      layers: try container.decodeIfPresent([Descriptor].self, forKey: .layers) ?? [],
      subject: try container.decodeIfPresent(Descriptor.self, forKey: .subject),
      artifactType: try container.decodeIfPresent(String.self, forKey: .artifactType),
      annotations: try Annotation.decode(from: container, forKey: .annotations))
  }
}

/// A list of manifests, one a platform (image-spec `image-index.md`).
public struct ImageIndex: Hashable, Sendable, Decodable {
  public let manifests: [Descriptor]
  /// What this index refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?

  private enum CodingKeys: String, CodingKey { case manifests, subject, artifactType, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    manifests = try container.decodeIfPresent([Descriptor].self, forKey: .manifests) ?? []
    subject = try container.decodeIfPresent(Descriptor.self, forKey: .subject)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
    annotations = try Annotation.decode(from: container, forKey: .annotations)
  }
}

/// A manifest of an artifact alone, as ORAS and the first drafts of OCI 1.1 have it: blobs, and what they refer to.
/// Registries hold signatures and SBOMs in this form from the time before OCI manifests could refer to something.
public struct ArtifactManifest: Hashable, Sendable, Decodable {
  public let blobs: [Descriptor]
  /// What this manifest refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?

  private enum CodingKeys: String, CodingKey { case blobs, subject, artifactType, annotations }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    // An artifact may be its annotations and nothing else; Go writes an empty list as null.
    blobs = try container.decodeIfPresent([Descriptor].self, forKey: .blobs) ?? []
    subject = try container.decodeIfPresent(Descriptor.self, forKey: .subject)
    artifactType = try container.decodeIfPresent(String.self, forKey: .artifactType)
    annotations = try Annotation.decode(from: container, forKey: .annotations)
  }
}
