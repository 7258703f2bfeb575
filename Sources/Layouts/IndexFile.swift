public import Digests
public import Images

/// `index.json`: the images of a layout. Its sha256 is the archive digest.
public struct IndexFile: Hashable, Sendable {
  public static let path = "index.json"
  static let sizeLimit: Int64 = 16 << 20

  /// The annotation of the whole index that holds the digest of ``FerryFile``. Its presence makes an archive
  /// one of Ferry's.
  public static let ferryFileAnnotation = Annotation.ledgerDigest
  /// The annotation of an image that containerd, docker and podman take its full name from.
  static let nameAnnotation = Annotation.imageName
  /// The annotation of an image that skopeo and oras find it by (image-spec `annotations.md`).
  static let refNameAnnotation = Annotation.refName

  /// The annotation of a referrer that says which repository it is of: its full name by digest. The two
  /// annotations above would make an image of it.
  static let referrerAnnotation = Annotation.referrerName

  /// In the order of the file.
  public let images: [LayoutImage]
  /// What is listed and is no manifest.
  public let others: [Descriptor]
  /// What is listed and cannot be read, of another tool's index.
  let unreadable: [UnreadableEntry]
  public let ferryFileDigest: Digest?

  /// An index of `images`; one of Ferry's own archives has a `ferryFileDigest`.
  init(images: [LayoutImage], others: [Descriptor] = [], ferryFileDigest: Digest?) {
    self.images = images
    self.others = others
    self.ferryFileDigest = ferryFileDigest
    unreadable = []
  }

  /// Reads any tool's index. What is wrong with one entry is that entry's fault alone, unless there is nothing else. `typeOf` is
  /// asked what the content of one says it is, whose type is no manifest's: nil where it says nothing.
  init(bytes: [UInt8], typeOf: (Descriptor) -> MediaType? = { _ in nil }) throws(FileFault) {
    let (content, more) = try FileFault.decode(
      IndexContent.self, from: bytes, as: .imageList, apart: "manifests", ListedEntry.self)
    let entries = (content.manifests ?? []) + more
    let manifests = entries.compactMap(\.descriptor).map { listed in
      guard !listed.mediaType.isManifest, let type = typeOf(listed) else { return listed }
      return Descriptor(
        mediaType: type, digest: listed.digest, size: listed.size, platform: listed.platform,
        annotations: listed.annotations, urls: listed.urls, artifactType: listed.artifactType)
    }
    unreadable = entries.compactMap(\.unreadable)
    if let first = unreadable.first,
      manifests.isEmpty || content.annotations?[Self.ferryFileAnnotation] != nil
    {
      throw .json(first.fault)
    }
    let listed = manifests.filter(\.mediaType.isManifest).map { root in
      let given = root.annotations?[Self.nameAnnotation] ?? root.annotations?[Self.refNameAnnotation]
      let name = given ?? root.annotations?[Self.referrerAnnotation] ?? ""
      return LayoutImage(
        reference: ArchiveName.reference(name, of: root.digest), name: name, root: root,
        isReferrer: given == nil && !name.isEmpty)
    }
    let isFerrys = content.annotations?[Self.ferryFileAnnotation] != nil
    guard isFerrys || listed.count <= LayoutImage.mostOfOthers else {
      throw .tooManyNames(limit: LayoutImage.mostOfOthers)
    }
    images = isFerrys ? listed : AttachedContent.naming(listed)
    others = manifests.filter { !$0.mediaType.isManifest }
    do {
      ferryFileDigest = try content.annotations?[Self.ferryFileAnnotation].map { text throws(DigestError) in
        try Digest(text)
      }
    } catch {
      throw .annotationNotADigest(Self.ferryFileAnnotation)
    }
  }

  /// The one image that this index, whose bytes these are, is, as ggcr's and bazel's `layout.Write` leave it: the same
  /// image for several platforms, not told apart by any name. nil where it lists images by their names.
  func asOneImage(_ bytes: [UInt8]) -> LayoutImage? {
    guard ferryFileDigest == nil, others.isEmpty, unreadable.isEmpty, images.count > 1,
      Set(images.map(\.name)).count == 1,
      bytes.count <= Manifest.sizeLimit, images.allSatisfy(\.root.mediaType.isImageManifest)
    else { return nil }
    let runnable = images.map(\.root).filter { $0.attestedDigest == nil }
    let platforms = Set(runnable.compactMap(\.platform))
    guard platforms.count == runnable.count, !platforms.isEmpty else { return nil }
    let root = Descriptor(mediaType: .ociIndex, digest: Digest(of: bytes), size: Int64(bytes.count))
    return LayoutImage(reference: images[0].reference, name: images[0].name, root: root)
  }

  /// The same with `name` for images that have none.
  func naming(_ name: String) -> IndexFile {
    let named = images.map { image in
      image.name.isEmpty
        ? LayoutImage(
          reference: ArchiveName.reference(name, of: image.root.digest), name: name, root: image.root)
        : image
    }
    return IndexFile(images: named, others: others, ferryFileDigest: ferryFileDigest)
  }

  /// The same with what is said of images elsewhere: which were made of others.
  func marking(_ conversions: [ConvertedImage]) -> IndexFile {
    guard !conversions.isEmpty else { return self }
    let origins = Dictionary(conversions.map { ($0.digest, $0.from) }) { first, _ in first }
    let marked = images.map { image in
      var image = image
      image.convertedFrom = origins[image.root.digest]
      return image
    }
    return IndexFile(images: marked, others: others, ferryFileDigest: ferryFileDigest)
  }

  /// The same with `more` images, which are listed elsewhere.
  func adding(_ more: [LayoutImage]) -> IndexFile {
    more.isEmpty
      ? self
      : IndexFile(
        images: (images + more).sorted(by: LayoutImage.precedes), others: others,
        ferryFileDigest: ferryFileDigest)
  }

  /// The file's one form.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    forEachPiece { bytes += $0 }
    return bytes
  }

  /// The digest of ``bytes``.
  var digest: Digest {
    var hasher = ContentHasher()
    forEachPiece { unsafe hasher.update($0.span.bytes) }
    return hasher.digest()
  }

  /// A piece has so many bytes, or an image more.
  private static let pieceSize = 64 << 10

  /// Hands out the file's one form, in order, one image after the other: as values those of many would take several times
  /// the memory of the text, and that is large.
  func forEachPiece<Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
    // What no other tool can load is listed in ``FerryFile``.
    var repositories: Set<String?> = []
    for image in images where image.isInIndex { repositories.insert(image.reference?.repositoryName) }
    var piece: [UInt8] = Array("{".utf8)
    // Names stand in the order of their bytes, as everywhere.
    if let ferryFileDigest {
      let annotations = [Self.ferryFileAnnotation: JSONValue.string(ferryFileDigest.description)]
      piece += #""annotations":"#.utf8
      piece += JSONValue.object(annotations).bytes
      piece.append(UInt8(ascii: ","))
    }
    piece += #""manifests":["#.utf8
    var isFirst = true
    for image in images where image.isInIndex {
      if !isFirst { piece.append(UInt8(ascii: ",")) }
      isFirst = false
      piece += Self.entry(of: image, isOnlyRepository: repositories.count == 1).bytes
      guard piece.count >= Self.pieceSize else { continue }
      try body(piece)
      piece.removeAll(keepingCapacity: true)
    }
    piece += #"],"mediaType":"#.utf8
    piece += JSONValue.string(MediaType.ociIndex.rawValue).bytes
    piece += #","schemaVersion":2}"#.utf8
    try body(piece)
  }

  private static func entry(of image: LayoutImage, isOnlyRepository: Bool) -> JSONValue {
    let annotations =
      image.isReferrer
      ? [referrerAnnotation: JSONValue.string(image.name)]
      : [
        nameAnnotation: .string(image.name),
        refNameAnnotation: .string(refName(of: image, isOnlyRepository: isOnlyRepository)),
      ]
    var entry = JSONValue.descriptor(image.root)
    if !image.name.isEmpty { entry["annotations"] = .object(annotations) }
    if let type = image.root.artifactType { entry["artifactType"] = .string(type) }
    return .object(entry)
  }

  /// The tag where that names one image, else the full name.
  private static func refName(of image: LayoutImage, isOnlyRepository: Bool) -> String {
    guard isOnlyRepository, let reference = image.reference, reference.digest == nil else {
      return image.name
    }
    return reference.tag ?? image.name
  }
}

/// What is read of an index.
private struct IndexContent: Decodable {
  /// Go writes an empty list as null.
  let manifests: [ListedEntry]?
  let annotations: [String: String]?

  /// A member's name, whatever it is.
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }

    static let manifests = Name(stringValue: "manifests")
    static let annotations = Name(stringValue: "annotations")
    static let defined: Set = [
      "schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations",
    ]
  }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Name.self)
    manifests = try members.decodeIfPresent([ListedEntry].self, forKey: .manifests)
    annotations = try Annotation.decode(from: members, forKey: .annotations)
    // Without a list it is one of nothing, unless the list is called otherwise: then a wrong bit has done that.
    guard !members.contains(.manifests),
      members.allKeys.contains(where: { !Name.defined.contains($0.stringValue) })
    else { return }
    throw DecodingError.keyNotFound(
      Name.manifests, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "no list"))
  }
}

/// An entry of an index that cannot be read.
struct UnreadableEntry: Hashable, Sendable {
  /// What it is called, or else its digest as it stands there; may be anything.
  let name: String
  let fault: JSONFault
}

/// An entry of `index.json`, whether it can be read or not.
private enum ListedEntry: Decodable {
  case readable(Descriptor)
  /// Of which there are few, and which is large.
  indirect case broken(UnreadableEntry)

  private enum CodingKeys: String, CodingKey { case digest, annotations }

  /// What says something where it is a text, whatever stands beside it.
  private struct Text: Decodable {
    let text: String?

    init(from decoder: any Decoder) { text = try? decoder.singleValueContainer().decode(String.self) }
  }

  init(from decoder: any Decoder) {
    do { self = .readable(try Descriptor(from: decoder)) } catch {
      let members = try? decoder.container(keyedBy: CodingKeys.self)
      let annotations = (try? members?.decodeIfPresent([String: Text].self, forKey: .annotations)) ?? [:]
      let name = annotations[IndexFile.nameAnnotation]?.text ?? annotations[IndexFile.refNameAnnotation]?.text
      let digest = try? members?.decodeIfPresent(String.self, forKey: .digest)
      self = .broken(UnreadableEntry(name: name ?? digest ?? "", fault: error.jsonFault))
    }
  }

  var descriptor: Descriptor? { if case .readable(let descriptor) = self { descriptor } else { nil } }
  var unreadable: UnreadableEntry? { if case .broken(let entry) = self { entry } else { nil } }
}

/// One image of a layout, as `index.json` lists it.
public struct LayoutImage: Hashable, Sendable {
  /// The source's name; nil when an archive of another tool gives none that is whole.
  public let reference: Reference?
  /// What `index.json` calls it, as it stands there; empty when it has no name.
  public let name: String
  public let root: Descriptor
  /// Whether it is here for the manifest it refers to, and has no name but its repository and digest: other
  /// tools find it listed without one, as image layouts list referrers.
  public let isReferrer: Bool

  /// What few images have: it takes a word of those that have not.
  private indirect enum Former: Hashable, Sendable { case digests(converted: Digest?, given: Digest?) }

  private var former: Former?

  /// What registries knew it by before it was made one of schema 2 for this archive.
  public internal(set) var convertedFrom: Digest? {
    get { if case .digests(let converted, _) = former { converted } else { nil } }
    set { note(converted: newValue, given: givenDigest) }
  }

  /// The digest in the name that docker's list gives it, where its manifest has another: that is made here, or built anew.
  public internal(set) var givenDigest: Digest? {
    get { if case .digests(_, let given) = former { given } else { nil } }
    set { note(converted: convertedFrom, given: newValue) }
  }

  private mutating func note(converted: Digest?, given: Digest?) {
    former = converted == nil && given == nil ? nil : .digests(converted: converted, given: given)
  }

  /// What registries know it by, where it is of schema 1: then ``root`` is a carrier.
  public var schema1Digest: Digest? { Schema1Carrier.digest(of: root) }
  /// What registries know it by.
  public var digest: Digest { schema1Digest ?? root.digest }

  /// Whether `index.json` of an archive of Ferry's lists it: not what no other tool can load.
  var isInIndex: Bool { schema1Digest == nil && root.mediaType.isManifest }

  /// The most that are read of another tool's list, where one of several names counts for each: several times as many as any
  /// that was met has, and as many as memory is kept for.
  static let mostOfOthers = 1 << 16

  /// What to call it: its name, or the tag if that is all it has, or else its digest. Fit to be printed.
  public var label: String { reference != nil || bareTag != nil ? name : root.digest.description }

  /// The tag, of an image of which a tag is all that is known.
  public var bareTag: String? {
    reference == nil && RepositoryName.isValidTag(name) && !ArchiveName.isID(name) ? name : nil
  }

  public init(reference: Reference?, name: String, root: Descriptor, isReferrer: Bool = false) {
    self.reference = reference
    self.name = name
    self.root = root
    self.isReferrer = isReferrer
  }

  init(_ reference: Reference, root: Descriptor, isReferrer: Bool = false) {
    self.init(reference: reference, name: reference.description, root: root, isReferrer: isReferrer)
  }

  /// The same image by its repository and digest alone; nil where it has no repository. What refers to something is known as
  /// that without its tag.
  public var byDigest: LayoutImage? {
    guard let reference else { return nil }
    let named = Reference(host: reference.host, repository: reference.repository, digest: digest)
    var image = LayoutImage(named, root: root, isReferrer: looksLikeReferrer)
    image.convertedFrom = convertedFrom
    image.givenDigest = givenDigest
    return image
  }

  /// The same with the descriptor that another list has of its root.
  public func rooted(at root: Descriptor) -> LayoutImage {
    var image = LayoutImage(reference: reference, name: name, root: root, isReferrer: isReferrer)
    image.convertedFrom = convertedFrom
    image.givenDigest = givenDigest
    return image
  }

  /// Whether its place in `index.json` or the form of its tag says that it refers to a manifest.
  public var looksLikeReferrer: Bool { isReferrer || reference?.tag.flatMap { ReferrerTag($0) } != nil }

  /// In the order of `index.json`: what has a name stands before what only refers.
  static func precedes(_ left: Self, _ right: Self) -> Bool {
    left.isReferrer != right.isReferrer
      ? right.isReferrer : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}
