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
  /// Those that are not there, by their digests.
  var failed: [Digest: any Error] = [:]
}

/// The sixth step of an import: every repository gets the blobs that it needs, uploaded once, mounted everywhere else.
final class BlobPusher: Sendable {
  private let destination: Destination
  private let settings: TransferSettings
  private let journal: ImportJournal?
  private let prepared: PreparedImport
  /// What is said of a blob that no archive holds and that turns out not to be had.
  private let absences: [Digest: MissingContent]
  private let outcome: Mutex<PushedBlobs>

  /// For the blobs of `prepared`. `damaged` have failed before, and their images with them.
  init(
    to destination: Destination, for prepared: PreparedImport, damaged: [Digest: any Error],
    journal: ImportJournal?, settings: TransferSettings
  ) {
    self.destination = destination
    self.settings = settings
    self.journal = journal
    self.prepared = prepared
    let absent = MissingContent.list(
      of: prepared.blobs.filter { $0.layout == nil }.map(\.descriptor), neededBy: prepared.images,
      in: prepared.opened)
    absences = Dictionary(absent.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    outcome = Mutex(PushedBlobs(failed: damaged))
  }

  /// Pushes `inPlace`, several at a time, then what comes out of each stream. Returns when all is there or, with
  /// `keepGoing`, has failed.
  func push(
    _ inPlace: [ImportBlob], then streamed: [(stream: StreamedLayout, blobs: [ImportBlob])],
    on executor: BlockingExecutor
  ) async throws -> PushedBlobs {
    try await executor.forEachConcurrently(inPlace) { [self] blob in
      do {
        try push(blob)
      } catch {
        try noteFailure(of: blob.descriptor.digest, error)
      }
    }
    for (stream, blobs) in streamed {
      let pusher = StreamPusher(stream, blobs, through: self, observer: settings.observer)
      try await executor.run { try pusher.push() }
    }
    return outcome.withLock { $0 }
  }

  /// Throws `error` unless the other blobs are pushed all the same.
  func noteFailure(of digest: Digest, _ error: any Error) throws {
    guard settings.keepGoing, !Task.isCancelled else { throw error }
    outcome.withLock { $0.failed[digest] = error }
  }

  func notePresent(_ size: Int64) { outcome.withLock { $0.present += size } }

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
      try upload(blob, to: Placement(missing: [repository]), from: source(of: blob, in: layout) { _ in }, nil)
    }
  }

  private func source(
    of blob: ImportBlob, in layout: Layout, progress: @escaping @Sendable (Int64) -> Void
  ) -> any BlobSource {
    if let compressed = blob.compressed {
      CompressedLayerSource(compressed, progress: progress)
    } else {
      LayoutBlobSource(layout: layout, digest: blob.descriptor.digest, progress: progress)
    }
  }

  /// Sees that every repository that needs `blob` has it.
  private func push(_ blob: ImportBlob) throws {
    let descriptor = blob.descriptor
    guard let layout = blob.layout else { return try mount(blob) }
    let log = JournaledUploads(journal, registry: destination.host) { [settings] repository, offset in
      settings.observer.note(.uploadContinues(repository: repository, blob: descriptor, from: offset))
    }
    let placement = try placement(of: blob, log)
    guard !placement.missing.isEmpty else {
      settings.observer.skipped(bytes: descriptor.size)
      return notePresent(descriptor.size)
    }
    let meter = TransferMeter(descriptor, observer: settings.observer)
    try upload(
      blob, to: placement, from: source(of: blob, in: layout, progress: meter.advance), log)
    meter.advance(descriptor.size)
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
    outcome.withLock { outcome in
      if isMounted { outcome.mounted += size } else { outcome.present += size }
    }
  }

  /// Where a blob is to be brought.
  struct Placement {
    /// The repositories that need the blob and do not have it.
    var missing: [String] = []
    /// The last of those that have it.
    var holder: String?
  }

  func placement(of blob: ImportBlob, _ log: JournaledUploads? = nil) throws -> Placement {
    var placement = Placement()
    for repository in blob.repositories {
      guard try destination.holds(blob.descriptor, in: repository) else {
        placement.missing.append(repository)
        continue
      }
      placement.holder = repository
      log?.closed(blob.descriptor.digest, in: repository)
    }
    return placement
  }

  /// Brings `blob` to the repositories that do not have it: mounted where one has it and the registry does that, else
  /// uploaded from `source`. The proof of its bytes, if they were read.
  @discardableResult
  func upload(
    _ blob: ImportBlob, to placement: Placement, from source: some BlobSource, _ log: JournaledUploads?
  ) throws -> Proof? {
    let descriptor = blob.descriptor
    var holder = placement.holder
    var proof: Proof?
    for repository in placement.missing {
      let client = try destination.client(for: repository)
      let push: BlobPush
      do {
        push = try client.pushBlob(
          descriptor, to: repository, mountingFrom: holder, from: source, log: log)
      } catch RegistryError.wrongContent(_, _, _, let error) {
        throw TransferError.damagedBlob(
          archive: blob.layout?.path ?? "", digest: descriptor.digest, error)
      }
      try destination.took(descriptor, in: repository)
      outcome.withLock { outcome in
        switch push {
        case .mounted: outcome.mounted += descriptor.size
        case .uploaded(let bytes):
          let continued = log?.takeContinued() ?? 0
          outcome.uploaded += descriptor.size - continued
          outcome.present += continued
          proof = bytes
        }
      }
      holder = repository
    }
    return proof
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
