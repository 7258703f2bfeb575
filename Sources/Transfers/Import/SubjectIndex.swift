import Digests
import Images

/// The images of an import by what they hold: what an image refers to is found without a look at all others.
struct SubjectIndex {
  private struct Place: Hashable {
    let repository: String
    let manifest: Digest
  }

  private let images: [ImportImage]
  /// Into ``images``.
  private var holders: [Place: [Int]] = [:]

  init(_ images: [ImportImage]) {
    self.images = images
    for (index, image) in images.enumerated() {
      for manifest in image.tree.manifests {
        holders[Place(repository: image.target.repository, manifest: manifest.digest), default: []].append(
          index)
      }
    }
  }

  /// The images that `image` refers to, by their names in the archives.
  func subjects(of image: ImportImage) -> [String] {
    guard let referral = image.referral else { return [] }
    let place = Place(repository: image.target.repository, manifest: referral.subject)
    return (holders[place] ?? []).map { images[$0] }
      .filter { ($0.referral?.depth ?? 0) < referral.depth }.map(\.source)
  }
}
