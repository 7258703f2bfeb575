import Digests
import Images

/// Manifests of one repository that refer to the same one (distribution-spec, "Pushing Manifests with Subject").
struct ReferredManifests: Sendable {
  let repository: String
  /// What they refer to.
  let subject: Digest
  /// Each once.
  let manifests: [Manifest]
  /// Those that they belong to.
  let images: [ImportImage]

  private struct Place: Hashable {
    let repository: String
    let subject: Digest
  }

  /// All that `images` hold that refers to something, by what it refers to.
  static func list(of images: [ImportImage]) -> [Self] {
    var manifests: [Place: [Digest: Manifest]] = [:]
    var owners: [Place: [ImportImage]] = [:]
    for image in images {
      for manifest in image.tree.manifests {
        guard let subject = manifest.subject?.digest else { continue }
        let place = Place(repository: image.target.repository, subject: subject)
        manifests[place, default: [:]][manifest.digest] = manifest
        owners[place, default: []].append(image)
      }
    }
    return manifests.sorted { ($0.key.repository, $0.key.subject) < ($1.key.repository, $1.key.subject) }.map
    {
      place, manifests in
      ReferredManifests(
        repository: place.repository, subject: place.subject,
        manifests: manifests.values.sorted { $0.digest < $1.digest }, images: owners[place] ?? [])
    }
  }
}
