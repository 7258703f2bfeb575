public import Digests
import Files
public import Images
import Layouts
public import Registry

/// A signature, SBOM or attestation that travels with an image, or the list of them that a registry keeps
/// under a tag.
public struct Referrer: Sendable {
  /// The manifest it refers to: one of the image, or another referrer's.
  public let subject: Digest
  /// By the tag that names its subject, or else by its digest.
  public let reference: Reference
  public let tree: ImageTree
  /// The manifests of ``tree``.
  private(set) var manifests: [ManifestBytes]
  /// What those of its runnable images list, or of what may be such.
  let runnable: [ImageManifest]

  init(subject: Digest, reference: Reference, _ fetched: FetchedTree) {
    self.subject = subject
    self.reference = reference
    tree = fetched.tree
    manifests = fetched.manifests
    runnable = fetched.runnable
  }

  /// The same with its manifests' bytes in `content`. Throws what laying them down throws.
  func movingManifests(
    to content: SpooledContent, sharing descriptors: SharedDescriptors
  ) throws(FileError) -> Referrer {
    var referrer = self
    for index in manifests.indices {
      referrer.manifests[index] = try manifests[index].moved(to: content, share: descriptors.shared)
    }
    return referrer
  }

  /// Whether a registry's referrers API told of it, and no tag names it.
  var isListed: Bool { reference.tag == nil }
}

/// A signature, SBOM or attestation that an export found and does not carry.
public struct UncarriedReferrer: Hashable, Sendable {
  /// Why it stays behind.
  public enum Reason: Hashable, Sendable {
    /// It refers to an index or a platform's manifest for other platforms that is left out.
    case platform
    /// It refers to something of an index in whose place an import pushes one platform.
    case replaced
    /// It refers to an image that is converted, which has another digest then.
    case converted
    /// It refers to something that is not carried either.
    case subject
    /// Its manifest is of a type that Ferry cannot carry.
    case unknownType
    /// It is listed, and the registry has no such manifest.
    case absent
    /// What is there under its digest is no manifest.
    case notAManifest(ManifestError)
    /// It is listed, and its manifest says nothing of the one it is listed for.
    case otherSubject
    /// It is listed in a way that cannot be read.
    case unreadable
    /// The registry refuses to say what there is: what has no tag is not found.
    case notShown
  }

  /// What is known of what it is.
  public enum Kind: Hashable, Sendable {
    /// The artifact type that it is listed with.
    case stated(String)
    case cosignSignature
    case cosignAttestation
    case cosignSBOM
    /// A buildkit attestation.
    case attestation
    /// What this tag names, whatever that is.
    case tag(String)
    case entry(UnreadableReferrer)
  }

  /// The manifest it is listed for.
  public let subject: Digest
  /// nil when nobody knows: the registry does not say what there is, or a tag names nothing that can be read.
  public let digest: Digest?
  public let mediaType: MediaType?
  /// What kind of artifact it is, as far as that is known.
  public let kind: Kind?
  public let reason: Reason

  init(
    _ descriptor: Descriptor?, of subject: Digest, kind: Kind? = nil, _ reason: Reason
  ) {
    self.subject = subject
    digest = descriptor?.digest
    mediaType = descriptor?.mediaType
    self.kind = kind ?? descriptor?.artifactType.map(Kind.stated)
    self.reason = reason
  }
}
