import Digests
import Images
import Registry
import Synchronization

/// A manifest or blob as it lies in a repository of one registry.
struct RepositoryContent: Hashable, Sendable {
  let repository: String
  let digest: Digest
}

/// The registry that an import pushes to, or that a check looks at, as far as this run has asked it: every manifest and blob
/// once for each repository. Nothing that it is not known to have by such a question, or by having taken it, counts as there.
final class Destination: Sendable {
  /// What a tag, or a digest that stands for one, points at.
  enum Tagged {
    case manifest(Manifest)
    /// What the registry says has this digest, and is no manifest that Ferry can read.
    case unreadable(Digest, RegistryError)

    var digest: Digest {
      switch self {
      case .manifest(let manifest): manifest.digest
      case .unreadable(let digest, _): digest
      }
    }
  }

  /// A manifest on its way to the registry. Whoever holds the lock sends it; who comes later finds it done.
  private final class Delivery: Sendable {
    let isDone = Mutex(false)
  }

  private struct State {
    /// By repository and digest.
    var blobs: [String: [Digest: BlobPresence]] = [:]
    /// Whether the repository has them.
    var manifests: [String: [Digest: Bool]] = [:]
    /// What those that were seen there refer to, as they say themselves.
    var subjects: [String: [Digest: Digest]] = [:]
    /// The types of those that were seen there.
    var types: Set<MediaType> = []
    var deliveries: [String: [Digest: Delivery]] = [:]
  }

  let host: String
  private let registries: Registries
  /// Whether it is asked as by one who is about to push there: who only looks need not be allowed to.
  private let isForPush: Bool
  private let state = Mutex(State())

  init(host: String, registries: Registries, isForPush: Bool = true) {
    self.host = host
    self.registries = registries
    self.isForPush = isForPush
  }

  /// The client that serves `repository`.
  func client(for repository: String) throws -> RegistryClient {
    try registries.client(host: host, repository: repository)
  }

  /// Why `repository` may not be pushed to; nil when it may. `opensUpload` tries it, whatever the credential's token says.
  func refusal(of repository: String, opensUpload: Bool) throws -> RepositoryRefusal? {
    try RepositoryRefusal.ask(
      host: host, repository: repository, registries: registries, opensUpload: opensUpload)
  }

  /// What `target` names now; nil when it is free. Asked anew each time, and by GET: a HEAD that knows of nothing, or
  /// of another digest, decides nothing. Where neither is answered the list of tags is asked. Throws `RegistryError`,
  /// ``TransferError/tagUntold(_:isListed:_:)``. What it names gets its digest by `algorithm`, where one is given: registries name
  /// what a tag holds by sha256, whatever it was pushed by.
  func tagged(_ target: Reference, by algorithm: Digest.Algorithm? = nil) throws -> Tagged? {
    let client = try client(for: target.repository)
    let (repository, identifier) = (target.repository, target.identifier)
    do throws(RegistryError) {
      let manifest = try client.manifestIfPresent(
        identifier, of: repository, isForPush: isForPush, by: algorithm)
      if let manifest {
        // That it is there under its digest a tag shows of the usual one alone: by that registries know it.
        if manifest.digest.algorithm == .sha256 || target.tag == nil {
          noteManifest(manifest, in: repository)
        }
        return try standsForItsSubject(manifest, at: target, client) ? nil : .manifest(manifest)
      }
    } catch {
      // What Ferry cannot read is in the way all the same, if the registry says what it is.
      if case .notAManifest = error,
        let present = try? client.resolve(identifier, of: repository, isForPush: isForPush)
      {
        return .unreadable(present.digest, error)
      }
      try expectUnlisted(target, insteadOf: error, isAbsent: false)
      return nil
    }
    do throws(RegistryError) {
      // A tag is free when neither question finds anything.
      guard
        let present = try client.resolve(identifier, of: repository, isForPush: isForPush, by: algorithm)
      else {
        return nil
      }
      return .unreadable(
        present.digest,
        .manifestNotFound(host: host, repository: repository, identifier: identifier, messages: []))
    } catch {
      try expectUnlisted(target, insteadOf: error, isAbsent: true)
      return nil
    }
  }

  /// Makes sure that the list of tags does not have `target`, of which the registry said `error` when it was asked, and,
  /// where `isAbsent`, to another question that it is not there. Throws what it means that the list has it, or does not
  /// tell.
  func expectUnlisted(_ target: Reference, insteadOf error: RegistryError, isAbsent: Bool) throws {
    guard error.isAnswered, let tag = target.tag else { throw error }
    // Where nothing is to be pushed, why it cannot be told says more than that.
    let list = try client(for: target.repository).tagList(of: target.repository)
    if list.names.contains(tag) {
      throw isForPush ? TransferError.tagUntold(target, isListed: true, error) : error
    }
    switch list.failure {
    case nil, .repositoryNotFound: return
    case let failure? where !failure.isAnswered: throw failure
    default:
      if !isAbsent { throw isForPush ? TransferError.tagUntold(target, isListed: false, error) : error }
    }
  }

  /// Whether a registry gives `manifest` for `target` because it takes the tag for the digest that it is made of
  /// (`sha256-<hex>`; GitLab), and not because there were such a tag: of one the list of tags tells. Whatever does not
  /// speak for that is taken for a tag that somebody has set.
  private func standsForItsSubject(
    _ manifest: Manifest, at target: Reference, _ client: RegistryClient
  ) throws(RegistryError) -> Bool {
    guard let tag = target.tag, let referrers = ReferrerTag(tag), referrers.subject == manifest.digest else {
      return false
    }
    let list = client.tagList(of: target.repository)
    return list.failure == nil && !list.names.contains(tag)
  }

  /// Whether `repository` has `blob`, with its size, and sends a byte of it.
  func holds(_ blob: Descriptor, in repository: String) throws -> Bool {
    try presence(of: blob, in: repository) == .held
  }

  /// What `repository` has of `blob`: it is held when it has the size and a byte of it comes.
  func presence(of blob: Descriptor, in repository: String) throws -> BlobPresence {
    if let known = state.withLock({ $0.blobs[repository]?[blob.digest] }) { return known }
    return try presenceNow(of: blob, in: repository)
  }

  /// As ``holds(_:in:)``, asked anew: the registry has said since that it does not have everything.
  func holdsAgain(_ blob: Descriptor, in repository: String) throws -> Bool {
    try presenceNow(of: blob, in: repository) == .held
  }

  private func presenceNow(of blob: Descriptor, in repository: String) throws -> BlobPresence {
    let presence = try client(for: repository).presenceOfBytes(
      of: blob, in: repository, isForPush: isForPush)
    state.withLock { $0.blobs[repository, default: [:]][blob.digest] = presence }
    return presence
  }

  /// The same, asked anew where it was not there: something has happened since. What is not held raises no new doubt.
  func holdsByNow(_ blob: Descriptor, in repository: String) throws -> Bool {
    let presence = try client(for: repository).presenceOfBytes(of: blob, in: repository)
    guard presence == .held else { return false }
    state.withLock { $0.blobs[repository, default: [:]][blob.digest] = .held }
    return true
  }

  /// Whether `repository` is known to have a blob by what it was asked or given in this run.
  func isKnownToHold(_ blob: Digest, in repository: String) -> Bool {
    state.withLock { $0.blobs[repository]?[blob] == .held }
  }

  /// Whether `repository` has the manifest: its bytes are fetched and hashed. Throws `RegistryError`, `wrongContent`
  /// where they are others.
  func holds(manifest digest: Digest, in repository: String) throws -> Bool {
    if let known = state.withLock({ $0.manifests[repository]?[digest] }) { return known }
    let manifest = try client(for: repository).manifestIfPresent(
      digest.description, of: repository, isForPush: isForPush)
    if let manifest {
      noteManifest(manifest, in: repository)
    } else {
      state.withLock { $0.manifests[repository, default: [:]][digest] = false }
    }
    return manifest != nil
  }

  /// What a manifest that `repository` was seen to have refers to, as its own bytes say; nil when that is nothing.
  func subject(of manifest: Digest, in repository: String) -> Digest? {
    state.withLock { $0.subjects[repository]?[manifest] }
  }

  /// The registry has taken `blob`. Where it had something else in its place it may have kept that, and where it spoke
  /// of what it did not have its word is worth nothing: it is asked. Throws `RegistryError.blobNotKept`.
  func took(_ blob: Descriptor, in repository: String) throws {
    let isDoubtful = state.withLock { state in
      switch state.blobs[repository]?[blob.digest] {
      case .differs, .hollow: true
      case .held, .missing, nil: false
      }
    }
    if isDoubtful { try client(for: repository).expectBlob(blob, in: repository) }
    state.withLock { $0.blobs[repository, default: [:]][blob.digest] = .held }
  }

  /// Stores a manifest under its digest and reads it back, once for each repository, however many images have it. A
  /// registry's word that it has taken it is no proof: the tag that needs it comes behind this. Throws `RegistryError`.
  func store(_ manifest: Manifest, in repository: String) throws {
    let delivery = state.withLock { state in
      let delivery = state.deliveries[repository]?[manifest.digest] ?? Delivery()
      state.deliveries[repository, default: [:]][manifest.digest] = delivery
      return delivery
    }
    // Held while the registry answers: the threads of an import may wait, and nobody else asks for this lock.
    try delivery.isDone.withLock { isDone in
      guard !isDone else { return }
      let client = try client(for: repository)
      let name = manifest.digest.description
      try client.putManifest(manifest, to: repository, as: name)
      _ = try client.settled(.manifest(repository: repository, identifier: name)) {
        try client.manifest(name, of: repository, as: manifest.mediaType, isForPush: true)
      }
      isDone = true
    }
    noteManifest(manifest, in: repository)
  }

  /// Sees that `repository` has a manifest that was stored there before: asked for anew, and stored anew where it is gone.
  func restore(_ manifest: Manifest, in repository: String) throws {
    let client = try client(for: repository)
    let name = manifest.digest.description
    guard try client.manifestIfPresent(name, of: repository, isForPush: true) == nil else { return }
    try client.putManifest(manifest, to: repository, as: name)
  }

  /// Whether the registry was seen to have manifests of `type`.
  func isKnownToTake(_ type: MediaType) -> Bool { state.withLock { $0.types.contains(type) } }

  private func noteManifest(_ manifest: Manifest, in repository: String) {
    state.withLock { state in
      state.manifests[repository, default: [:]][manifest.digest] = true
      if let subject = manifest.subject?.digest {
        state.subjects[repository, default: [:]][manifest.digest] = subject
      }
      state.types.insert(manifest.mediaType)
    }
  }
}

extension RegistryError {
  /// Whether the registry has answered, and does not say what it was asked: another question may tell.
  fileprivate var isAnswered: Bool {
    switch self {
    case .unauthorized, .denied, .noUsableChallenge, .refused, .overwhelmed, .writeRefused,
      .malformedResponse,
      .listCutShort:
      true
    default: false
    }
  }
}
