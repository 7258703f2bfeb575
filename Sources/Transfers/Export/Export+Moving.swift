import Digests
import FoundationEssentials
import Images
import Layouts
import Registry

extension Export {
  /// Writes the archives. Throws the first blocker, and unless `keepGoing` the first failure.
  @concurrent
  public func run(_ prepared: PreparedExport) async throws -> ExportResult {
    if let blocker = prepared.blockers.first { throw blocker }
    if !prepared.failures.isEmpty, !settings.keepGoing {
      throw TransferError.imagesFailed(
        prepared.failures, total: prepared.images.count + prepared.failures.count)
    }
    if case .directory(let path) = request.output {
      try await executor.run { try makeDirectory(path) }
    }
    for failure in prepared.failures { settings.observer.note(.imageFailed(failure)) }
    let pending = prepared.archives.filter { !$0.isUpToDate }
    settings.observer.expect(
      bytes: pending.reduce(0) { $0 + $1.plan.blobs.reduce(0) { $0 + $1.size } })

    let held = HeldBlobs()
    var failures = prepared.failures
    var finished: [String?] = []
    for archive in prepared.archives {
      let images = prepared.images(in: archive)
      do {
        if archive.isUpToDate, let path = archive.path {
          settings.observer.note(.archiveUpToDate(path: path, digest: archive.plan.archiveDigest))
        } else {
          try await write(archive, of: images, held: held)
        }
        held.add(archive)
        finished.append(archive.path)
      } catch {
        guard settings.keepGoing, !Task.isCancelled, prepared.archives.count > 1 else { throw error }
        for image in images {
          let failure = ImageFailure(image: image.reference.description, error: error)
          settings.observer.note(.imageFailed(failure))
          failures.append(failure)
        }
      }
    }
    return ExportResult(prepared: prepared, failures: failures, finished: finished)
  }

  private func write(
    _ archive: PreparedExport.Archive, of images: [ExportImage], held: HeldBlobs
  ) async throws {
    let sources = BlobSources(images)
    if let path = archive.path {
      let writer = try await executor.run {
        try ArchiveWriter(plan: archive.plan, path: path, replacing: request.replacesExisting)
      }
      // The largest first: a big layer that starts last would keep the other lanes idle.
      let order = archive.plan.blobs.sorted { $0.size > $1.size }
      try await executor.forEachConcurrently(order) { blob in
        try writer.complete(try move(blob, from: sources, into: writer, held: held))
      }
      try await executor.run { try writer.finish() }
    } else {
      try await executor.run { try stream(archive.plan, from: sources) }
    }
    settings.observer.note(
      .archiveWritten(
        path: archive.path ?? "-", digest: archive.plan.archiveDigest, size: archive.plan.totalSize))
  }

  /// Fetches one blob, or copies it from an archive of this run, to its place.
  private func move(
    _ blob: PlannedBlob, from sources: BlobSources, into writer: ArchiveWriter, held: HeldBlobs
  ) throws -> Proof {
    let meter = TransferMeter(blob.descriptor, observer: settings.observer)
    if let proof = try held.copy(blob, into: writer, progress: meter.advance) { return proof }
    var sink = ArchiveSink(progress: meter.advance) { bytes, offset in
      try writer.write(bytes, of: blob.digest, at: offset)
    }
    return try sources.pull(blob.descriptor, registries: registries, into: &sink)
  }

  private func stream(_ plan: ArchivePlan, from sources: BlobSources) throws {
    let stream = try ArchiveStream(plan: plan, descriptor: 1, name: "standard output")
    while let blob = stream.nextBlob {
      let meter = TransferMeter(blob.descriptor, observer: settings.observer)
      var sink = ArchiveSink(progress: meter.advance) { bytes, offset in
        try stream.write(bytes, of: blob.digest, at: offset)
      }
      try stream.complete(try sources.pull(blob.descriptor, registries: registries, into: &sink))
    }
    try stream.finish()
  }

  private func makeDirectory(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw TransferError.cannotMakeDirectory(path: path)
    }
  }
}

extension PreparedExport {
  /// The images that `archive` holds.
  func images(in archive: Archive) -> [ExportImage] {
    let held = Set(archive.plan.images.compactMap(\.reference))
    return images.filter { held.contains($0.reference) }
  }
}
