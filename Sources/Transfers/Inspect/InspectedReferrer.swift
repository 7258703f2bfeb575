public import Digests
public import Images
import Layouts

/// A signature, SBOM or attestation that an archive carries.
public struct InspectedReferrer: Sendable {
  /// By the tag that names its subject, or by its digest.
  public let name: String
  public let root: Descriptor
  public let artifactType: String?
  /// The manifest it refers to.
  public let subject: Digest
  /// Manifests and blobs, each once, in bytes.
  public let size: Int64

  let repository: String?
  let manifests: [Digest]

  init(_ image: LayoutImage, _ referral: Referral, _ tree: ImageTree) {
    name = image.name
    root = image.root
    artifactType = tree.manifests.last?.artifactType
    subject = referral.subject
    size = tree.size
    repository = image.reference?.repositoryName
    manifests = tree.manifests.map(\.digest)
  }

  /// Those of `referrers`, which stand behind what they refer to, that are there for an image of these manifests.
  static func of(_ image: LayoutImage, _ tree: ImageTree, among referrers: [Self]) -> [Self] {
    var reached = Set(tree.manifests.map(\.digest))
    return referrers.filter { referrer in
      guard referrer.repository == image.reference?.repositoryName, reached.contains(referrer.subject) else {
        return false
      }
      reached.formUnion(referrer.manifests)
      return true
    }
  }
}
