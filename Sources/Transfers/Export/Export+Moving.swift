import Archives
import Digests
import FoundationEssentials
import Images
import Layouts
import Registry

extension Export {
  /// Writes the archives. Throws all that stands in the way, and unless `keepGoing` the first
  /// failure.
  @concurrent
  public func run(_ prepared: PreparedExport) async throws -> ExportResult {
    let obstacle = TransferError.obstacle(
      prepared.blockers, prepared.failures, total: prepared.images.count + prepared.failures.count,
      keepsGoing: settings.keepGoing)
    if let obstacle { throw obstacle }
    if case .directory(let path) = request.output {
      try await executor.run { try makeDirectory(path) }
    }
    for failure in prepared.failures { settings.observer.note(.imageFailed(failure)) }
    settings.observer.expect(
      bytes: prepared.archives.filter { !$0.isUpToDate }.map(\.blobSize).saturatingSum())

    let held = HeldBlobs()
    let sources = BlobSources(prepared.images)
    var written = prepared
    var failures = prepared.failures
    var finished: [String?] = []
    for (index, archive) in prepared.archives.enumerated() {
      do {
        var checksums: [Digest]?
        if !archive.onlyVolumes.isEmpty {
          try await rewrite(archive, from: sources.preferring(prepared.images(in: archive)))
        } else if archive.isUpToDate, let path = archive.path, try await isWhole(archive) {
          ArchiveWriter.removeLeftovers(of: path, digest: archive.digest)
          settings.observer.note(.archiveUpToDate(path: archive.title ?? path, digest: archive.digest))
        } else if let path = archive.path {
          if let outcome = try await writeOrFind(
            archive, to: path, of: prepared, from: sources, held: held)
          {
            failures += outcome.failures
            guard let plan = outcome.plan else { continue }
            written.archives[index].plan = plan
            // What was there was damaged, and has given way.
            if archive.isUpToDate { written.archives[index].state = .toReplace }
            checksums = outcome.checksums
          } else if let place = archive.place {
            written.archives[index].state = state(of: place, for: archive.plan)
          }
        } else {
          let images = prepared.images(in: archive)
          let sources = sources.preferring(images)
          // What is sent on cannot be taken back: there is no going on without an image.
          try await checkConfigs(
            of: images, in: archive.plan, continuing: nil, from: sources, failed: nil)
          try await executor.run { try stream(archive.plan, from: sources) }
        }
        if archive.onlyVolumes.isEmpty {
          try await leaveProofs(of: written.archives[index], checksums: checksums)
        }
        held.add(written.archives[index])
        finished.append(archive.path)
      } catch {
        guard settings.keepGoing, !Task.isCancelled, prepared.archives.count > 1 else { throw error }
        for image in prepared.images(in: archive) {
          let failure = ImageFailure(image: image.reference.description, error: error)
          settings.observer.note(.imageFailed(failure))
          failures.append(failure)
        }
      }
    }
    return ExportResult(prepared: written, failures: failures, finished: finished)
  }

  /// Proves an archive that an earlier run wrote: a disk may have lost bytes since. False when it is damaged and
  /// is to be replaced.
  func isWhole(_ archive: PreparedExport.Archive) async throws -> Bool {
    guard let place = archive.place else { return false }
    let input = try ArchiveInput(writtenTo: place)
    let verified = try await Verification(input, isDeep: false, expected: nil, settings: settings).run()
    if verified.isWhole { return true }
    guard request.replacesExisting else {
      throw TransferError.damagedOutput(path: place.path, problems: verified.findings.map(\.problem))
    }
    return false
  }

  private func stream(_ plan: ArchivePlan, from sources: BlobSources) throws {
    guard case .stream(let descriptor, let name) = request.output else {
      throw TransferError.cannotWriteFile(path: "")
    }
    let stream = try ArchiveStream(plan: plan, descriptor: descriptor, name: name)
    while let blob = stream.nextBlob {
      let meter = TransferMeter(blob.descriptor, observer: settings.observer)
      var entry = try stream.begin(blob.digest, progress: meter.advance)
      do {
        try sources.pull(blob.descriptor, registries: registries, into: &entry)
      } catch {
        throw sources.failure(of: blob.digest, error, othersCanGo: false)
      }
      try entry.finish()
    }
    try stream.finish()
    settings.observer.note(.archiveWritten(path: name, digest: plan.archiveDigest, size: plan.totalSize))
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
