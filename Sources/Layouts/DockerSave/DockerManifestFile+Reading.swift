import Archives
import Images

/// `manifest.json` as `docker load` reads it.
extension DockerManifestFile {
  static let sizeLimit: Int64 = 16 << 20
  /// The most images, names and layers together, so that what is made of them stays bounded.
  private static let mostParts = TarIndex.mostEntries

  /// One image: the paths of its config and layers in the tar, and its names, in docker's short form or whole.
  struct Entry {
    let config: String
    let names: [String]
    let layers: [String]
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

  /// The images in the file's order.
  static func entries(in bytes: [UInt8]) throws(MalformedFile) -> [Entry] {
    struct Image: Decodable {
      let config: String
      let names: [String]?
      let layers: [String]?

      private enum CodingKeys: String, CodingKey {
        case config = "Config"
        case names = "RepoTags"
        case layers = "Layers"
      }
    }
    let images = try (MalformedFile.decode([Image]?.self, from: bytes, as: .dockerManifest) ?? []).map {
      Entry(config: $0.config, names: $0.names ?? [], layers: $0.layers ?? [])
    }
    guard images.reduce(images.count, { $0 + $1.names.count + $1.layers.count }) <= mostParts else {
      throw MalformedFile(why: "it lists more than \(mostParts) images, names and layers")
    }
    return images
  }
}
