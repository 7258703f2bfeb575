import Digests
import Files
import Images
import Tar

/// `manifest.json`: the list that `docker load` reads, derived from `index.json` and the manifests.
///
/// It names images with a single platform that docker can run and that are whole; other tools ignore it.
enum DockerManifestFile {
  static let path = "manifest.json"

  /// The file's one form; nil when there is no such image. `manifests` has the images' roots, `isCarried` tells
  /// whether a blob is in the archive.
  static func bytes(
    images: [LayoutImage], manifests: PlannedManifests, isCarried: (Digest) -> Bool
  ) throws(LayoutError) -> [UInt8]? {
    var tags: [Digest: [String]] = [:]
    var order: [Digest] = []
    for image in images {
      if tags[image.root.digest] == nil { order.append(image.root.digest) }
      // A name with a digest is refused by docker, a name without a tag or with what is none likewise.
      let tag = image.reference.flatMap { reference in
        reference.tag.flatMap { RepositoryName.isValidTag($0) ? "\(reference.repositoryName):\($0)" : nil }
      }
      tags[image.root.digest, default: []] += tag.map { [$0] } ?? []
    }
    // One entry after the other: as values those of many images would take twice the memory of the file.
    var bytes: [UInt8] = []
    for digest in order where manifests.descriptor(of: digest)?.mediaType.isIndex == false {
      guard case .image(let image) = try manifests.manifest(digest)?.content, isLoadable(image, isCarried)
      else { continue }
      let names = Set(tags[digest] ?? []).sorted()
      let entry = JSONValue.object([
        "Config": .string(BlobPath.path(of: image.config.digest)),
        "RepoTags": .array(names.map { .string($0) }),
        "Layers": .array(image.layers.map { .string(BlobPath.path(of: $0.digest)) }),
      ])
      bytes.append(UInt8(ascii: bytes.isEmpty ? "[" : ","))
      bytes += entry.bytes
    }
    // A new array, without the room that a growing one keeps.
    return bytes.isEmpty ? nil : bytes + [UInt8(ascii: "]")]
  }

  /// Signatures have an image's config and layers of another kind.
  private static func isLoadable(_ image: ImageManifest, _ isCarried: (Digest) -> Bool) -> Bool {
    image.config.mediaType.isImageConfig && isCarried(image.config.digest)
      && image.layers.allSatisfy { $0.mediaType.isLayer && isCarried($0.digest) }
  }

  static let sizeLimit: Int64 = 16 << 20
  /// The most images, names and layers together, so that what is made of them stays bounded.
  private static let mostParts = TarIndex.mostEntries

  /// One image: the paths of its config and layers in the tar, and its names, in docker's short form or whole.
  struct Entry {
    let config: String
    let names: [String]
    let layers: [String]
    /// What layers are to the registry that they came from, by the digests of what they hold.
    var sources: [String: Descriptor] = [:]
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
    Set(((try? entries(in: bytes)) ?? []).flatMap { [$0.config] + $0.layers })
  }

  /// The images in the file's order.
  static func entries(in bytes: [UInt8]) throws(FileFault) -> [Entry] {
    struct Image: Decodable {
      let config: String
      let names: [String]?
      let layers: [String]?
      let sources: [String: Source]?

      private enum CodingKeys: String, CodingKey {
        case config = "Config"
        case names = "RepoTags"
        case layers = "Layers"
        case sources = "LayerSources"
      }
    }
    /// Of use where it can be read, and no harm where it cannot.
    struct Source: Decodable {
      let descriptor: Descriptor?

      init(from decoder: any Decoder) { descriptor = try? Descriptor(from: decoder) }
    }
    let images = try (FileFault.decode([Image]?.self, from: bytes, as: .dockerManifest) ?? []).map {
      Entry(
        config: $0.config, names: $0.names ?? [], layers: $0.layers ?? [],
        sources: ($0.sources ?? [:]).compactMapValues(\.descriptor))
    }
    guard images.reduce(images.count, { $0 + $1.names.count + $1.layers.count }) <= mostParts else {
      throw .tooManyParts(limit: mostParts)
    }
    return images
  }
}
