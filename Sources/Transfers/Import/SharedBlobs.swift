import Digests
import Images
import Registry
import Synchronization

/// A blob that a repository needs and others of the registry have by now.
struct SharedBlob: Sendable {
  let blob: ImportBlob
  /// The one that needs it.
  let repository: String
  /// Those that have it.
  let holders: [String]
  /// Whether they had it before this run: then something there lists it.
  let isOld: Bool
}

/// Brings blobs from one repository of a registry to others, without their bytes where the registry does that.
///
/// Most mount whatever they have. Some mount only what a manifest of the other repository lists: there that repository's
/// manifest is pushed by its digest, without a tag, as soon as its blobs are there, and what waited for it is mounted. A
/// repository takes from those alone that come before it in one order, and waits for no other: so there is always one
/// that need not wait. What is not mounted in the end is sent.
final class SharedBlobs: Sendable {
  /// What the registry was seen to mount.
  private enum Habit {
    case unknown
    /// What it has.
    case anything
    /// Nothing that no manifest lists; whether what one lists is not known yet.
    case listed
    /// Nothing at all.
    case nothing
  }

  private struct State {
    var habit = Habit.unknown
    var hasMountedListed = false
    /// Whether all repositories have what one was given; nil before that was asked.
    var isOneStore: Bool?
    /// By the repository whose manifest it waits for.
    var waiting: [String: [SharedBlob]] = [:]
  }

  /// What brings a blob byte by byte.
  typealias Send = @Sendable (SharedBlob) throws -> Void

  /// How many holders are tried for one blob before it is sent.
  private static let mostHolders = 3

  private let destination: Destination
  private let state = Mutex(State())
  private let images: [ImportImage]
  /// The manifests of what is to be pushed, by repository: looked up only where a registry does not mount at once.
  private let manifests = Mutex<[String: [BlobList]]?>(nil)
  private let mounted: @Sendable (Descriptor) -> Void

  /// Of `images`, which are to be pushed. `mounted` hears of every blob that came so.
  init(
    at destination: Destination, of images: [ImportImage], mounted: @escaping @Sendable (Descriptor) -> Void
  ) {
    self.destination = destination
    self.images = images
    self.mounted = mounted
  }

  /// Mounts `shared`, where the registry has not been seen to want a manifest first. False when it is still to be brought.
  func mount(_ shared: SharedBlob) throws -> Bool {
    let mayMount = state.withLock { state in
      switch state.habit {
      case .unknown, .anything: true
      case .listed: shared.isOld
      case .nothing: false
      }
    }
    guard mayMount else { return false }
    let isMounted = try mount(shared, from: shared.holders.last ?? "")
    state.withLock { state in
      if isMounted { state.habit = .anything } else if state.habit == .unknown { state.habit = .listed }
    }
    return isMounted
  }

  /// Whether the registry does not mount at all.
  var mountsNothing: Bool { state.withLock { $0.habit == .nothing } }

  /// Keeps `shared` until a manifest of one of its holders lists it.
  func wait(_ shared: SharedBlob) {
    guard let holder = shared.holders.first else { return }
    state.withLock { $0.waiting[holder, default: []].append(shared) }
  }

  /// Brings what has waited for `repository`, which has a blob more now, and what waited for those that get something by
  /// that, one after the other, while it `isWanted`. Throws what `failed` throws, which hears of every blob that cannot be brought.
  func advance(
    _ repository: String, while isWanted: () -> Bool, send: Send,
    failed: (SharedBlob, any Error) throws -> Void
  ) throws {
    var repositories = [repository]
    while let next = repositories.popLast() {
      while isWanted(), let shared = takeReady(of: next) {
        do {
          try bring(shared, send: send)
          repositories.append(shared.repository)
        } catch {
          try failed(shared, error)
        }
      }
    }
  }

  /// Brings all that still waits, several at a time: first what is ready, and when nothing is any more, the rest byte by
  /// byte.
  func finish(
    on executor: BlockingExecutor, send: @escaping Send,
    failed: @escaping @Sendable (SharedBlob, any Error) throws -> Void
  ) async throws {
    while true {
      var round = takeAllReady()
      if round.isEmpty {
        round = state.withLock { state in
          defer { state.waiting = [:] }
          return state.waiting.sorted { $0.key < $1.key }.flatMap(\.value)
        }
      }
      guard !round.isEmpty else { return }
      try await executor.forEachConcurrently(round) { [self] shared in
        do { try bring(shared, send: send) } catch { try failed(shared, error) }
      }
    }
  }

  /// Mounts a blob behind a manifest that lists it; where none does, or the registry does not, it is sent.
  private func bring(_ shared: SharedBlob, send: Send) throws {
    if try isThereByNow(shared) { return }
    let others = shared.blob.repositories.filter {
      !shared.holders.contains($0)
        && destination.isKnownToHold(shared.blob.descriptor.digest, in: $0)
    }
    for holder in (shared.holders + others).prefix(Self.mostHolders) {
      guard !mountsNothing, let manifest = manifest(listing: shared.blob.descriptor.digest, in: holder),
        try isStored(manifest, in: holder)
      else { continue }
      let isMounted = try mount(shared, from: holder)
      state.withLock { state in
        if isMounted {
          state.hasMountedListed = true
        } else if state.habit == .listed, !state.hasMountedListed {
          state.habit = .nothing
        }
      }
      if isMounted { return }
    }
    try send(shared)
  }

  /// Whether the repository has the blob because another one was given it: some registries have one store for all, and
  /// mount nothing. Asked once where that is not so.
  private func isThereByNow(_ shared: SharedBlob) throws -> Bool {
    guard state.withLock({ $0.isOneStore }) != false else { return false }
    let isThere = try destination.holdsByNow(shared.blob.descriptor, in: shared.repository)
    state.withLock { $0.isOneStore = isThere }
    if isThere { mounted(shared.blob.descriptor) }
    return isThere
  }

  private func mount(_ shared: SharedBlob, from holder: String) throws -> Bool {
    let descriptor = shared.blob.descriptor
    guard
      try destination.client(for: shared.repository).mountBlob(
        descriptor, to: shared.repository, from: holder)
    else { return false }
    try destination.took(descriptor, in: shared.repository)
    mounted(descriptor)
    return true
  }

  /// Pushes a manifest by its digest. False when the registry does not take it: then it will not for its tag either, and
  /// says so there.
  private func isStored(_ manifest: BlobList, in repository: String) throws -> Bool {
    do {
      try destination.store(manifest.manifests.manifest(manifest.descriptor), in: repository)
      return true
    } catch RegistryError.transport(let error) {
      throw RegistryError.transport(error)
    } catch is RegistryError {
      return false
    }
  }

  /// What of that which waits for `repository` can be brought now.
  private func takeReady(of repository: String) -> SharedBlob? {
    guard let waiting = state.withLock({ $0.waiting[repository] }), !waiting.isEmpty else { return nil }
    let listed = listedByWhole(in: repository)
    return state.withLock { state in
      let index = state.waiting[repository]?.firstIndex { listed.contains($0.blob.descriptor.digest) }
      return index.flatMap { state.waiting[repository]?.remove(at: $0) }
    }
  }

  /// All that can be brought now.
  private func takeAllReady() -> [SharedBlob] {
    let holders = state.withLock { $0.waiting.keys.sorted() }
    return holders.flatMap { holder in
      let listed = listedByWhole(in: holder)
      return state.withLock { state in
        let waiting = state.waiting[holder] ?? []
        state.waiting[holder] = waiting.filter { !listed.contains($0.blob.descriptor.digest) }
        return waiting.filter { listed.contains($0.blob.descriptor.digest) }
      }
    }
  }

  /// What those manifests list of which the repository has every blob.
  private func listedByWhole(in repository: String) -> Set<Digest> {
    Set(whole(in: repository).flatMap(\.blobs))
  }

  private func manifest(listing digest: Digest, in repository: String) -> BlobList? {
    whole(in: repository).first { $0.blobs.contains(digest) }
  }

  /// The manifests to be pushed to a repository of which it has every blob, but for those that do not travel.
  private func whole(in repository: String) -> [BlobList] {
    let own = manifests.withLock { manifests in
      if let manifests { return manifests[repository] ?? [] }
      let all = byRepository()
      manifests = all
      return all[repository] ?? []
    }
    return own.filter { manifest in
      manifest.needed.allSatisfy { destination.isKnownToHold($0, in: repository) }
    }
  }

  /// Those of the images' manifests that list blobs, each once in each repository, in the images' order. What cannot be read
  /// is named where it is pushed.
  private func byRepository() -> [String: [BlobList]] {
    var known: Set<RepositoryContent> = []
    var lists: [String: [BlobList]] = [:]
    for image in images {
      let repository = image.target.repository
      // One of a type that the registry may not take is pushed when all it needs is there, and not to bring it there.
      for descriptor in image.tree.manifests
      where !descriptor.mediaType.isIndex && !descriptor.mediaType.mayBeOpaque {
        guard known.insert(RepositoryContent(repository: repository, digest: descriptor.digest)).inserted,
          let manifest = try? image.manifests.manifest(descriptor)
        else { continue }
        lists[repository, default: []].append(BlobList(of: manifest, descriptor, in: image))
      }
    }
    return lists
  }
}

/// A manifest by what it lists and where it is read: its bytes are wanted for few of thousands.
private struct BlobList: Sendable {
  let descriptor: Descriptor
  let manifests: ImportManifests
  let blobs: [Digest]
  /// Those of ``blobs`` that a repository must have before it takes the manifest.
  let needed: [Digest]

  init(of manifest: Manifest, _ descriptor: Descriptor, in image: ImportImage) {
    self.descriptor = descriptor
    manifests = image.manifests
    blobs = manifest.blobs.map(\.digest)
    needed = manifest.blobs.filter { !$0.mediaType.isForeignLayer }.map(\.digest)
  }
}
