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
    let start = try BlobExtent(offset: extent.offset, size: min(extent.size, 4096)).bytes(in: file)
    let blanks = Set(" \t\r\n".utf8)
    return start.first { !blanks.contains($0) } == UInt8(ascii: "[")
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
