import Digests
import Images

/// The names by which the readers of an `index.json` know its images. One reader goes by the full name, another by
/// what image-spec gives as the reference, and that one may be a tag and no more.
extension IndexFile {
  /// What was met of a name.
  private struct Holders {
    var roots: Set<Digest> = []
    /// The platforms of those; nil where one has none.
    var platforms: Set<Platform?> = []
    var isAmbiguous = false

    /// One name may stand for an image of each platform (image-spec `image-layout.md`).
    mutating func add(_ root: Descriptor) {
      guard roots.insert(root.digest).inserted else { return }
      let isNew = platforms.insert(root.platform).inserted
      if roots.count > 1, !isNew || platforms.contains(nil) { isAmbiguous = true }
    }
  }

  /// Names that stand for two images, to one reader or to two of them, sorted.
  var ambiguousNames: [String] {
    var holders: [String: Holders] = [:]
    for image in images where !image.isReferrer && image.root.attestedDigest == nil {
      for name in Self.names(of: image) { holders[name, default: Holders()].add(image.root) }
    }
    return holders.filter(\.value.isAmbiguous).map(\.key).sorted()
  }

  /// The full names of an image; of one that has none, its tag.
  private static func names(of image: LayoutImage) -> Set<String> {
    guard let reference = image.reference else { return Set(image.bareTag.map { [$0] } ?? []) }
    guard reference.digest == nil else { return [] }
    var names: Set = [reference.description]
    guard let given = image.root.annotations?[refNameAnnotation], given != image.name else { return names }
    let other: Reference?
    if RepositoryName.isValidTag(given), !ArchiveName.isID(given) {
      other = try? Reference("\(reference.repositoryName):\(given)")
    } else if let whole = try? Reference(given) {
      other = whole
    } else {
      // Some leave the host out, of whatever registry.
      other =
        reference.host == "docker.io"
        ? ArchiveName.dockerReference(given, of: image.root.digest)
        : try? Reference("\(reference.host)/\(given)")
    }
    if let other, other.digest == nil { names.insert(other.description) }
    return names
  }
}
