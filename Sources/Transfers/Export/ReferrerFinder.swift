import Digests
import Images
import Registry
import Synchronization

/// Finds what refers to images: by their registries' referrers API, by the lists that stand in for it, and by
/// cosign's tags.
final class ReferrerFinder: Sendable {
  private let registries: Registries
  private let observer: any TransferObserver
  private let tags = Mutex<[RegistryLocation: ReferrerTags]>([:])
  /// Repositories whose referrers API is not for whoever asks.
  private let barred = Mutex<Set<RegistryLocation>>([])

  /// How many referrers one image may have, and how long a chain of them: so that a hostile registry cannot
  /// ask for work without end.
  static let most = 1_000
  static let deepest = 8

  init(_ registries: Registries, observer: any TransferObserver) {
    self.registries = registries
    self.observer = observer
  }

  /// All that refers to `image`'s manifests, or to what refers to them, each once. What the image lists itself
  /// is not among them. Blocks.
  func referrers(of image: ExportImage) throws -> [Referrer] {
    var found: [Referrer] = []
    var known: Set<Reference> = []
    var carried = Set(image.tree.manifests.map(\.digest))
    var asked: Set<Digest> = []
    var waiting = image.tree.manifests.map { (subject: $0.digest, depth: 0) }[...]
    while let (subject, depth) = waiting.popFirst() {
      try Task.checkCancellation()
      guard asked.insert(subject).inserted else { continue }
      for referrer in try direct(to: subject, in: image.reference, except: carried) {
        guard known.insert(referrer.reference).inserted else { continue }
        guard depth < Self.deepest, found.count < Self.most else {
          throw TransferError.tooManyReferrers(most: Self.most, deepest: Self.deepest)
        }
        found.append(referrer)
        for manifest in referrer.tree.manifests {
          carried.insert(manifest.digest)
          waiting.append((manifest.digest, depth + 1))
        }
      }
    }
    return found
  }

  /// What refers to one manifest.
  private func direct(
    to subject: Digest, in image: Reference, except carried: Set<Digest>
  ) throws -> [Referrer] {
    let client = try registries.client(host: image.host, repository: image.repository)
    var found: [Referrer] = []
    let listed = try listed(under: subject, in: image, client)
    for descriptor in listed ?? [] where !carried.contains(descriptor.digest) {
      let tree = try tree(descriptor, in: image, client)
      // What speaks of another manifest is found there, or belongs elsewhere.
      guard tree.manifests.last?.subject?.digest == subject else { continue }
      let reference = Reference(host: image.host, repository: image.repository, digest: descriptor.digest)
      found.append(Referrer(subject: subject, reference: reference, tree: tree))
    }
    let tags = self.tags(of: image, client)
    // Where the API answers, a list under a tag is what is left of a time before it.
    for kind in ReferrerTag.Kind.allCases where kind != .list || listed == nil {
      let tag = ReferrerTag(kind, of: subject)
      guard try tags.contains(tag) else { continue }
      let root = try client.manifest(tag.tag, of: image.repository)
      found.append(
        Referrer(
          subject: subject, reference: image.with(tag: tag.tag),
          tree: try tree(root.descriptor, in: image, client))
      )
    }
    return found
  }

  /// What the API lists; nil where there is none. Who may pull an image may ask what refers to it: a refusal is
  /// a gateway's that does not know the question, and no reason to leave the image behind.
  private func listed(
    under subject: Digest, in image: Reference, _ client: RegistryClient
  ) throws -> [Descriptor]? {
    let place = RegistryLocation(host: image.host, path: image.repository)
    guard !barred.withLock({ $0.contains(place) }) else { return nil }
    do {
      return try client.referrers(of: subject, in: image.repository)
    } catch {
      switch error {
      case .unauthorized, .denied, .noUsableChallenge:
        if barred.withLock({ $0.insert(place).inserted }) {
          observer.note(.referrersNotShown(repository: image.repositoryName, error: error))
        }
        return nil
      default: throw error
      }
    }
  }

  private func tree(
    _ root: Descriptor, in image: Reference, _ client: RegistryClient
  ) throws -> ImageTree {
    try ImageTree(root: root) { descriptor in
      let manifest = try client.manifest(descriptor.digest.description, of: image.repository)
      return try Manifest(bytes: manifest.bytes, as: descriptor)
    }
  }

  private func tags(of image: Reference, _ client: RegistryClient) -> ReferrerTags {
    tags.withLock { tags in
      let place = RegistryLocation(host: image.host, path: image.repository)
      if let known = tags[place] { return known }
      let fresh = ReferrerTags(client, repository: image.repository)
      tags[place] = fresh
      return fresh
    }
  }
}
