public import Digests
public import Images

/// `index.json`: the images of a layout. Its sha256 is the archive digest.
public struct IndexFile: Hashable, Sendable {
  public static let path = "index.json"
  static let sizeLimit: Int64 = 64 << 20

  /// The annotation of the whole index that holds the digest of ``FerryFile``. Its presence makes an archive
  /// one of Ferry's.
  public static let ledgerAnnotation = "org.ferry.ledger.digest"
  /// The annotation of an image that containerd, docker and podman take its full name from.
  static let nameAnnotation = "io.containerd.image.name"
  /// The annotation of an image that skopeo and oras find it by (image-spec `annotations.md`).
  static let refNameAnnotation = "org.opencontainers.image.ref.name"

  /// The annotation of a referrer that says which repository it is of: its full name by digest. The two
  /// annotations above would make an image of it.
  static let referrerAnnotation = "org.ferry.referrer.name"

  /// In the order of the file.
  public let images: [LayoutImage]
  /// What is listed and is no manifest.
  public let others: [Descriptor]
  public let ledgerDigest: Digest?

  /// An index of `images`; one of Ferry's own archives has a `ledgerDigest`.
  init(images: [LayoutImage], others: [Descriptor] = [], ledgerDigest: Digest?) {
    self.images = images
    self.others = others
    self.ledgerDigest = ledgerDigest
  }

  /// Reads any tool's index.
  init(bytes: [UInt8]) throws(MalformedFile) {
    struct Content: Decodable {
      /// Go writes an empty list as null.
      let manifests: [Descriptor]?
      let annotations: [String: String]?
    }
    let content = try MalformedFile.decode(Content.self, from: bytes, as: .index)
    let manifests = content.manifests ?? []
    images = manifests.filter(\.mediaType.isManifest).map { root in
      let given = root.annotations?[Self.nameAnnotation] ?? root.annotations?[Self.refNameAnnotation]
      let name = given ?? root.annotations?[Self.referrerAnnotation] ?? ""
      return LayoutImage(
        reference: ArchiveName.reference(name, of: root.digest), name: name, root: root,
        isReferrer: given == nil && !name.isEmpty)
    }
    others = manifests.filter { !$0.mediaType.isManifest }
    do {
      ledgerDigest = try content.annotations?[Self.ledgerAnnotation].map { text throws(DigestError) in
        try Digest(text)
      }
    } catch {
      throw MalformedFile(why: "the annotation '\(Self.ledgerAnnotation)' is no digest")
    }
  }

  /// The file's one form.
  var bytes: [UInt8] {
    let repositories = Set(images.map { $0.reference?.repositoryName })
    let entries = images.map { image -> JSONValue in
      let annotations =
        image.isReferrer
        ? [Self.referrerAnnotation: JSONValue.string(image.name)]
        : [
          Self.nameAnnotation: .string(image.name),
          Self.refNameAnnotation: .string(Self.refName(of: image, isOnlyRepository: repositories.count == 1)),
        ]
      var entry = JSONValue.descriptor(image.root)
      if !image.name.isEmpty { entry["annotations"] = .object(annotations) }
      if let type = image.root.artifactType { entry["artifactType"] = .string(type) }
      return .object(entry)
    }
    var members: [String: JSONValue] = [
      "schemaVersion": .integer(2),
      "mediaType": .string(MediaType.ociIndex.rawValue),
      "manifests": .array(entries),
    ]
    if let ledgerDigest {
      members["annotations"] = .object([Self.ledgerAnnotation: .string(ledgerDigest.description)])
    }
    return JSONValue.object(members).bytes
  }

  /// The tag where that names one image, else the full name.
  private static func refName(of image: LayoutImage, isOnlyRepository: Bool) -> String {
    guard isOnlyRepository, let reference = image.reference, reference.digest == nil else {
      return image.name
    }
    return reference.tag ?? image.name
  }
}
