public import Digests
import FoundationEssentials

/// A manifest or index: the registry's exact bytes, what they hash to, and what they say.
///
/// The bytes are the truth. They are decoded for reading and never encoded again.
public struct Manifest: Sendable {
  public let bytes: [UInt8]
  public let digest: Digest
  public let mediaType: MediaType
  /// Whether that is what its own field `mediaType` says.
  public let saysItsType: Bool
  public let content: Content

  public enum Content: Sendable {
    case image(ImageManifest)
    case index(ImageIndex)
    case artifact(ArtifactManifest)
    /// Docker's image manifest of schema 1, which does not say how large its layers are: ``Schema1Carrier`` does.
    case schema1(Schema1Manifest)
  }

  /// What distribution-spec asks of registries as the least limit, and what they enforce: 4 MiB.
  public static let sizeLimit = 4 << 20

  /// Decodes `bytes`. `mediaType` is what the registry or descriptor called them; the `mediaType` field
  /// inside, covered by the digest, is believed first.
  public init(bytes: [UInt8], mediaType claimed: MediaType?) throws(ManifestError) {
    guard bytes.count <= Self.sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
    let envelope = try Self.read(Envelope.self, from: bytes)
    if envelope.schemaVersion == 1 || envelope.mediaType?.isSchema1 == true { throw .schema1 }
    let hasChildren = envelope.manifests != nil
    let hasContent = envelope.config != nil || envelope.layers != nil
    let hasHistory = envelope.fsLayers != nil || envelope.history != nil
    if hasChildren && hasContent || hasHistory && (hasChildren || hasContent) { throw .ambiguous }
    let said = envelope.mediaType ?? claimed.flatMap { $0.isManifest ? $0 : nil }
    if let said, said.isArtifactManifest {
      guard !hasChildren, !hasContent, !hasHistory else { throw .ambiguous }
      self.bytes = bytes
      self.digest = Digest(of: bytes)
      self.mediaType = said
      self.saysItsType = envelope.mediaType != nil
      self.content = .artifact(try Self.decode(ArtifactManifest.self, from: bytes))
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
    self.digest = Digest(of: bytes)
    self.mediaType = mediaType
    self.saysItsType = envelope.mediaType != nil
    guard hasChildren else {
      self.content = .image(try Self.decode(ImageManifest.self, from: bytes))
      return
    }
    let index = try Self.decode(ImageIndex.self, from: bytes)
    if let entry = index.manifests.first(where: \.isTakenForManifest) {
      throw .malformed(.takenForManifest(entry.digest, type: entry.mediaType.rawValue.cut(to: 100)))
    }
    self.content = .index(index)
  }

  /// Decodes a manifest of schema 1, whose digest is that of what it signs. Throws ``ManifestError``.
  public init(schema1 bytes: [UInt8]) throws(ManifestError) {
    let content = try Schema1Manifest(bytes: bytes)
    self.bytes = bytes
    self.digest = content.digest
    self.mediaType = content.mediaType
    self.saysItsType = false
    self.content = .schema1(content)
  }

  /// Decodes `bytes` after proving that they are what `descriptor` promised.
  public init(bytes: [UInt8], as descriptor: Descriptor) throws(ManifestError) {
    do {
      var verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
      try unsafe verifier.update(bytes.span.bytes)
      _ = try verifier.finish()
    } catch {
      throw .wrongContent(error)
    }
    try self.init(bytes: bytes, mediaType: descriptor.mediaType)
  }

  /// The manifests directly below: an index's children that are manifests.
  public var children: [Descriptor] {
    guard case .index(let index) = content else { return [] }
    return index.manifests.filter(\.mediaType.isManifest)
  }

  /// The blobs directly below: config and layers, or an index's children that are no manifests (as
  /// buildkit's cache indexes have). None of schema 1, which names no sizes.
  public var blobs: [Descriptor] {
    switch content {
    case .image(let image): [image.config] + image.layers
    case .index(let index): index.manifests.filter { !$0.mediaType.isManifest }
    case .artifact(let artifact): artifact.blobs
    case .schema1: []
    }
  }

  /// What an index lists and may well be a manifest of a type that Ferry does not know: nothing that it lists is followed.
  /// Layers and buildkit's cache configs list nothing.
  public var unknownManifests: [Descriptor] {
    guard case .index(let index) = content else { return [] }
    return index.manifests.filter { !$0.mediaType.isManifest && !$0.mediaType.listsNothing }
  }

  /// The manifest that this one refers to: set on signatures, SBOMs and attestations.
  public var subject: Descriptor? {
    switch content {
    case .image(let image): image.subject
    case .index(let index): index.subject
    case .artifact(let artifact): artifact.subject
    case .schema1: nil
    }
  }

  /// What kind of artifact this is: its own word, else its config's type (image-spec `manifest.md`).
  public var artifactType: String? {
    switch content {
    case .image(let image): image.artifactType ?? image.config.mediaType.rawValue
    case .index(let index): index.artifactType
    case .artifact(let artifact): artifact.artifactType
    case .schema1: nil
    }
  }

  public var annotations: [String: String]? {
    switch content {
    case .image(let image): image.annotations
    case .index(let index): index.annotations
    case .artifact(let artifact): artifact.annotations
    case .schema1: nil
    }
  }

  /// A descriptor of this manifest.
  public var descriptor: Descriptor {
    Descriptor(mediaType: mediaType, digest: digest, size: Int64(bytes.count))
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

  /// Decodes what is needed to tell what `bytes` are, once they are known to say one thing to all readers.
  private static func read<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8]
  ) throws(ManifestError) -> Value {
    do {
      return try DocumentShape.manifest.decode(type, from: bytes)
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
  }

  private static func decode<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8]
  ) throws(ManifestError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
  }
}

/// A manifest that was read once and of which the bytes are kept: what it says takes a few times their room.
public struct ManifestBytes: Sendable {
  public let bytes: [UInt8]
  /// Its type, digest and size.
  public let descriptor: Descriptor

  public init(_ manifest: Manifest) {
    bytes = manifest.bytes
    descriptor = manifest.descriptor
  }

  public var digest: Digest { descriptor.digest }

  /// What it says.
  public func decoded() throws(ManifestError) -> Manifest {
    try Manifest(bytes: bytes, mediaType: descriptor.mediaType)
  }
}

/// Why bytes are not a manifest that Ferry can carry.
public enum ManifestError: Error, Hashable, Sendable {
  /// It does not hold what a manifest, or another document, must.
  case malformed(ManifestFault)
  /// Holds the fields of two kinds of manifest, `manifests` and `layers` or `config`, or one of those and schema 1's:
  /// readers would disagree on what it is (CVE-2021-41190).
  case ambiguous
  /// Docker's image manifest of schema 1 where none can be: it has no config, and its digest is not that of its bytes.
  case schema1
  /// A media type that is no manifest's.
  case unknownType(String)
  /// The manifest calls itself something else than the header `Content-Type` of the answer that brought it.
  case contradictoryType(MediaType, header: MediaType)
  /// Larger than ``Manifest/sizeLimit``.
  case tooLarge(Int64)
  /// The bytes are not the ones the digest or the descriptor promised.
  case wrongContent(DigestError)
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

  /// The same without all but its config's and its layers' types, digests and sizes.
  public var plain: ImageManifest {
    ImageManifest(
      config: config.plain, layers: layers.map(\.plain), subject: nil, artifactType: nil, annotations: nil)
  }
}

/// A list of manifests, one a platform (image-spec `image-index.md`).
public struct ImageIndex: Hashable, Sendable, Decodable {
  public let manifests: [Descriptor]
  /// What this index refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?
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
    annotations = try container.decodeIfPresent([String: String].self, forKey: .annotations)
  }
}

/// What is wrong within a manifest, a config or a list of referrers, or in how the parts of an image fit together.
public enum ManifestFault: Hashable, Sendable {
  /// Not JSON, JSON of another shape, or JSON that readers read differently.
  case json(JSONFault)
  /// Neither `layers` nor `manifests`.
  case noContent
  /// `manifests` is no list.
  case noList
  /// It gives itself the type of the other kind, or an index that of an image.
  case mislabelled(MediaType)
  /// An entry of an index that is no manifest to Ferry, of this type, cut, and one to some readers.
  case takenForManifest(Digest, type: String)
  /// Indexes in indexes, deeper than any image's.
  case nestedTooDeeply
  /// More manifests in an image than are read.
  case tooManyManifests(limit: Int)
  /// More bytes in an image than any registry holds.
  case partsTooLarge
  /// A part of the image that has two sizes.
  case twoSizes(Digest, Int64, Int64)
  /// A number that could not be written as it stands there.
  case inexactNumber
  /// Of schema 1: no layers, or not as many as entries of the history.
  case layersWithoutHistory
  /// Of schema 1: a signature that does not say what it is for.
  case signatureUnreadable
  /// Of schema 1: signatures for different content.
  case signaturesDisagree
  /// Of schema 1: a signature for something else than the manifest says.
  case signatureOfOtherContent
  /// Of schema 1: what it says of a layer is no JSON object.
  case descriptionUnreadable
  /// What carries a manifest of schema 1 in an archive does not agree with it.
  case carriesOtherContent
  /// A config's entry for this layer of the image, counted from 0, that is no digest to compare the layer's content with.
  case diffIDNotADigest(layer: Int)
}
