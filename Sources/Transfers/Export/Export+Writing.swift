import Archives
import Digests
import Images
import Layouts
import Registry

extension Export {
  /// What became of one archive.
  struct Outcome {
    /// Of the archive that was finished; nil when no image was left.
    let plan: ArchivePlan?
    let failures: [ImageFailure]
    /// Of the archive's files, where they were computed on the way.
    var checksums: [Digest]?
  }

  /// Writes one archive, going on from what an earlier run left. With `keepGoing`, images that cannot be had
  /// are left out, and the archive says so.
  func write(
    _ archive: PreparedExport.Archive, to path: String, of prepared: PreparedExport,
    from sources: BlobSources, held: HeldBlobs
  ) async throws -> Outcome {
    tell(of: archive, path: path)
    var images = prepared.images(in: archive)
    var failures: [ImageFailure] = []
    /// The plan without images that were lost by now; nil when none is left.
    func plan(without failed: FailedBlobs) throws -> ArchivePlan? {
      let lost = failed.images
      for failure in lost { settings.observer.note(.imageFailed(failure)) }
      failures += lost
      let names = Set(lost.map(\.image))
      images.removeAll { names.contains($0.reference.description) }
      guard !images.isEmpty else { return nil }
      return try self.plan(
        images, prepared.descriptions, known: prepared.known,
        without: request.isOneArchive ? prepared.failures + failures : [])
    }

    var writer = try await executor.run {
      try ArchiveWriter(
        plan: archive.plan, to: ArchivePlace(path, volumeSize: archive.volumeSize),
        replacing: request.replacesExisting,
        earlier: archive.continuation == nil ? .discarded : .kept, checksums: request.writesChecksums)
    }
    while true {
      let failed = FailedBlobs(images)
      let sources = sources.preferring(images)
      do {
        try await checkConfigs(
          of: images, in: writer.plan, continuing: writer.continuation, from: sources, failed: failed)
      } catch let error as TransferError {
        // Nothing is stored yet, unless an earlier run did it.
        if archive.continuation == nil { writer.discard() }
        throw error
      }
      // Of an image whose config nobody should trust nothing is stored.
      if failed.images.isEmpty {
        try await fill(writer, from: sources, held: held, failed: failed)
        try await executor.run { [writer] in try judgeConfigs(in: writer, of: sources, failed) }
      }
      guard !failed.images.isEmpty else { break }
      guard let plan = try plan(without: failed) else {
        return Outcome(plan: nil, failures: failures)
      }
      let former = writer
      writer = try await executor.run { try ArchiveWriter(continuing: former, as: plan) }
    }
    let finished = writer
    let checksums = try await executor.run {
      // While its files have the names under which they were written.
      let checksums = try finished.checksums()
      try finished.finish()
      return checksums
    }
    var whole = archive
    whole.plan = finished.plan
    settings.observer.note(
      .archiveWritten(
        path: whole.title ?? path, digest: finished.plan.archiveDigest, size: finished.plan.totalSize))
    return Outcome(plan: finished.plan, failures: failures, checksums: checksums)
  }

  private func tell(of archive: PreparedExport.Archive, path: String) {
    for (image, from, to) in archive.movedTags {
      settings.observer.note(.tagMoved(image: image, from: from, to: to))
    }
    guard let continuation = archive.continuation, continuation.claimed > 0 else { return }
    settings.observer.note(
      .continuing(
        path: path, have: continuation.claimed, moved: continuation.moved, of: archive.blobSize))
  }

  /// Brings every blob to its place; with `keepGoing`, those that can be had.
  private func fill(
    _ writer: ArchiveWriter, from sources: BlobSources, held: HeldBlobs, failed: FailedBlobs
  ) async throws {
    // The largest first: a big layer that starts last would keep the other lanes idle.
    // Checksums want the archive's order: what arrives at its front is hashed while it is still in memory.
    let order = writer.plan.blobs.sorted {
      request.writesChecksums ? $0.offset < $1.offset : $0.size > $1.size
    }
    try await executor.forEachConcurrently(order) { blob in
      guard failed.isWanted(blob.digest) else { return }
      do {
        try move(blob, from: sources, into: writer, held: held)
      } catch {
        // What the disk does not take hurts all images alike.
        let isLocal = error is LayoutError || error is ArchiveError
        guard settings.keepGoing, !isLocal, !Task.isCancelled else {
          throw sources.failure(of: blob.digest, error, othersCanGo: !settings.keepGoing)
        }
        failed.add(blob.digest, error)
      }
    }
  }

  /// Holds what the configs that have come say of their layers against the manifests, those that an earlier run left
  /// among them. Blocks.
  private func judgeConfigs(in writer: ArchiveWriter, of sources: BlobSources, _ failed: FailedBlobs) throws {
    for digest in Set(sources.images.flatMap(\.configs).map(\.digest))
    where writer.plan.extent(of: digest) != nil && failed.isWanted(digest) {
      try judge(digest, try writer.bytes(of: digest, limit: ImageConfig.sizeLimit), of: sources, failed)
    }
  }

  /// Brings one blob to its place: from what an earlier run left there, from an archive of this run, from its
  /// registry.
  private func move(
    _ blob: PlannedBlob, from sources: BlobSources, into writer: ArchiveWriter, held: HeldBlobs
  ) throws {
    let meter = TransferMeter(blob.descriptor, observer: settings.observer)
    var entry = try writer.begin(blob.digest, progress: meter.advance)
    if let claimed = writer.continuation?.claims[blob.digest]?.have, claimed > entry.position {
      settings.observer.note(.damagedOnDisk(blob: blob.digest, kept: entry.position, claimed: claimed))
    }
    do {
      if entry.position > 0, entry.position == blob.size, (try? entry.check()) != nil {
        if sources.isConfig(blob.digest) {
          // An earlier Ferry may have left it, which did not look.
          try sources.check(
            blob.digest, try writer.bytes(of: blob.digest, limit: ImageConfig.sizeLimit))
        }
      } else if try !held.copy(into: &entry) {
        try sources.pull(blob.descriptor, registries: registries, into: &entry)
      }
    } catch {
      // What has come so far is for the next run.
      entry.suspend()
      throw error
    }
    try entry.finish()
  }
}
