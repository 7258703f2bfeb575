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
    let own = Dictionary(images.map { ($0.root.digest.description, Self.given($0)) }) { first, _ in first }
    for image in images
    where !image.isReferrer && !Self.isAttestation(image, of: own) && !Self.isAttached(image) {
      for name in Self.names(of: image) { holders[name, default: Holders()].add(image.root) }
    }
    return holders.filter(\.value.isAmbiguous).map(\.key).sorted()
  }

  /// The two annotations that give an image its names.
  private static func given(_ image: LayoutImage) -> [String?] {
    [nameAnnotation, refNameAnnotation].map { image.root.annotations?[$0] }
  }

  /// Whether cosign and hauler list this as something that belongs to an image: they give it the image's own name, and
  /// tell the two apart by the kind.
  private static func isAttached(_ image: LayoutImage) -> Bool {
    guard let kind = image.root.annotations?["kind"] else { return false }
    return ["sigs", "atts", "sboms"].contains { kind == "dev.cosignproject.cosign/\($0)" }
  }

  /// Whether an image is an attestation as buildkit lists them: for no platform, and beside the image that it speaks of,
  /// of which the names are. Under any other name it is what readers find there.
  private static func isAttestation(_ image: LayoutImage, of own: [String: [String?]]) -> Bool {
    guard let subject = image.root.attestedDigest, let platform = image.root.platform else { return false }
    return platform == Platform(os: "unknown", architecture: "unknown") && own[subject] == given(image)
  }

  /// The full names of an image; of one that has none, its tags. What image-spec gives as the reference is one whatever
  /// the other annotation says, for some readers look at no other.
  static func names(of image: LayoutImage) -> Set<String> {
    var names: Set<String> = []
    if let reference = image.reference {
      if let name = name(reference) { names.insert(name) }
    } else if let tag = image.bareTag {
      names.insert(tag)
    }
    guard let given = image.root.annotations?[refNameAnnotation], given != image.name else { return names }
    if RepositoryName.isValidTag(given), !ArchiveName.isID(given) {
      // The tag of an image that has a name by digest is of no use to those who look for a tag.
      guard let reference = image.reference else { return names.union([given]) }
      if reference.digest == nil { names.insert("\(reference.repositoryName):\(given)") }
    } else if let other = fullName(given, of: image), let name = name(other) {
      names.insert(name)
    }
    return names
  }

  /// What a reference that is no tag stands for.
  private static func fullName(_ given: String, of image: LayoutImage) -> Reference? {
    if let whole = try? Reference(given) { return whole }
    // Some leave the host out, of whatever registry.
    guard let host = image.reference?.host, host != "docker.io" else {
      return ArchiveName.reference(given, of: image.root.digest)
    }
    return image.reference?.digest == nil ? try? Reference("\(host)/\(given)") : nil
  }

  /// A name as it is compared: docker's registry has two, and without a tag it is the latest. nil for one by digest,
  /// which can mean one image alone.
  static func name(_ reference: Reference) -> String? {
    guard reference.digest == nil else { return nil }
    let host = reference.host == "index.docker.io" ? "docker.io" : reference.host
    let name = "\(host)/\(reference.repository):\(reference.identifier)"
    return (try? Reference(name)).map(\.description) ?? name
  }
}
