import Digests
import Images
import Layouts
import Registry
import Synchronization

/// Finds what refers to images: by their registries' referrers API, by the lists that stand in for it, and by
/// cosign's tags. What is found and cannot be carried is told, never passed over.
final class ReferrerFinder: Sendable {
  /// What was found for an image.
  struct Findings {
    /// Each once.
    var carried: [Referrer] = []
    var left: [UncarriedReferrer] = []
  }

  private let registries: Registries
  private let observer: any TransferObserver
  private let tags = Mutex<[RegistryLocation: ReferrerTags]>([:])
  /// Repositories whose referrers API is not for whoever asks.
  private let barred = Mutex<Set<RegistryLocation>>([])

  /// How many referrers one image may have, and how long a chain of them: so that a hostile registry cannot
  /// ask for work without end.
  static let most = 1_000
  static let deepest = 8
  /// How many manifests are asked for, of one image.
  private static let mostAsked = 20_000

  init(_ registries: Registries, observer: any TransferObserver) {
    self.registries = registries
    self.observer = observer
  }

  /// All that refers to `image`'s manifests, or to what refers to them, and what refers to those that it leaves out.
  /// What the image lists itself is not among them. Of each manifest `keep` makes what it becomes. Throws what that throws.
  /// Blocks.
  func referrers(
    of image: ExportImage, keeping keep: @escaping (Manifest) throws -> ManifestBytes
  ) throws -> Findings {
    let client = try registries.client(host: image.reference.host, repository: image.reference.repository)
    let place = RepositoryReferrers(
      image.reference, client, tags: tags(of: image.reference, client),
      roots: [image.tree.root.digest, image.top ?? image.tree.root.digest], keeping: keep,
      listed: { [self] in try listed(under: $0, in: image.reference, client) })
    var found = Findings()
    var known: Set<Reference> = []
    // What carries an image of schema 1 no registry knows.
    let own = image.isSchema1 ? [image.digest] : image.tree.manifests.map(\.digest)
    var carried = Set(own)
    var asked: Set<Digest> = []
    // The image itself first: its answer counts for most where the registry seems to have no such API.
    // What an image becomes nothing can refer to yet.
    let manifests = image.original == nil ? own : []
    var waiting = manifests.reversed().map { (subject: $0, depth: 0) }[...]
    while let (subject, depth) = waiting.popFirst() {
      try Task.checkCancellation()
      guard asked.insert(subject).inserted else { continue }
      let direct = try place.direct(to: subject, except: carried)
      found.left += direct.left
      for referrer in direct.carried where known.insert(referrer.reference).inserted {
        guard depth < Self.deepest, found.carried.count < Self.most else {
          throw TransferError.tooManyReferrers(most: Self.most, deepest: Self.deepest)
        }
        found.carried.append(referrer)
        for manifest in referrer.tree.manifests {
          carried.insert(manifest.digest)
          waiting.append((manifest.digest, depth + 1))
        }
      }
    }
    try name(&found, besides: image, asked: &asked, by: place)
    // What was listed for one manifest may have been found by another.
    var told: Set<UncarriedReferrer> = []
    found.left = (image.attestationsLeft + found.left).filter {
      $0.digest.map { !carried.contains($0) } ?? true && told.insert($0).inserted
    }
    let location = RegistryLocation(host: image.reference.host, path: image.reference.repository)
    if barred.withLock({ $0.contains(location) }) {
      found.left.append(
        UncarriedReferrer(nil, of: image.convertedFrom ?? image.digest, .notShown))
    }
    return found
  }

  /// Something that stays behind, and what that means for what refers to it.
  private struct Aside {
    let subject: Digest
    /// The index that it is, whose own manifests stay behind with it.
    var index: Descriptor?
    let depth: Int
    let reason: UncarriedReferrer.Reason
  }

  /// Adds what refers to all that stays behind: for its platform, the manifests of indexes among it, or because it cannot be
  /// carried; and what refers to that.
  private func name(
    _ found: inout Findings, besides image: ExportImage, asked: inout Set<Digest>,
    by place: RepositoryReferrers
  ) throws {
    func aside(_ descriptor: Descriptor, depth: Int) -> Aside {
      let isOther = descriptor.mediaType.isIndex && descriptor.digest != image.top
      return Aside(
        subject: descriptor.digest, index: isOther ? descriptor : nil, depth: depth,
        reason: image.original == nil ? .platform : .converted)
    }
    var waiting = image.leftOut.map { aside($0, depth: 0) }[...]
    waiting += (image.attestationsLeft + found.left).compactMap(\.digest).map {
      Aside(subject: $0, depth: 1, reason: .subject)
    }
    while let next = waiting.popFirst() {
      try Task.checkCancellation()
      guard asked.insert(next.subject).inserted else { continue }
      let left = try place.named(for: next.subject, next.reason)
      let below = try next.index.map(place.children(of:)) ?? []
      found.left += left
      guard found.left.count <= Self.most, asked.count <= Self.mostAsked,
        next.depth < Self.deepest || left.isEmpty && below.isEmpty
      else { throw TransferError.tooManyReferrers(most: Self.most, deepest: Self.deepest) }
      waiting += below.map { aside($0, depth: next.depth + 1) }
      waiting += left.compactMap(\.digest).map {
        Aside(subject: $0, depth: next.depth + 1, reason: .subject)
      }
    }
  }

  /// What the API lists; nil where there is none. Who may pull an image may ask what refers to it: a refusal is
  /// a gateway's that does not know the question, and no reason to leave the image behind.
  private func listed(
    under subject: Digest, in image: Reference, _ client: RegistryClient
  ) throws -> ListedReferrers? {
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
