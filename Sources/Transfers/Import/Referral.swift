public import Digests
public import Images
import Layouts

/// That an image of an archive is there for another one's sake: a signature, an SBOM, an attestation.
public struct Referral: Hashable, Sendable {
  /// The manifest it refers to, in the same repository.
  public let subject: Digest
  /// The kind of tag that says so; nil when its manifest does.
  public let tag: ReferrerTag.Kind?
  /// 1 when an image is referred to, 2 when that is itself a referrer, and so on; 0 when the archive does not
  /// hold what is referred to.
  public internal(set) var depth = 1

  /// What `image`'s name or manifest says of a subject; nil when that is nothing.
  init?(_ image: LayoutImage, manifest: () throws -> Manifest) rethrows {
    if let tag = image.reference?.tag ?? image.bareTag {
      guard let named = ReferrerTag(tag) else { return nil }
      self.init(subject: named.subject, tag: named.kind)
    } else {
      guard image.isReferrer || image.name.isEmpty, let subject = try manifest().subject else { return nil }
      self.init(subject: subject.digest, tag: nil)
    }
  }

  private init(subject: Digest, tag: ReferrerTag.Kind?) {
    self.subject = subject
    self.tag = tag
  }
}
