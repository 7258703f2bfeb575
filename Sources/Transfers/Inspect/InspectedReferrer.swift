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

  /// Those of `referrers`, given by their subjects, that are there for an image of these manifests.
  static func of(_ image: LayoutImage, _ tree: ImageTree, among referrers: [Digest: [Self]]) -> [Self] {
    var reached = tree.manifests.map(\.digest)
    var seen = Set(reached)
    var found: [Self] = []
    while let subject = reached.popLast() {
      for referrer in referrers[subject] ?? [] where referrer.repository == image.reference?.repositoryName {
        found.append(referrer)
        reached += referrer.manifests.filter { seen.insert($0).inserted }
      }
    }
    return found.sorted { $0.name < $1.name }
  }
}
