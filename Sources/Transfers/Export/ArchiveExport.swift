import Digests
import Files
import Images
import Layouts
import Registry
import Synchronization

/// Writes one archive to its file or volumes, and resumes what an earlier run left of it.
struct ArchiveExport: Sendable {
  /// What became of one archive.
  struct Outcome {
    /// Of the archive that was finished; nil when no image was left.
    let plan: ArchivePlan?
    let failures: [ImageFailure]
    /// Those that it holds, as they became.
    var images: [ExportImage] = []
    /// Of the archive's files, where they were computed on the way.
    var checksums: [Digest]?
  }

  private let archive: PreparedExport.Archive
  private let place: ArchivePlace
  private let request: ExportRequest
  private let settings: TransferSettings
  private let executor: BlockingExecutor
  private let holders: BlobHolders
  private let held: HeldBlobs
  private let contents: LayerContents

  init(
    _ archive: PreparedExport.Archive, to place: ArchivePlace, of request: ExportRequest,
    settings: TransferSettings, executor: BlockingExecutor, holders: BlobHolders, held: HeldBlobs,
    contents: LayerContents
  ) {
    self.archive = archive
    self.place = place
    self.request = request
    self.settings = settings
    self.executor = executor
    self.holders = holders
    self.held = held
    self.contents = contents
  }

  /// Writes the archive. With `keepGoing`, images that cannot be had are left out, and the archive says so: it is laid out
  /// once more by `composition`, without them and those that `failed` before; and so it is when its layers are there, and what
  /// images that are converted become is known, which changes nothing of where they lie. Throws `LayoutError.exists` when another
  /// run has made it meanwhile.
  func write(by composition: ArchiveComposition, after failed: [ImageFailure]) async throws -> Outcome {
    tell()
    var images = archive.images
    var failures: [ImageFailure] = []
    var writer = try await executor.run {
      try ArchiveWriter.open(
        plan: archive.plan, to: place, replacing: request.replacesExisting,
        earlier: archive.continuation == nil ? .discarded : .kept, checksums: request.writesChecksums)
    }
    while true {
      let sources = holders.sources(for: images)
      let lost = FailedBlobs(sources.users)
      let configs = ConfigCheck(of: sources, on: executor, failed: settings.keepGoing ? lost : nil)
      do {
        try await configs.fetch(writer.plan, continuing: writer.continuation)
      } catch let error as TransferError {
        // Nothing is stored yet, unless an earlier run did it.
        if archive.continuation == nil { writer.discard() }
        throw error
      }
      // Of an image whose config nobody should trust nothing is stored.
      if lost.images.isEmpty {
        try await fill(writer, from: sources, configs, lost)
        try await executor.run { [writer] in try configs.judge(in: writer) }
      }
      let before = images.map(\.tree.root.digest)
      images = try await settle(images, in: writer, from: sources, lost)
      let fresh = lost.images
      guard !fresh.isEmpty || images.map(\.tree.root.digest) != before else { break }
      for failure in fresh { settings.observer.note(.imageFailed(failure)) }
      failures += fresh
      let names = Set(fresh.map(\.image))
      images.removeAll { names.contains($0.requested.description) }
      guard !images.isEmpty else { return Outcome(plan: nil, failures: failures) }
      let plan = try composition.plan(images, without: request.isOneArchive ? failed + failures : [])
      let former = writer
      writer = try await executor.run { try ArchiveWriter.open(continuing: former, as: plan) }
    }
    let finished = writer
    let checksums = try await executor.run {
      // While its files have the names under which they were written.
      let checksums = try finished.checksums()
      try finished.finish()
      return checksums
    }
    settings.observer.note(
      .archiveWritten(
        path: archive.with(finished.plan, state: archive.state).title ?? place.path,
        digest: finished.plan.archiveDigest, size: finished.plan.totalSize))
    return Outcome(plan: finished.plan, failures: failures, images: images, checksums: checksums)
  }

  /// The images as they become by what their layers hold, where those are there: an image of which something `failed` stays as it
  /// is.
  private func settle(
    _ images: [ExportImage], in writer: ArchiveWriter, from sources: BlobSources, _ failed: FailedBlobs
  ) async throws -> [ExportImage] {
    let lost = Set(failed.images.map(\.image))
    let chosen = images.indices.filter {
      images[$0].original != nil && !lost.contains(images[$0].requested.description)
    }
    guard !chosen.isEmpty else { return images }
    var settled = images
    let outcomes = try await contents.settle(chosen.map { images[$0] }, in: writer, from: sources)
    for (index, outcome) in zip(chosen, outcomes) {
      switch outcome {
      case .success(let image): settled[index] = image
      case .failure(let error) where settings.keepGoing: failed.add(imageAt: index, error)
      case .failure(let error):
        throw TransferError.imagesFailed(
          [ImageFailure(image: images[index].requested.description, error: error)], total: images.count)
      }
    }
    return settled
  }

  private func tell() {
    for (image, from, to) in archive.movedTags {
      settings.observer.note(.tagMoved(image: image, from: from, to: to))
    }
    guard let continuation = archive.continuation, continuation.claimed > 0 else { return }
    settings.observer.note(
      .continuing(
        path: place.path, have: continuation.claimed, moved: continuation.moved, of: archive.blobSize))
  }

  /// Brings every blob to its place; with `keepGoing`, those that can be had.
  private func fill(
    _ writer: ArchiveWriter, from sources: BlobSources, _ configs: ConfigCheck, _ failed: FailedBlobs
  ) async throws {
    // The largest first: a big layer that starts last would keep the other lanes idle.
    // Checksums want the archive's order: what arrives at its front is hashed while it is still in memory.
    let order = writer.plan.blobs.sorted {
      request.writesChecksums ? $0.offset < $1.offset : $0.size > $1.size
    }
    try await executor.forEachConcurrently(order) { blob in
      guard failed.isWanted(blob.digest) else { return }
      do {
        try move(blob, from: sources, configs, into: writer)
      } catch {
        // What the disk does not take hurts all images alike.
        let isLocal = error is LayoutError || error is FileError
        guard settings.keepGoing, !isLocal, !Task.isCancelled else {
          throw sources.failure(of: blob.digest, error, othersCanGo: !settings.keepGoing)
        }
        failed.add(blob.digest, error)
      }
    }
  }

  /// Brings one blob to its place: from what an earlier run left there, from an archive of this run, from its
  /// registry.
  private func move(
    _ blob: PlannedBlob, from sources: BlobSources, _ configs: ConfigCheck, into writer: ArchiveWriter
  ) throws {
    let meter = TransferMeter(blob.descriptor, observer: settings.observer)
    var entry = try writer.begin(blob.digest, progress: meter.advance)
    if let claimed = writer.continuation?.claims[blob.digest]?.have, claimed > entry.position {
      settings.observer.note(.damagedOnDisk(blob: blob.digest, kept: entry.position, claimed: claimed))
    }
    do {
      if entry.position > 0, entry.position == blob.size, (try? entry.check()) != nil {
        try configs.checkLeft(blob.digest, in: writer)
      } else if try !held.copy(into: &entry) {
        try sources.pull(blob.descriptor, into: &entry)
      }
    } catch {
      // What has come so far is for the next run.
      entry.suspend()
      throw error
    }
    try entry.finish()
  }
}

/// Which images of an archive are lost because one of their blobs cannot be had.
final class FailedBlobs: Sendable {
  private let users: BlobUsers
  private let lost = Mutex<[Int: any Error]>([:])

  init(_ users: BlobUsers) { self.users = users }

  /// Whether any image that needs the blob can still become whole.
  func isWanted(_ digest: Digest) -> Bool {
    let users = users.numbers(of: digest)
    return lost.withLock { lost in users.contains { lost[$0] == nil } }
  }

  func add(_ digest: Digest, _ error: any Error) {
    lost.withLock { lost in
      for image in users.numbers(of: digest) where lost[image] == nil { lost[image] = error }
    }
  }

  /// Hears that an image, by its number, is lost whatever its blobs are.
  func add(imageAt index: Int, _ error: any Error) {
    lost.withLock { lost in lost[index] = lost[index] ?? error }
  }

  /// The lost images, in order, each with what it was lost by first.
  var images: [ImageFailure] {
    lost.withLock { lost in
      lost.sorted { $0.key < $1.key }.map { ImageFailure(image: users.name(at: $0.key), error: $0.value) }
    }
  }
}
