import Digests
import Images

/// `manifest.json`: the list that `docker load` reads, derived from `index.json` and the manifests.
///
/// It names images with a single platform that docker can run and that are whole; other tools ignore it.
enum DockerManifestFile {
  static let path = "manifest.json"

  /// The file's one form; nil when there is no such image. `manifest` finds an image's root, `isCarried` tells
  /// whether a blob is in the archive.
  static func bytes(
    images: [LayoutImage], manifest: (Digest) -> Manifest?, isCarried: (Digest) -> Bool
  ) -> [UInt8]? {
    var tags: [Digest: [String]] = [:]
    var order: [Digest] = []
    for image in images {
      if tags[image.root.digest] == nil { order.append(image.root.digest) }
      // A name with a digest is refused by docker, a name without a tag likewise.
      let tag = image.reference.flatMap { reference in
        reference.tag.map { "\(reference.repositoryName):\($0)" }
      }
      tags[image.root.digest, default: []] += tag.map { [$0] } ?? []
    }
    let entries = order.compactMap { digest -> JSONValue? in
      guard case .image(let image) = manifest(digest)?.content, isLoadable(image, isCarried) else {
        return nil
      }
      let names = Set(tags[digest] ?? []).sorted()
      return .object([
        "Config": .string(BlobPath.path(of: image.config.digest)),
        "RepoTags": .array(names.map { .string($0) }),
        "Layers": .array(image.layers.map { .string(BlobPath.path(of: $0.digest)) }),
      ])
    }
    return entries.isEmpty ? nil : JSONValue.array(entries).bytes
  }

  /// Signatures have an image's config and layers of another kind.
  private static func isLoadable(_ image: ImageManifest, _ isCarried: (Digest) -> Bool) -> Bool {
    image.config.mediaType.isImageConfig && isCarried(image.config.digest)
      && image.layers.allSatisfy { $0.mediaType.isLayer && isCarried($0.digest) }
  }
}
