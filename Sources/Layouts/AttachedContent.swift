public import Digests
import Images

/// Signatures, attestations and SBOMs as cosign and hauler list them in `index.json`: under their image's own name, or under
/// none, told from it by an annotation alone. In a registry they stand under a tag that is made of the image's digest.
public enum AttachedContent {
  /// The annotation that tells what an entry is.
  private static let annotation = Annotation.kind
  /// cosign's word for it, and hauler's of today.
  private static let vendors = ["dev.cosignproject.cosign/", "dev.hauler/"]

  /// What the annotation says: `image`, `imageIndex`, `sigs`, `atts`, `sboms`, `referrers`; nil where it says nothing.
  /// hauler adds a digest to some.
  private static func kind(of root: Descriptor) -> Substring? {
    guard let text = root.annotations?[annotation],
      let vendor = vendors.first(where: { text.hasPrefix($0) })
    else { return nil }
    return text.dropFirst(vendor.count).prefix { $0 != "/" }
  }

  private static func tagKind(of root: Descriptor) -> ReferrerTag.Kind? {
    switch kind(of: root) {
    case "sigs": .signature
    case "atts": .attestation
    case "sboms": .sbom
    default: nil
    }
  }

  /// Whether an entry belongs to an image whose name it shares.
  static func isAttached(_ root: Descriptor) -> Bool {
    tagKind(of: root) != nil || kind(of: root) == "referrers"
  }

  /// The images with the names that registries know these by. What belongs to an image that is not there, or cannot be told, goes by
  /// its digest alone: the name that it has is that image's.
  static func naming(_ images: [LayoutImage]) -> [LayoutImage] {
    guard images.contains(where: { isAttached($0.root) }) else { return images }
    var subjects: [String: Set<Digest>] = [:]
    for image in images where mayBeSubject(image) {
      subjects[image.name, default: []].insert(image.root.digest)
    }
    return images.map { image in
      guard isAttached(image.root) else { return image }
      return tagged(image, for: subjects[image.name] ?? []) ?? referrer(image)
    }
  }

  /// What belongs to the one of `subjects`, in the repository of that; nil where it cannot be told, or has no tag.
  private static func tagged(_ image: LayoutImage, for subjects: Set<Digest>) -> LayoutImage? {
    guard let kind = tagKind(of: image.root), subjects.count == 1, let subject = subjects.first,
      case let tag = ReferrerTag(kind, of: subject).tag, RepositoryName.isValidTag(tag)
    else { return nil }
    guard let reference = image.reference else {
      return LayoutImage(reference: nil, name: tag, root: image.root)
    }
    return LayoutImage(reference.with(tag: tag), root: image.root)
  }

  /// The images of archives that are taken together, each archive's with the names that registries know them by, where what
  /// belongs to an image of another archive is told by the name that they share; nil where that changes nothing.
  ///
  /// A signature itself says what it signs, which is more than a name: `signed` gives that of one in a list by its number,
  /// nothing where it cannot be told, and `holds` whether one of the archives has a manifest. One of what no archive has, or
  /// has in another repository alone, belongs to an image that is not told.
  public static func naming(
    across lists: [[LayoutImage]], signed: (Int, LayoutImage) -> Set<Digest>, holds: (Digest) -> Bool
  ) -> [[LayoutImage]]? {
    guard lists.joined().contains(where: { isAttached($0.root) }) else { return nil }
    var subjects: [String: Set<Digest>] = [:]
    var repositories: [Digest: Set<String?>] = [:]
    for image in lists.joined() {
      if let name = image.nameOfUntold { subjects[common(name, image)] = [] }
      guard !isAttached(image.root) else { continue }
      repositories[image.digest, default: []].insert(image.reference?.repositoryName)
    }
    for image in lists.joined() where !image.isReferrer && !image.name.isEmpty && mayBeSubject(image) {
      subjects[common(image.name, image)]?.insert(image.digest)
    }
    return lists.enumerated().map { number, images in
      images.map { image in
        guard isAttached(image.root) else { return image }
        let signed = tagKind(of: image.root) == .signature ? signed(number, image) : []
        guard signed.isEmpty else {
          let isHeld = signed.allSatisfy { digest in
            repositories[digest]?.contains(image.reference?.repositoryName) ?? holds(digest)
          }
          let held = isHeld ? tagged(image, for: signed) : nil
          return held ?? (image.isReferrer ? image : referrer(image))
        }
        return image.nameOfUntold.flatMap { tagged(image, for: subjects[common($0, image)] ?? []) } ?? image
      }
    }
  }

  /// A name as those of several lists are compared: they may write one in several forms.
  private static func common(_ name: String, _ image: LayoutImage) -> String {
    ArchiveName.reference(name, of: image.root.digest).flatMap(ReaderNames.name) ?? name
  }

  /// Whether what has its name may belong to it. What tools list without a word of its kind may be anything, where it has no name.
  private static func mayBeSubject(_ image: LayoutImage) -> Bool {
    switch kind(of: image.root) {
    case "image", "imageIndex": true
    case nil: !image.name.isEmpty
    default: false
    }
  }

  /// What its own manifest says of its subject is enough: it has its repository's name and its digest.
  private static func referrer(_ image: LayoutImage) -> LayoutImage {
    guard let reference = image.reference else {
      return LayoutImage(reference: nil, name: "", root: image.root, isReferrer: true)
    }
    let named = Reference(
      host: reference.host, repository: reference.repository, digest: image.root.digest)
    return LayoutImage(named, root: image.root, isReferrer: true)
  }
}

extension LayoutImage {
  /// Whether it belongs to an image, as its list says and nothing else need say, and no list that is known tells to which.
  public var isOfUntold: Bool { isReferrer && AttachedContent.isAttached(root) }

  /// The name of that image; nil of any other, and where there is none.
  public var nameOfUntold: String? {
    isOfUntold
      ? root.annotations?[IndexFile.nameAnnotation] ?? root.annotations?[IndexFile.refNameAnnotation] : nil
  }
}
