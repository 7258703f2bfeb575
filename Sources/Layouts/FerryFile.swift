public import Digests
import Images

/// `ferry.json`: what `index.json` cannot say of an archive. Its digest stands in `index.json`'s annotations.
public struct FerryFile: Hashable, Sendable {
  public static let path = "ferry.json"
  static let sizeLimit: Int64 = 16 << 20
  /// The newest format version there is; a reader refuses newer ones. An archive says the oldest one that
  /// knows all it has: 2 knows referrers without a name and sources of omissions, 3 artifact manifests, 4 images of
  /// Docker's schema 1, as they are or converted, 5 manifests of types that Ferry does not know, 6 digests by other algorithms
  /// than sha256.
  public static let formatVersion = 6

  /// sha256 over one line `<name> <digest of the root>\n` for each image, in the order of `index.json`: with it
  /// a damaged name is found, which nothing else in an archive repeats.
  public let imagesDigest: Digest
  /// Sorted by digest.
  public let omissions: [Omission]
  /// What the omissions' sources are, sorted by digest. In the file only if there are any.
  public let knownSources: [KnownSource]
  /// Sorted by path.
  public let files: [CarriedFile]
  /// Sorted by image. In the file only if there are any.
  public let missingImages: [MissingImage]
  /// Images of schema 1, which `index.json` does not list, in the order of their names. In the file only if there are any.
  let schema1Images: [LayoutImage]
  /// Images whose manifests are of types that Ferry does not know, which `index.json` does not list either, in its order. In
  /// the file only if there are any.
  let opaqueImages: [LayoutImage]
  /// The manifests of such types, sorted by digest. In the file only if there are any.
  let opaqueManifests: [OpaqueRecord]
  /// Images of schema 2 that were made of images of schema 1, sorted by digest. In the file only if there are any.
  let conversions: [ConvertedImage]
  private let version: Int

  init(
    images: [LayoutImage], omissions: [Omission], files: [CarriedFile], missingImages: [MissingImage] = [],
    knownSources: [KnownSource] = [], conversions: [ConvertedImage] = [],
    holdsArtifactManifests: Bool = false, holdsOtherAlgorithms: Bool = false,
    opaqueManifests: [OpaqueRecord] = []
  ) {
    let listed = images.filter(\.isInIndex)
    imagesDigest = Self.digest(of: listed)
    schema1Images = images.filter { $0.schema1Digest != nil }
    opaqueImages = images.filter { !$0.isInIndex && $0.schema1Digest == nil }
    self.opaqueManifests = opaqueManifests.sorted { $0.manifest.digest < $1.manifest.digest }
    self.omissions = omissions
    self.files = files
    self.missingImages = missingImages
    self.knownSources = knownSources
    self.conversions = conversions
    version =
      holdsOtherAlgorithms
      ? 6
      : !opaqueManifests.isEmpty
        ? 5
        : !schema1Images.isEmpty || !conversions.isEmpty
          ? 4
          : holdsArtifactManifests ? 3 : images.contains(where: \.isReferrer) || !knownSources.isEmpty ? 2 : 1
  }

  enum ReadingError: Error {
    case malformed(FileFault)
    case unsupportedVersion(Int)
  }

  init(bytes: [UInt8]) throws(ReadingError) {
    struct Version: Decodable { let formatVersion: Int }
    struct Content: Decodable {
      let imagesDigest: Digest
      let omissions: [Omission]
      let files: [CarriedFile]
      let lacking: [MissingImage]?
      let known: [KnownSource]?
      let schema1: [Schema1Image]?
      let opaqueImages: [OpaqueImage]?
      let opaqueManifests: [OpaqueManifest]?
      let converted: [ConvertedImage]?
    }
    // Ferry alone reads it, spelled as it is; a key of a newer version is nobody's yet.
    let shape = DocumentShape.anything
    /// What a newer version leaves out may be anything.
    struct Anything: Decodable {}
    let version: Int
    let content: Content
    let more: [Omission]
    do {
      version = try FileFault.decode(
        Version.self, from: bytes, as: shape, apart: "omissions", Anything.self
      ).value.formatVersion
    } catch {
      throw .malformed(error)
    }
    guard (1...Self.formatVersion).contains(version) else { throw .unsupportedVersion(version) }
    do {
      (content, more) = try FileFault.decode(
        Content.self, from: bytes, as: shape, apart: "omissions", Omission.self)
    } catch {
      throw .malformed(error)
    }
    var previous = ""
    var total: Int64 = 0
    for file in content.files {
      guard previous.utf8.lexicographicallyPrecedes(file.path.utf8) else {
        throw .malformed(.filesOutOfOrder)
      }
      previous = file.path
      guard CarriedFile.isValid(path: file.path) else { throw .malformed(.fileOutsideFolder) }
      guard (0...CarriedFile.sizeLimit).contains(file.size) else {
        throw .malformed(.fileSizeOutOfRange(path: file.path))
      }
      total.add(saturating: file.size)
      guard total <= CarriedFile.sumLimit else { throw .malformed(.filesTooLarge) }
    }
    imagesDigest = content.imagesDigest
    omissions = content.omissions + more
    files = content.files
    missingImages = content.lacking ?? []
    knownSources = content.known ?? []
    schema1Images = (content.schema1 ?? []).map(\.image)
    opaqueImages = (content.opaqueImages ?? []).map(\.image)
    opaqueManifests = (content.opaqueManifests ?? []).map { OpaqueRecord($0.manifest, found: $0.found) }
    conversions = content.converted ?? []
    self.version = version
  }

  /// The file's one form. Throws ``LayoutError/listTooLarge(path:size:limit:)`` for what no reader would take.
  func written() throws(LayoutError) -> [UInt8] {
    let text = withoutOmissions
    // Known before room is taken for it: what is left out may be any number of blobs.
    var size = Int64(text.count + max(0, omissions.count - 1))
    for omission in omissions { size.add(saturating: Int64(Self.value(of: omission).count)) }
    guard size <= Self.sizeLimit else {
      throw .listTooLarge(path: Self.path, size: size, limit: Self.sizeLimit)
    }
    return filling(text, to: Int(size))
  }

  private static func value(of omission: Omission) -> [UInt8] {
    var members: [String: JSONValue] = [
      "mediaType": .string(omission.descriptor.mediaType.rawValue),
      "digest": .string(omission.descriptor.digest.description),
      "size": .integer(omission.descriptor.size),
      "reason": .string(omission.reason.rawValue),
    ]
    if let source = omission.source { members["source"] = .string(source.description) }
    if let repository = omission.repository { members["repository"] = .string(repository) }
    return JSONValue.object(members).bytes
  }

  private var withoutOmissions: [UInt8] {
    let files = files.map { file in
      JSONValue.object([
        "path": .string(file.path),
        "digest": .string(file.digest.description),
        "size": .integer(file.size),
      ])
    }
    var members: [String: JSONValue] = [
      "formatVersion": .integer(Int64(version)),
      "imagesDigest": .string(imagesDigest.description),
      "omissions": .array([]),
      "files": .array(files),
    ]
    if !missingImages.isEmpty {
      members["lacking"] = .array(
        missingImages.map { .object(["image": .string($0.image), "reason": .string($0.reason.rawValue)]) })
    }
    if !knownSources.isEmpty {
      members["known"] = .array(
        knownSources.map {
          .object([
            "kind": .string($0.kind.rawValue), "name": .string($0.name),
            "digest": .string($0.digest.description),
          ])
        })
    }
    if !schema1Images.isEmpty {
      members["schema1"] = .array(schema1Images.map { Schema1Image($0).value })
    }
    if !opaqueImages.isEmpty {
      members["opaqueImages"] = .array(opaqueImages.map { OpaqueImage($0).value })
    }
    if !opaqueManifests.isEmpty {
      members["opaqueManifests"] = .array(
        opaqueManifests.map { record in
          .object([
            "manifest": .object(JSONValue.descriptor(record.manifest)),
            "found": .array(record.found.map { .object(JSONValue.descriptor($0)) }),
          ])
        })
    }
    if !conversions.isEmpty {
      members["converted"] = .array(
        conversions.map {
          .object(["digest": .string($0.digest.description), "from": .string($0.from.description)])
        })
    }
    return JSONValue.object(members).bytes
  }

  /// `text` with the omissions in their list, which is empty in it, `size` bytes long together: as values they would take
  /// many times the memory.
  private func filling(_ text: [UInt8], to size: Int) -> [UInt8] {
    // Quotation marks within a string are not written like that.
    let list = Array(#""omissions":["#.utf8)
    let start = text.indices.first { text[$0...].starts(with: list) }
    guard let end = start.map({ $0 + list.count }) else { return text }
    var filled: [UInt8] = []
    filled.reserveCapacity(size)
    filled += text[..<end]
    for (number, omission) in omissions.enumerated() {
      if number > 0 { filled.append(UInt8(ascii: ",")) }
      filled += Self.value(of: omission)
    }
    filled += text[end...]
    return filled
  }

  /// What it says of the manifests of types that Ferry does not know, by their digests.
  var opaque: OpaqueManifests {
    Dictionary(opaqueManifests.map { ($0.manifest.digest, $0) }) { first, _ in first }
  }

  /// A manifest of a type that Ferry does not know, as it stands in the file.
  private struct OpaqueManifest: Decodable {
    let manifest: Descriptor
    let found: [Descriptor]
  }

  /// An image whose manifest is one, as it stands in the file.
  private struct OpaqueImage: Decodable {
    let name: String
    let root: Descriptor
    /// Whether it is here for the manifest that it refers to; nil: not.
    let isReferrer: Bool?

    init(_ image: LayoutImage) {
      (name, root) = (image.name, image.root)
      isReferrer = image.isReferrer ? true : nil
    }

    var image: LayoutImage {
      LayoutImage(
        reference: try? Reference(anyTag: name), name: name, root: root, isReferrer: isReferrer == true)
    }

    var value: JSONValue {
      var members: [String: JSONValue] = [
        "name": .string(name), "root": .object(JSONValue.descriptor(root)),
      ]
      if isReferrer == true { members["isReferrer"] = .boolean(true) }
      return .object(members)
    }
  }

  /// An image of schema 1, as it stands in the file.
  private struct Schema1Image: Decodable {
    let name: String
    /// What registries know it by.
    let digest: Digest
    /// Its carrier.
    let carrier: Descriptor

    init(_ image: LayoutImage) {
      name = image.name
      digest = image.digest
      carrier = image.root
    }

    var image: LayoutImage {
      var root = carrier
      root.artifactType = Schema1Carrier.artifactType
      root.annotations = [Schema1Carrier.digestAnnotation: digest.description]
      return LayoutImage(reference: try? Reference(anyTag: name), name: name, root: root)
    }

    private enum CodingKeys: String, CodingKey { case name, digest, carrier }

    var value: JSONValue {
      .object([
        "name": .string(name), "digest": .string(digest.description),
        "carrier": .object(JSONValue.descriptor(carrier)),
      ])
    }
  }

  static func digest(of images: [LayoutImage]) -> Digest {
    Digest(of: images.flatMap { Array("\($0.name) \($0.root.digest)\n".utf8) })
  }
}

/// An image of schema 2 that was made of one of schema 1 when the archive was written. What it was made of lies beside it,
/// without signatures, so that anybody can see that it is what becomes of that, and make it again.
public struct ConvertedImage: Hashable, Sendable, Decodable {
  /// Of its manifest.
  public let digest: Digest
  /// What registries knew it by.
  public let from: Digest

  private static let folder = "ferry/schema1/"

  /// Where the manifest lies of which `digest` is the digest.
  public static func path(of digest: Digest) -> String { "\(folder)\(digest.hex).json" }

  /// Which of `images` were made so: those whose manifest names in its annotation what lies among `files`.
  static func find(
    among images: [LayoutImage], _ manifests: PlannedManifests, _ files: [(path: String, bytes: [UInt8])]
  ) throws(LayoutError) -> [ConvertedImage] {
    let paths = Set(files.lazy.map(\.path).filter { $0.hasPrefix(folder) })
    guard !paths.isEmpty else { return [] }
    var found: Set<ConvertedImage> = []
    var seen: Set<Digest> = []
    for image in images where image.root.mediaType == .dockerManifest {
      guard seen.insert(image.root.digest).inserted else { continue }
      try LayoutError.checkCancellation()
      let annotations = try manifests.manifest(image.root.digest)?.annotations
      guard let from = annotations?[Schema1Carrier.digestAnnotation].flatMap({ try? Digest($0) }),
        paths.contains(path(of: from))
      else { continue }
      found.insert(ConvertedImage(digest: image.root.digest, from: from))
    }
    return found.sorted { $0.digest < $1.digest }
  }
}

/// A file beside the images, under `ferry/`: a repository's description, say.
public struct CarriedFile: Hashable, Sendable, Codable {
  public let path: String
  public let digest: Digest
  /// In bytes.
  public let size: Int64

  static let folder = "ferry/"
  /// The largest such file, in bytes.
  public static let sizeLimit: Int64 = 16 << 20
  /// What all such files may add up to, in bytes: they are kept in memory.
  static let sumLimit: Int64 = 64 << 20

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.digest = Digest(of: bytes)
    self.size = Int64(bytes.count)
  }

  /// Whether a file may have that path: below `ferry/`, each component of letters, digits, `.`, `_` and `-`,
  /// none starting with a dot.
  public static func isValid(path: String) -> Bool {
    guard path.utf8.starts(with: folder.utf8), path.utf8.count <= 512 else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { component in
      component.utf8.first.map { $0 != UInt8(ascii: ".") } ?? false
        && component.utf8.allSatisfy { byte in
          switch byte {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
          default: false
          }
        }
    }
  }
}

/// An image that an archive was to hold and does not, because it could not be had.
public struct MissingImage: Hashable, Sendable, Codable {
  /// As it was asked for.
  public let image: String
  public let reason: Reason

  /// In one word, so that the same failure always gives the same archive.
  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    /// The registry does not have it, or not for the platforms asked for.
    case notFound
    /// The registry would not give it.
    case denied
    /// The registry could not be reached, or broke off time and again.
    case network
    /// What the registry gave was not what its digest says.
    case integrity
    case other
  }

  public init(image: String, reason: Reason) {
    self.image = image
    self.reason = reason
  }
}
