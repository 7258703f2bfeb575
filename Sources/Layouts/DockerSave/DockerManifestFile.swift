import Digests
import Files
import Images
import Tar

/// `manifest.json`: the list that `docker load` reads, derived from `index.json` and the manifests.
///
/// It names images with a single platform that docker can run and that are whole; other tools ignore it.
struct DockerManifestFile: Sendable {
  static let path = "manifest.json"

  /// One image of the list.
  private struct Listed: Sendable {
    /// Into ``images``: those of its names.
    let names: [Int]
    let config: Descriptor
    let layers: [Descriptor]
  }

  private let images: [LayoutImage]
  private let listed: [Listed]
  /// In bytes.
  let size: Int64

  /// A piece has so many bytes, or an image more.
  private static let pieceSize = 64 << 10

  /// The file's one form; nil when there is no such image. `manifests` has the images' roots, `isCarried` tells
  /// whether a blob is in the archive. What it says is kept, not the text: that is as large as all manifests' half.
  init?(
    images: [LayoutImage], manifests: PlannedManifests, isCarried: (Digest) -> Bool
  ) throws(LayoutError) {
    var names: [Digest: [Int]] = [:]
    var order: [Digest] = []
    for (number, image) in images.enumerated() {
      if names[image.root.digest] == nil { order.append(image.root.digest) }
      names[image.root.digest, default: []].append(number)
    }
    var listed: [Listed] = []
    for digest in order where manifests.descriptor(of: digest)?.mediaType.isIndex == false {
      guard case .image(let image) = try manifests.manifest(digest)?.content,
        Self.isLoadable(image, isCarried)
      else { continue }
      listed.append(
        Listed(
          names: names[digest] ?? [], config: manifests.shared(image.config),
          layers: image.layers.map(manifests.shared)))
    }
    guard !listed.isEmpty else { return nil }
    self.images = images
    self.listed = listed
    var size: Int64 = 0
    Self.write(listed, of: images) { size += Int64($0.count) }
    self.size = size
  }

  /// Hands out the file's text, in order.
  func forEachPiece(_ body: ([UInt8]) throws(LayoutError) -> Void) throws(LayoutError) {
    try Self.write(listed, of: images, to: body)
  }

  private static func write<Failure: Error>(
    _ listed: [Listed], of images: [LayoutImage], to body: ([UInt8]) throws(Failure) -> Void
  ) throws(Failure) {
    var piece = [UInt8(ascii: "[")]
    for (number, image) in listed.enumerated() {
      if number > 0 { piece.append(UInt8(ascii: ",")) }
      append(image, of: images, to: &piece)
      guard piece.count >= pieceSize else { continue }
      try body(piece)
      piece.removeAll(keepingCapacity: true)
    }
    piece.append(UInt8(ascii: "]"))
    try body(piece)
  }

  /// Adds an image in the form of ``JSONValue``.
  private static func append(_ image: Listed, of images: [LayoutImage], to text: inout [UInt8]) {
    func append(_ blob: Descriptor) {
      text += "\"\(BlobPath.path(of: blob.digest))\"".utf8
    }
    text += #"{"Config":"#.utf8
    append(image.config)
    text += #","Layers":["#.utf8
    for (number, layer) in image.layers.enumerated() {
      if number > 0 { text.append(UInt8(ascii: ",")) }
      append(layer)
    }
    text += #"],"RepoTags":"#.utf8
    let names = Set(image.names.compactMap { name(of: images[$0]) }).sorted()
    text += JSONValue.array(names.map { .string($0) }).bytes
    text.append(UInt8(ascii: "}"))
  }

  /// A name with a digest is refused by docker, a name without a tag or with what is none likewise.
  private static func name(of image: LayoutImage) -> String? {
    image.reference.flatMap { reference in
      reference.tag.flatMap { RepositoryName.isValidTag($0) ? "\(reference.repositoryName):\($0)" : nil }
    }
  }

  /// Signatures have an image's config and layers of another kind.
  private static func isLoadable(_ image: ImageManifest, _ isCarried: (Digest) -> Bool) -> Bool {
    image.config.mediaType.isImageConfig && isCarried(image.config.digest)
      && image.layers.allSatisfy { $0.mediaType.isLayer && isCarried($0.digest) }
  }

  /// The largest that is read of another tool's, in bytes.
  static let sizeLimit: Int64 = 12 << 20
  /// The largest that an archive of Ferry's may have, in bytes: that of 100,000 images of sixty layers. It is compared, not read.
  static let largestSize: Int64 = 512 << 20
  /// The most images, names and layers together, so that what is made of them stays bounded.
  static let mostParts = 1 << 17
  /// The most bytes of all names.
  static let mostNameBytes = 5 << 19
  /// The most values in the file, as many as commas stand in it: what docker writes has one in more than thirty bytes.
  private static let mostValues = 4 * mostParts
  /// The most bytes of addresses that one layer may have.
  private static let mostSourceBytes = 64 << 10

  /// One image: the paths of its config and layers in the tar, and its names, in docker's short form or whole.
  struct Entry {
    let config: String
    var names: [String]
    let layers: [String]
    /// What layers are that another place has, by the digests of what they hold.
    var sources: [String: Descriptor] = [:]
    /// Why nothing but this can be read of it; nil where it can.
    var fault: FileFault?
  }

  /// Whether a file of that name beside an `index.json` is docker's list: what is no list docker refuses to read, and
  /// may be anything.
  static func isList(_ extent: BlobExtent, in file: any RandomAccess) throws(LayoutError) -> Bool {
    let blanks = Set(" \t\r\n".utf8)
    let size = min(extent.size, sizeLimit)
    var position: Int64 = 0
    while position < size {
      let piece = BlobExtent(offset: extent.offset + position, size: min(size - position, 64 << 10))
      if let first = try piece.bytes(in: file).first(where: { !blanks.contains($0) }) {
        return first == UInt8(ascii: "[")
      }
      position += piece.size
    }
    return false
  }

  /// Where the configs and layers lie that the list names, as it says; nothing where it cannot be read.
  static func paths(in bytes: [UInt8]) -> Set<String> {
    Set(((try? entries(in: bytes)) ?? []).filter { $0.fault == nil }.flatMap { [$0.config] + $0.layers })
  }

  /// Throws where images have more names than are kept account of, or longer ones.
  static func checkNames(
    of images: [Entry], most: Int = LayoutImage.mostOfOthers
  ) throws(FileFault) {
    guard images.reduce(0, { $0 + max(1, $1.names.count) }) <= most else { throw .tooManyNames(limit: most) }
    guard images.reduce(0, { $1.names.reduce($0) { $0 + $1.utf8.count } }) <= mostNameBytes else {
      throw .namesTooLong(limit: mostNameBytes)
    }
  }

  /// The images in the file's order. What is wrong with one entry is that one's fault alone.
  static func entries(in bytes: [UInt8]) throws(FileFault) -> [Entry] {
    struct Image: Decodable {
      let entry: Entry

      init(from decoder: any Decoder) {
        var fault: FileFault?
        func read<Value>(_ body: () throws -> Value?) -> Value? {
          do { return try body() } catch {
            fault = fault ?? .json(error.jsonFault)
            return nil
          }
        }
        let members = read { try decoder.container(keyedBy: CodingKeys.self) }
        let config = read { try members?.decode(String.self, forKey: .config) }
        let names = read { try members?.decodeIfPresent([String].self, forKey: .names) }
        let layers = read { try members?.decodeIfPresent([String].self, forKey: .layers) }
        let sources = read { try members?.decodeIfPresent([String: Source].self, forKey: .sources) }
        let place = decoder.codingPath.last?.intValue ?? 0
        entry = Entry(
          config: config ?? "\(DockerManifestFile.path)[\(place)]",
          names: names ?? (fault == nil ? [] : Self.texts(in: members)), layers: layers ?? [],
          sources: (sources ?? [:]).compactMapValues(\.layer), fault: fault)
      }

      /// What may be the names of an entry that cannot be read.
      private static func texts(in members: KeyedDecodingContainer<CodingKeys>?) -> [String] {
        if let name = try? members?.decode(String.self, forKey: .names) { return [name] }
        let texts = try? members?.decodeIfPresent([Text].self, forKey: .names)
        return (texts ?? []).compactMap(\.text)
      }

      private enum CodingKeys: String, CodingKey {
        case config = "Config"
        case names = "RepoTags"
        case layers = "Layers"
        case sources = "LayerSources"
      }
    }
    struct Text: Decodable {
      let text: String?

      init(from decoder: any Decoder) { text = try? decoder.singleValueContainer().decode(String.self) }
    }
    /// Of use where it can be read, and no harm where it cannot.
    struct Source: Decodable {
      let layer: Descriptor?

      init(from decoder: any Decoder) {
        let found = (try? Descriptor(from: decoder)).flatMap { $0.isForeign ? $0 : nil }
        layer = found.flatMap { $0.addressBytes <= DockerManifestFile.mostSourceBytes ? $0 : nil }
      }
    }
    // Decoders take many times as much memory for a value as it takes up here.
    guard bytes.count(where: { $0 == UInt8(ascii: ",") }) <= mostValues else {
      throw .tooManyParts(limit: mostParts)
    }
    let images = try (FileFault.decode([Image]?.self, from: bytes, as: .dockerManifest) ?? []).map(\.entry)
    guard images.reduce(images.count, { $0 + $1.names.count + $1.layers.count }) <= mostParts else {
      throw .tooManyParts(limit: mostParts)
    }
    try checkNames(of: images)
    for image in images {
      guard ([image.config] + image.layers).allSatisfy({ $0.utf8.count <= TarIndex.longestPath }) else {
        throw .pathTooLong(limit: TarIndex.longestPath)
      }
    }
    return images
  }
}
