import Digests
import Images

/// Signatures, attestations and SBOMs as cosign and hauler list them in `index.json`: under their image's own name, or under
/// none, told from it by an annotation alone. In a registry they stand under a tag that is made of the image's digest.
enum AttachedContent {
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
      guard let kind = tagKind(of: image.root), let subjects = subjects[image.name], subjects.count == 1,
        let subject = subjects.first, case let tag = ReferrerTag(kind, of: subject).tag,
        RepositoryName.isValidTag(tag)
      else { return referrer(image) }
      guard let reference = image.reference else {
        return LayoutImage(reference: nil, name: tag, root: image.root)
      }
      return LayoutImage(reference.with(tag: tag), root: image.root)
    }
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
