public import Digests
public import Images

/// A signature, SBOM or attestation that travels with an image, or the list of them that a registry keeps
/// under a tag.
public struct Referrer: Sendable {
  /// The manifest it refers to: one of the image, or another referrer's.
  public let subject: Digest
  /// By the tag that names its subject, or else by its digest.
  public let reference: Reference
  public let tree: ImageTree

  /// Whether a registry's referrers API told of it, and no tag names it.
  var isListed: Bool { reference.tag == nil }
}
