public import Digests
import FoundationEssentials

/// A Docker image manifest of version 2, schema 1, which registries have held since 2015: layers and, for each, a text that docker
/// of that time took for the layer's description. It names no sizes and no config.
///
/// One that is signed carries its signatures in itself. They are no part of what its digest is over, and a registry may sign anew
/// for every answer: its digest is that of what is signed.
public struct Schema1Manifest: Hashable, Sendable {
  /// A layer, or an entry of the history that has none.
  public struct Layer: Hashable, Sendable {
    public let digest: Digest
    /// What docker knew of the image at this layer, as JSON.
    public let description: String
    /// Whether the layer is empty, and stands there only for the history.
    public let isThrowaway: Bool
  }

  /// What registries know it by.
  public let digest: Digest
  /// What that digest is over: the manifest without its signatures.
  public let signed: [UInt8]
  public let isSigned: Bool
  /// What it calls the processor, such as `amd64`.
  public let architecture: String?
  /// From the lowest to the highest: the other way round than they stand in the manifest. At least one.
  public let layers: [Layer]
  /// How many values and keys it has.
  let values: Int

  /// Throws ``ManifestError``: `malformed` for what is no such manifest, or one that readers would read differently.
  public init(bytes: [UInt8]) throws(ManifestError) {
    guard bytes.count <= Manifest.sizeLimit else { throw .tooLarge(Int64(bytes.count)) }
    let content: Content
    do {
      let document = try DocumentShape.schema1.checked(bytes, within: .image)
      content = try document.decode(Content.self)
      values = document.measure.values
    } catch {
      throw .malformed(.json(error.jsonFault))
    }
    guard content.schemaVersion == 1, let blobs = content.fsLayers, let history = content.history,
      !blobs.isEmpty, blobs.count == history.count
    else { throw .malformed(.layersWithoutHistory) }
    let isSigned = content.signatures?.isEmpty == false
    let payload = isSigned ? try Self.payload(of: bytes, content.signatures ?? []) : bytes
    digest = Digest(of: payload)
    signed = payload
    self.isSigned = isSigned
    architecture = content.architecture
    layers = zip(blobs, history).reversed().map { blob, entry in
      Layer(
        digest: blob.blobSum, description: entry.v1Compatibility,
        isThrowaway: Description(entry.v1Compatibility)?.throwaway == true)
    }
  }

  /// The digests of its layers, each once, from the lowest to the highest.
  public var blobs: [Digest] {
    var known: Set<Digest> = []
    return layers.map(\.digest).filter { known.insert($0).inserted }
  }

  /// Those of `blobs` that are layers with content: not the empty ones that stand there only for the history.
  public func layersWithContent(among blobs: [Descriptor]) -> [Descriptor] {
    let wanted = Set(layers.filter { !$0.isThrowaway }.map(\.digest))
    return blobs.filter { wanted.contains($0.digest) }
  }

  /// The type under which registries take it.
  public var mediaType: MediaType { isSigned ? .dockerSchema1Signed : .dockerSchema1 }

  /// What the image runs on, as its highest layer says, or else the manifest; nil where neither does.
  public var platform: Platform? {
    let top = layers.last.flatMap { Description($0.description) }
    let stated = [top?.architecture, architecture].compactMap(\.self).first { !$0.isEmpty }
    guard let stated else { return nil }
    return Platform(os: top?.os.flatMap { $0.isEmpty ? nil : $0 } ?? "linux", architecture: stated)
  }

  private static let mostSignatures = 16

  /// The bytes that the signatures are for. Each says in its protected header how many of the document's bytes come first, and what
  /// follows them in the place of the signatures; all must say the same.
  private static func payload(
    of bytes: [UInt8], _ signatures: [Signature]
  ) throws(ManifestError) -> [UInt8] {
    // Each is as long as the manifest; those there are have one, or one of each who signed.
    guard signatures.count <= mostSignatures else { throw .malformed(.signatureUnreadable) }
    var payload: [UInt8]?
    for signature in signatures {
      guard let text = [UInt8](base64URL: signature.protected),
        let header = try? DocumentShape.signedHeader.decode(ProtectedHeader.self, from: text),
        let tail = [UInt8](base64URL: header.formatTail), (0...bytes.count).contains(header.formatLength)
      else { throw .malformed(.signatureUnreadable) }
      let signed = bytes[..<header.formatLength] + tail
      guard payload == nil || payload == Array(signed) else { throw .malformed(.signaturesDisagree) }
      payload = Array(signed)
    }
    guard let payload else { throw .malformed(.signatureUnreadable) }
    // What was signed and what is read must be one thing.
    guard let all = try? DocumentShape.schema1.decode([String: JSONValue].self, from: bytes),
      let signed = try? DocumentShape.schema1.decode([String: JSONValue].self, from: payload),
      all.filter({ $0.key != "signatures" }) == signed
    else { throw .malformed(.signatureOfOtherContent) }
    return payload
  }

  private struct Content: Decodable {
    let schemaVersion: Int
    let architecture: String?
    let fsLayers: [Blob]?
    let history: [Entry]?
    let signatures: [Signature]?
  }

  private struct Blob: Decodable { let blobSum: Digest }
  private struct Entry: Decodable { let v1Compatibility: String }
  private struct Signature: Decodable { let protected: String }

  private struct ProtectedHeader: Decodable {
    let formatLength: Int
    let formatTail: String
  }

  /// What of a layer's description is needed to know what the image is.
  private struct Description: Decodable {
    let throwaway: Bool?
    let os: String?
    let architecture: String?

    init?(_ text: String) {
      guard let description = try? DocumentShape.anything.decode(Self.self, from: Array(text.utf8)) else {
        return nil
      }
      self = description
    }
  }
}

extension [UInt8] {
  /// Decodes base64 in its form for URLs, without padding; nil for anything else.
  fileprivate init?(base64URL text: String) {
    let plain = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
    let padding = String(repeating: "=", count: (4 - plain.count % 4) % 4)
    guard let data = Data(base64Encoded: String(plain) + padding) else { return nil }
    self.init(data)
  }
}

/// How a schema 1 image lies in an archive: an artifact whose config is the manifest, byte for byte, and whose layers are the image's.
/// So the manifest's own digest, which is not that of its bytes, and the layers' sizes, which it does not name, have a place that other
/// tools can carry without understanding it.
public enum Schema1Carrier {
  /// What kind of artifact it is.
  public static let artifactType = "application/vnd.ferry.docker.schema1"
  /// The annotation that says what registries know the image by.
  public static let digestAnnotation = "org.ferry.schema1.digest"

  /// The carrier of the manifest in `document`, whose layers have these sizes, in bytes. Throws ``ManifestError``.
  public static func manifest(
    for document: [UInt8], sizes: [Digest: Int64]
  ) throws(ManifestError) -> Manifest {
    let image = try Schema1Manifest(bytes: document)
    let config = Descriptor(
      mediaType: image.mediaType, digest: Digest(of: document), size: Int64(document.count))
    let layers = image.layers.map { layer in
      JSONValue.object(
        JSONValue.descriptor(
          Descriptor(mediaType: .dockerGzipLayer, digest: layer.digest, size: sizes[layer.digest] ?? 0)))
    }
    let content = JSONValue.object([
      "schemaVersion": .integer(2), "mediaType": .string(MediaType.ociManifest.rawValue),
      "artifactType": .string(artifactType), "config": .object(JSONValue.descriptor(config)),
      "layers": .array(layers),
      "annotations": .object([digestAnnotation: .string(image.digest.description)]),
    ])
    return try Manifest(bytes: content.bytes, mediaType: .ociManifest)
  }

  /// How an archive lists the carrier: with what registries know its image by.
  public static func root(of carrier: Manifest) -> Descriptor {
    var root = carrier.descriptor
    root.artifactType = artifactType
    root.annotations = carrier.annotations?.filter { $0.key == digestAnnotation }
    return root
  }

  /// What registries know the image by that an archive lists with `root`; nil where that is no carrier.
  public static func digest(of root: Descriptor) -> Digest? {
    guard root.artifactType == artifactType else { return nil }
    return root.annotations?[digestAnnotation].flatMap { try? Digest($0) }
  }

  /// The image that `carrier` carries, whose config is `document`, as a registry has it: what it consists of, and its
  /// manifest. Throws ``ManifestError`` when the carrier is not the one there is for this manifest.
  public static func image(
    in carrier: Manifest, document: [UInt8]
  ) throws(ManifestError) -> (tree: ImageTree, manifest: Manifest) {
    guard case .image(let image) = carrier.content else { throw .malformed(.carriesOtherContent) }
    let sizes = Dictionary(image.layers.map { ($0.digest, $0.size) }) { first, _ in first }
    guard try Self.manifest(for: document, sizes: sizes).bytes == carrier.bytes else {
      throw .malformed(.carriesOtherContent)
    }
    let manifest = try Manifest(schema1: document)
    var known: Set<Digest> = []
    let blobs = image.layers.filter { known.insert($0.digest).inserted }
    return (ImageTree(of: manifest, blobs: blobs), manifest)
  }
}
