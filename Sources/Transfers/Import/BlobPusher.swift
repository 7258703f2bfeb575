import Digests
import Images
import Layouts
import Registry
import Synchronization

/// What became of an import's blobs.
struct PushedBlobs: Sendable {
  /// In bytes.
  var uploaded: Int64 = 0
  /// From another repository of the registry, in bytes.
  var mounted: Int64 = 0
  /// Found in place, in bytes.
  var present: Int64 = 0
  /// Those that are nowhere, by their digests.
  var failed: [Digest: any Error] = [:]
  /// Those that single repositories did not get.
  var refused: [RepositoryContent: any Error] = [:]
  /// Archives that came otherwise than they have to, so that nothing of them is trusted, where that stops nothing.
  var broken: [ImageFailure] = []

  /// Why `repository` has not got a blob.
  func failure(of digest: Digest, in repository: String) -> (any Error)? {
    failed[digest] ?? refused[RepositoryContent(repository: repository, digest: digest)]
  }
}

/// The sixth step of an import: every repository gets the blobs that it needs, uploaded once, mounted everywhere else.
final class BlobPusher: Sendable {
  private let destination: Destination
  private let settings: TransferSettings
  private let journal: ImportJournal?
  private let prepared: PreparedImport
  /// What is said of a blob that no archive holds and that turns out not to be had.
  private let absences: [Digest: MissingContent]
  private let outcome: OutcomeBox
  private let sharing: SharedBlobs
  let fallback: BlobFallback
  /// How many blobs are not yet where they are uploaded first.
  private let unsent = Atomic<Int>(0)

  /// Shared with what mounts.
  private final class OutcomeBox: Sendable {
    let blobs: Mutex<PushedBlobs>

    init(_ blobs: PushedBlobs) { self.blobs = Mutex(blobs) }
  }

  /// For the blobs of `prepared`. `damaged` have failed before, and their images with them.
  init(
    to destination: Destination, for prepared: PreparedImport, damaged: [Digest: any Error],
    journal: ImportJournal?, settings: TransferSettings
  ) {
    self.destination = destination
    self.settings = settings
    self.journal = journal
    self.prepared = prepared
    fallback = BlobFallback(among: prepared.opened, observer: settings.observer)
    let absent = MissingContent.list(
      of: prepared.blobs.filter { $0.layout == nil }.map(\.descriptor), neededBy: prepared.images,
      in: prepared.opened)
    absences = Dictionary(absent.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    let outcome = OutcomeBox(PushedBlobs(failed: damaged))
    self.outcome = outcome
    sharing = SharedBlobs(at: destination, of: prepared.images.filter(\.isToPush)) { blob in
      outcome.blobs.withLock { $0.mounted.add(saturating: blob.size) }
    }
  }

  /// Pushes `inPlace`, several at a time, of which those in one group come one after the other; then what comes out of each stream, and last what is shared and not mounted yet.
  /// Returns when all is there or, with `keepGoing`, has failed.
  func push(
    _ inPlace: [[ImportBlob]], then streamed: [(stream: StreamedLayout, blobs: [ImportBlob])],
    on executor: BlockingExecutor
  ) async throws -> PushedBlobs {
    unsent.store(inPlace.lazy.map(\.count).saturatingSum(), ordering: .relaxed)
    try await executor.forEachConcurrently(inPlace) { [self] group in
      for blob in group {
        try Task.checkCancellation()
        do {
          try push(blob)
        } catch {
          if !fallback.handOn(blob, error) { try noteFailure(of: blob.descriptor.digest, error) }
        }
        unsent.subtract(1, ordering: .relaxed)
        // While others upload: what is left in the end is shared out among all.
        try shareOut(of: blob) { self.unsent.load(ordering: .relaxed) > 0 }
      }
    }
    for (stream, own) in streamed {
      let blobs = own + fallback.left(to: stream).values
      let pusher = StreamPusher(stream, blobs, through: self, settings)
      try await executor.run { try pusher.push() }
    }
    try await sharing.finish(on: executor, send: send) { [self] shared, error in
      try noteFailure(of: shared.blob.descriptor.digest, in: shared.repository, error)
    }
    return outcome.blobs.withLock { $0 }
  }

  /// Sees to a blob that came damaged out of `stream`, where another archive has it: `wanted` is what images need of it from there,
  /// nil where they do not. Throws `error` where no other has it, unless the other blobs are pushed all the same.
  func replace(
    _ descriptor: Descriptor, wanted: ImportBlob?, cameDamagedOutOf stream: StreamedLayout, _ error: any Error
  ) throws {
    switch fallback.next(for: descriptor, wanted: wanted, notOutOf: stream, error) {
    case .elsewhere(let other): if let wanted { try push(wanted, from: other, insteadOf: stream) }
    case .seenTo: break
    case .nowhere: try noteFailure(of: descriptor.digest, error)
    }
  }

  /// Pushes `blob` out of `other`, or leaves it to a stream behind `stream` where it is damaged there too.
  func push(_ blob: ImportBlob, from other: Layout, insteadOf stream: StreamedLayout) throws {
    var blob = blob
    blob.layout = other
    settings.observer.expect(bytes: blob.descriptor.size)
    do {
      try push(blob)
      if fallback.place(of: blob.descriptor.digest) == nil {
        fallback.move(blob.descriptor.digest, to: other)
      }
    } catch {
      if !fallback.handOn(blob, behind: stream, error) { try noteFailure(of: blob.descriptor.digest, error) }
    }
  }

  /// Whether `digest` is nowhere to be had.
  func hasFailed(_ digest: Digest) -> Bool { outcome.blobs.withLock { $0.failed[digest] != nil } }

  /// Notes that an archive is not trusted, where that stops nothing.
  func noteBroken(_ failure: ImageFailure) {
    settings.observer.note(.imageFailed(failure))
    outcome.blobs.withLock { $0.broken.append(failure) }
  }

  /// Throws `error` unless the other blobs are pushed all the same.
  func noteFailure(of digest: Digest, _ error: any Error) throws {
    guard settings.keepGoing, !Task.isCancelled else { throw error }
    outcome.blobs.withLock { $0.failed[digest] = error }
  }

  private func noteFailure(of digest: Digest, in repository: String, _ error: any Error) throws {
    guard settings.keepGoing, !Task.isCancelled else { throw error }
    outcome.blobs.withLock { outcome in
      outcome.refused[RepositoryContent(repository: repository, digest: digest)] = error
    }
  }

  /// Asks `repository` once more for blobs that it had acknowledged, and sends what is not there. `doubted` are sent in any
  /// case: the registry itself says that it does not have them, whatever it says when it is asked for them. Throws
  /// ``TransferError/cannotRepeat(archive:digest:size:)`` for what came out of a stream and is gone. Blocks.
  func restore(_ descriptors: [Descriptor], to repository: String, doubted: Set<Digest>) throws {
    for descriptor in descriptors {
      let isDoubted = doubted.contains(descriptor.digest)
      if try destination.holdsAgain(descriptor, in: repository), !isDoubted { continue }
      // What the archives leave out is not theirs to send.
      guard let blob = prepared.blobs.first(where: { $0.descriptor.digest == descriptor.digest }),
        let layout = blob.layout
      else { continue }
      guard !prepared.opened.isStreamed(layout) else {
        if isDoubted { continue }
        throw TransferError.cannotRepeat(
          archive: layout.path, digest: descriptor.digest, size: descriptor.size)
      }
      try withSource(of: blob, in: layout, { _ in }) { _ = try send($0, to: repository, from: $1, nil) }
    }
  }

  func notePresent(_ size: Int64) { outcome.blobs.withLock { $0.present.add(saturating: size) } }

  /// Sees that every repository that needs `blob` has it, or waits for it to be shared out.
  private func push(_ blob: ImportBlob) throws {
    let descriptor = blob.descriptor
    guard let layout = blob.layout else { return try mount(blob) }
    let log = log(of: descriptor)
    let placement = try placement(of: blob, log)
    guard !placement.missing.isEmpty else {
      settings.observer.skipped(bytes: descriptor.size)
      return notePresent(descriptor.size)
    }
    let meter = TransferMeter(descriptor, observer: settings.observer)
    try withSource(of: blob, in: layout, meter.advance) { blob, source in
      try upload(blob, to: self.placement(of: blob, log), from: source, log)
    }
    meter.advance(descriptor.size)
  }

  private func log(of blob: Descriptor) -> JournaledUploads {
    JournaledUploads(journal, registry: destination.host) { [settings] repository, offset in
      settings.observer.note(.uploadContinues(repository: repository, blob: blob, from: offset))
    }
  }

  /// Lends the bytes of a blob that lies in an archive, with the blob: of one that is damaged there those that another has.
  private func withSource(
    of blob: ImportBlob, in layout: Layout, _ progress: @escaping @Sendable (Int64) -> Void,
    _ body: (ImportBlob, any BlobSource) throws -> Void
  ) throws {
    let digest = blob.descriptor.digest
    if let compressed = blob.compressed {
      try body(blob, CompressedLayerSource(compressed, progress: progress))
    } else if let bytes = blob.made {
      try body(blob, MadeBlobSource(bytes: bytes))
    } else {
      let first = fallback.place(of: digest) ?? layout
      try prepared.opened.reading(blob.descriptor, from: first, observer: settings.observer) { layout in
        var blob = blob
        blob.layout = layout
        try body(blob, LayoutBlobSource(layout: layout, digest: digest, progress: progress))
        if layout !== first { fallback.move(digest, to: layout) }
      }
    }
  }

  /// Brings what has waited for the repositories that have `blob` now, while it `isWanted`.
  private func shareOut(of blob: ImportBlob, while isWanted: () -> Bool) throws {
    for repository in blob.repositories
    where destination.isKnownToHold(blob.descriptor.digest, in: repository) {
      try sharing.advance(repository, while: isWanted, send: send) { shared, error in
        try noteFailure(of: shared.blob.descriptor.digest, in: shared.repository, error)
      }
    }
  }

  /// Sends a blob that other repositories have, for the registry does not mount it.
  private func send(_ shared: SharedBlob) throws {
    let blob = shared.blob
    guard let layout = blob.layout else {
      throw TransferError.contentMissing(absences[blob.descriptor.digest].map { [$0] } ?? [])
    }
    guard !prepared.opened.isStreamed(layout) else {
      throw TransferError.cannotRepeat(
        archive: layout.path, digest: blob.descriptor.digest, size: blob.descriptor.size)
    }
    settings.observer.expect(bytes: blob.descriptor.size)
    let meter = TransferMeter(blob.descriptor, observer: settings.observer)
    try withSource(of: blob, in: layout, meter.advance) {
      _ = try send($0, to: shared.repository, from: $1, log(of: blob.descriptor))
    }
    meter.advance(blob.descriptor.size)
  }

  /// Sees that every repository that needs `blob`, which no archive holds, has it.
  private func mount(_ blob: ImportBlob) throws {
    let size = blob.descriptor.size
    var isMounted = false
    for repository in blob.repositories where try !destination.holds(blob.descriptor, in: repository) {
      let client = try destination.client(for: repository)
      guard let holder = blob.holder, try client.mountBlob(blob.descriptor, to: repository, from: holder)
      else {
        throw TransferError.contentMissing(absences[blob.descriptor.digest].map { [$0] } ?? [])
      }
      try destination.took(blob.descriptor, in: repository)
      isMounted = true
    }
    settings.observer.skipped(bytes: size)
    outcome.blobs.withLock { outcome in
      if isMounted { outcome.mounted.add(saturating: size) } else { outcome.present.add(saturating: size) }
    }
  }

  /// Where a blob is to be brought.
  struct Placement {
    /// The repositories that need the blob and do not have it.
    var missing: [String] = []
    /// Those that need it and have it.
    var holders: [String] = []
  }

  func placement(of blob: ImportBlob, _ log: JournaledUploads? = nil) throws -> Placement {
    var placement = Placement()
    for repository in blob.repositories {
      guard try destination.holds(blob.descriptor, in: repository) else {
        placement.missing.append(repository)
        continue
      }
      placement.holders.append(repository)
      log?.closed(blob.descriptor.digest, in: repository)
    }
    return placement
  }

  /// Brings `blob` to the repositories that do not have it: uploaded from `source` where none has it, mounted from there
  /// where the registry does that at once. What it does not may wait for a manifest that lists it, unless the bytes are
  /// at hand now and not later. The proof of its bytes, if they were read.
  @discardableResult
  func upload(
    _ blob: ImportBlob, to placement: Placement, from source: some BlobSource, _ log: JournaledUploads?
  ) throws -> Proof? {
    let digest = blob.descriptor.digest
    let isRepeatable = source.reach.map { $0 >= blob.descriptor.size } ?? true
    var holders = placement.holders
    var proof: Proof?
    for repository in placement.missing {
      do {
        if !holders.isEmpty {
          let shared = SharedBlob(
            blob: blob, repository: repository, holders: holders, isOld: !placement.holders.isEmpty)
          if try sharing.mount(shared) { continue }
          let isAtHandNow = source.reach != nil && isRepeatable
          guard isAtHandNow || sharing.mountsNothing && isRepeatable else {
            sharing.wait(shared)
            continue
          }
        }
        proof = try send(blob, to: repository, from: source, log) ?? proof
        if holders.isEmpty { holders = [repository] }
      } catch let error as RegistryError where error.isOfOneRepository && isRepeatable {
        try noteFailure(of: digest, in: repository, error)
      }
    }
    return proof
  }

  /// Uploads `blob`. The proof of its bytes, if they were read.
  private func send(
    _ blob: ImportBlob, to repository: String, from source: some BlobSource, _ log: JournaledUploads?
  ) throws -> Proof? {
    let descriptor = blob.descriptor
    let push: BlobPush
    do {
      push = try destination.client(for: repository).pushBlob(
        descriptor, to: repository, mountingFrom: nil, from: source, log: log)
    } catch RegistryError.wrongContent(_, _, _, let error) {
      throw TransferError.damagedBlob(
        archive: blob.layout?.path ?? "", digest: descriptor.digest, error)
    }
    try destination.took(descriptor, in: repository)
    return outcome.blobs.withLock { outcome in
      switch push {
      case .mounted:
        outcome.mounted.add(saturating: descriptor.size)
        return nil
      case .uploaded(let bytes):
        let continued = log?.takeContinued() ?? 0
        outcome.uploaded.add(saturating: max(0, descriptor.size - continued))
        outcome.present.add(saturating: continued)
        return bytes
      }
    }
  }
}

extension RegistryError {
  /// Whether another repository of the registry may take what this one did not.
  fileprivate var isOfOneRepository: Bool {
    switch self {
    case .unauthorized, .denied, .repositoryNotFound, .refused, .writeRefused, .blobNotKept,
      .unconfirmedBlob, .algorithmRefused, .destinationDigestDiffers:
      true
    default: false
    }
  }
}

/// A blob that was made on the way.
private struct MadeBlobSource: BlobSource {
  let bytes: [UInt8]

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    let rest = bytes[min(Int(clamping: offset), bytes.count)...].prefix(buffer.count)
    unsafe buffer.copyBytes(from: rest)
    return rest.count
  }
}

/// A blob read where it lies in an archive, with its progress.
private struct LayoutBlobSource: BlobSource {
  let layout: Layout
  let digest: Digest
  let progress: @Sendable (Int64) -> Void

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    let count = unsafe try layout.read(digest, into: buffer, at: offset)
    progress(offset + Int64(count))
    return count
  }
}
