public import Digests
import FoundationEssentials

/// A manifest of a type that Ferry does not know, which is carried as it is: what it names where manifests name content, and
/// what of that its repository has.
public struct OpaqueManifest: Hashable, Sendable {
  /// What it names and was found, in the order in which it names it.
  public let found: [Descriptor]
  /// What else it names.
  public let notFound: [Digest]
  /// Whether all could be read that stands where manifests name content.
  public let isReadable: Bool
  /// What it refers to.
  public let subject: Descriptor?
  public let artifactType: String?
  public let annotations: [String: String]?
  /// How many values and keys it has.
  let values: Int

  /// The manifest in `bytes`, with what `record` says was found; without one, nobody looked. Throws ``ManifestError`` when
  /// something else was found than it names, and when it names too much.
  init(_ bytes: [UInt8], _ record: OpaqueRecord? = nil) throws(ManifestError) {
    let named = try NamedContent(in: bytes)
    let found = record?.found ?? []
    var rest = named.entries[...]
    for part in found {
      guard let index = rest.firstIndex(where: { $0.digest == part.digest }),
        rest[index].size ?? part.size == part.size,
        rest[index].mediaType ?? part.mediaType == part.mediaType
      else { throw .malformed(.namesOtherContent) }
      rest = rest[(index + 1)...]
    }
    let digests = Set(found.map(\.digest))
    self.found = found
    notFound = named.entries.map(\.digest).filter { !digests.contains($0) }
    isReadable = named.isReadable
    subject = named.subject
    artifactType = named.artifactType
    annotations = named.annotations
    values = named.values
  }
}

/// Whether bytes may be a manifest of a type that Ferry does not know.
struct OpaqueType: Decodable {
  /// What the document calls itself.
  private(set) var said: MediaType?

  private enum CodingKeys: CodingKey { case mediaType }

  /// Of what is no JSON, or is read differently by others, nothing is known.
  init(of bytes: [UInt8]) {
    guard bytes.count <= Manifest.sizeLimit,
      let document = try? DocumentShape.manifest.decode(Self.self, from: bytes, within: .image)
    else { return }
    self = document
  }

  init(from decoder: any Decoder) throws {
    said = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(
      MediaType.self, forKey: .mediaType)
  }

  /// The type; nil when it is none, or one that Ferry knows.
  func type(claimed: MediaType?, isVouchedFor: Bool) throws(ManifestError) -> MediaType? {
    guard let said else {
      guard let claimed, claimed.mayBeOpaque, claimed.isOfVendor || isVouchedFor else { return nil }
      return claimed
    }
    guard said.mayBeOpaque, said.isOfVendor || isVouchedFor else { return nil }
    guard let claimed, !claimed.saysNothing, claimed != MediaType(contentType: said.rawValue) else {
      return said
    }
    throw .contradictoryType(said, header: claimed)
  }
}

/// What an archive has to say of a manifest of a type that Ferry does not know, for nothing else tells that it is a manifest,
/// and what of what it names travels with it.
public struct OpaqueRecord: Hashable, Sendable {
  public let manifest: Descriptor
  /// In the order in which the manifest names it. A part is a manifest by its type or by a record of its own.
  public let found: [Descriptor]

  public init(_ manifest: Descriptor, found: [Descriptor]) {
    self.manifest = manifest
    self.found = found
  }
}

/// The manifests of types that Ferry does not know, by their digests.
public typealias OpaqueManifests = [Digest: OpaqueRecord]

/// What a document of whatever type names in the places where manifests name content: `config`, `layers`, `blobs`, `manifests`,
/// schema 1's `fsLayers`; and what it says it refers to.
public struct NamedContent: Sendable {
  public struct Entry: Sendable {
    public let digest: Digest
    /// nil where it does not say.
    public let mediaType: MediaType?
    /// In bytes; nil where it does not say.
    public fileprivate(set) var size: Int64?
    /// Whether it stands among manifests, or has the type of one.
    public fileprivate(set) var mayBeManifest: Bool
  }

  /// Each digest once, in the order of the places above.
  public let entries: [Entry]
  /// Whether all that stands there could be read.
  public let isReadable: Bool
  let subject: Descriptor?
  let artifactType: String?
  let annotations: [String: String]?
  /// How many values and keys the document has.
  let values: Int

  /// The most that one document may name, so that a hostile one cannot ask for work without end.
  static let most = 10_000

  /// Reads a document. One that is no JSON, or that readers read differently, names nothing. Throws ``ManifestError`` when it
  /// names too much, or gives one digest two sizes.
  public init(in bytes: [UInt8]) throws(ManifestError) {
    guard let checked = try? DocumentShape.manifest.checked(bytes, within: .image),
      let document = try? checked.decode(Document.self)
    else {
      (entries, isReadable, subject, artifactType, annotations, values) = ([], false, nil, nil, nil, 0)
      return
    }
    values = checked.measure.values
    guard !document.isTooLong else { throw .malformed(.namesTooMuch(limit: Self.most)) }
    var places: [Digest: Int] = [:]
    var entries: [Entry] = []
    for entry in document.entries {
      guard let place = places[entry.digest] else {
        places[entry.digest] = entries.count
        entries.append(entry)
        continue
      }
      if let first = entries[place].size, let second = entry.size, first != second {
        throw .malformed(.twoSizes(entry.digest, first, second))
      }
      entries[place].size = entries[place].size ?? entry.size
      entries[place].mayBeManifest = entries[place].mayBeManifest || entry.mayBeManifest
    }
    self.entries = entries
    isReadable = document.isReadable
    subject = document.subject
    artifactType = document.artifactType
    annotations = document.annotations
  }

  /// The document, of which nothing is kept but that.
  private struct Document: Decodable {
    var entries: [Entry] = []
    var isReadable = true
    var isTooLong = false
    var subject: Descriptor?
    var artifactType: String?
    var annotations: [String: String]?

    private enum CodingKeys: String, CodingKey {
      case config, layers, blobs, manifests, fsLayers, subject, artifactType, annotations
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      if let config = try? container.decodeIfPresent(Pointer.self, forKey: .config) { add(config) }
      for key in [CodingKeys.layers, .blobs, .manifests, .fsLayers] where container.contains(key) {
        guard (try? container.decodeNil(forKey: key)) != true else { continue }
        guard var list = try? container.nestedUnkeyedContainer(forKey: key) else {
          isReadable = false
          continue
        }
        while !list.isAtEnd, !isTooLong {
          guard let pointer = try? list.decode(Pointer.self) else {
            isReadable = false
            break
          }
          add(pointer, amongManifests: key == .manifests)
          isTooLong = list.currentIndex > NamedContent.most || entries.count > NamedContent.most
        }
      }
      if let pointer = try? container.decodeIfPresent(Pointer.self, forKey: .subject),
        let digest = pointer.digest
      {
        subject = Descriptor(
          mediaType: pointer.mediaType ?? .octetStream, digest: digest, size: pointer.size ?? 0)
      }
      artifactType = try? container.decodeIfPresent(String.self, forKey: .artifactType)
      annotations = try? Annotation.decode(from: container, forKey: .annotations)
    }

    private mutating func add(_ pointer: Pointer, amongManifests: Bool = false) {
      guard let digest = pointer.digest else {
        isReadable = false
        return
      }
      entries.append(
        Entry(
          digest: digest, mediaType: pointer.mediaType, size: pointer.size,
          mayBeManifest: amongManifests || pointer.mediaType?.isManifest == true))
    }
  }

  /// What may be a descriptor, as far as it is one.
  private struct Pointer: Decodable {
    var digest: Digest?
    var mediaType: MediaType?
    var size: Int64?

    private enum CodingKeys: CodingKey { case digest, blobSum, mediaType, size }

    init(from decoder: any Decoder) throws {
      guard let container = try? decoder.container(keyedBy: CodingKeys.self) else { return }
      digest =
        (try? container.decode(Digest.self, forKey: .digest))
        ?? (try? container.decode(Digest.self, forKey: .blobSum))
      let type = try? container.decode(MediaType.self, forKey: .mediaType)
      mediaType = type.flatMap { $0.isWellFormed ? $0 : nil }
      let number = try? container.decode(Int64.self, forKey: .size)
      size = number.flatMap { (0...Descriptor.largestSize).contains($0) ? $0 : nil }
    }
  }
}

/// A manifest of a type that Ferry does not know, as it has to be told of: what it refers to is known from nothing but itself.
public struct UnknownManifest: Hashable, Sendable {
  public let descriptor: Descriptor
  /// How much of what it names travels with it.
  public let carried: Int
  /// What it names and does not: its repository did not have it.
  public let notFound: [Digest]
  /// Whether all could be read that stands where manifests name content.
  public let isReadable: Bool

  /// One that an index lists and nobody has as a manifest: its bytes are carried as a blob's are.
  init(_ descriptor: Descriptor) {
    self.descriptor = descriptor
    carried = 0
    notFound = []
    isReadable = true
  }

  init(_ descriptor: Descriptor, _ manifest: OpaqueManifest) {
    self.descriptor = descriptor
    carried = manifest.found.count
    notFound = manifest.notFound
    isReadable = manifest.isReadable
  }

  /// Whether something was found of which it is known that it travels, and nothing of which it is known that it does not.
  public var isWhole: Bool { carried > 0 && notFound.isEmpty && isReadable }
}
