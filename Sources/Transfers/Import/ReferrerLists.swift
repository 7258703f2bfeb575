import Digests
import Images
import Synchronization

/// Manifests that were pushed and refer to others, as far as the registry did not say that it lists them itself
/// (distribution-spec, "Pushing Manifests with Subject").
final class ReferrerLists: Sendable {
  struct Subject: Hashable, Sendable {
    let repository: String
    let digest: Digest
  }

  private struct State {
    var listed: [Subject: Set<Digest>] = [:]
  }

  private let state = Mutex(State())

  /// Notes what the registry answered to the manifest.
  func note(_ manifest: Manifest, pushedTo repository: String, listedUnder subject: Digest?) {
    guard let wanted = manifest.subject?.digest, subject == wanted else { return }
    let place = Subject(repository: repository, digest: wanted)
    state.withLock { _ = $0.listed[place, default: []].insert(manifest.digest) }
  }

  /// What `images` hold that refers to something and that the registry did not say it lists, each manifest
  /// once, with the images it belongs to.
  func unlisted(in images: [ImportImage]) -> [(
    subject: Subject, manifests: [Manifest], images: [ImportImage]
  )] {
    let listed = state.withLock { $0.listed }
    var manifests: [Subject: [Digest: Manifest]] = [:]
    var owners: [Subject: [ImportImage]] = [:]
    for image in images {
      for manifest in image.tree.manifests {
        guard let digest = manifest.subject?.digest else { continue }
        let subject = Subject(repository: image.target.repository, digest: digest)
        guard listed[subject]?.contains(manifest.digest) != true else { continue }
        manifests[subject, default: [:]][manifest.digest] = manifest
        owners[subject, default: []].append(image)
      }
    }
    return manifests.sorted { ($0.key.repository, $0.key.digest) < ($1.key.repository, $1.key.digest) }.map {
      ($0.key, $0.value.values.sorted { $0.digest < $1.digest }, owners[$0.key] ?? [])
    }
  }
}
