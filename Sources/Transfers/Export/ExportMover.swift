import Digests
import Files
import Images
import Layouts
import Tar

/// The last stage of an export: brings every blob to its place, and leaves each archive when all of it is proved.
struct ExportMover: Sendable {
  private let prepared: PreparedExport
  private let request: ExportRequest
  private let settings: TransferSettings
  private let executor: BlockingExecutor
  private let holders: BlobHolders
  private let held = HeldBlobs()
  private let contents: LayerContents

  init(
    _ prepared: PreparedExport, of request: ExportRequest, registries: Registries,
    settings: TransferSettings, executor: BlockingExecutor
  ) {
    self.prepared = prepared
    self.request = request
    self.settings = settings
    self.executor = executor
    holders = BlobHolders(prepared.images, registries: registries)
    contents = LayerContents(request, settings: settings, executor: executor)
  }

  /// What became of one archive.
  private struct Written {
    /// nil when no image of it was left.
    var archive: PreparedExport.Archive?
    var failures: [ImageFailure] = []
    /// Of its files, where they were computed on the way.
    var checksums: [Digest]?
  }

  /// Writes the archives, one after the other. Throws unless `keepGoing` the first failure.
  func run() async throws -> ExportResult {
    try await executor.run { try ExportOutput(request).makeDirectory() }
    for failure in prepared.failures { settings.observer.note(.imageFailed(failure)) }
    settings.observer.expect(
      bytes: prepared.archives.filter { !$0.isUpToDate }.map(\.blobSize).saturatingSum())
    var archives = prepared.archives
    var failures = prepared.failures
    var finished: [String?] = []
    for (index, archive) in prepared.archives.enumerated() {
      do {
        let written = try await write(archive)
        failures += written.failures
        guard let whole = written.archive else { continue }
        archives[index] = whole
        for image in whole.images {
          guard let from = image.convertedFrom else { continue }
          settings.observer.note(
            .schema1Converted(image: image.requested.description, from: from, to: image.digest))
        }
        try await enclose()
        if archive.onlyVolumes.isEmpty { try await leaveProofs(of: whole, checksums: written.checksums) }
        if index + 1 < prepared.archives.count { held.add(whole) }
        finished.append(archive.path)
      } catch {
        guard settings.keepGoing, !Task.isCancelled, prepared.archives.count > 1 else { throw error }
        for image in archive.images {
          let failure = ImageFailure(image: image.requested.description, error: error)
          settings.observer.note(.imageFailed(failure))
          failures.append(failure)
        }
      }
    }
    return ExportResult(prepared: prepared.with(archives), failures: failures, finished: finished)
  }

  /// Writes one archive, unless it is there.
  private func write(_ archive: PreparedExport.Archive) async throws -> Written {
    switch archive.target {
    case .stream(let descriptor, let name):
      let archive = try await settled(archive)
      try await stream(archive, to: descriptor, name: name)
      return Written(archive: archive)
    case .files(let place) where archive.onlyVolumes.isEmpty:
      return try await write(archive, to: place)
    case .files(let place):
      let archive = try await settled(archive)
      try await rewrite(archive, in: place)
      return Written(archive: archive)
    }
  }

  /// The archive with its images as they become when they are converted. What it describes itself by comes first in a stream,
  /// and a volume need not have the layers: they are fetched once for this alone.
  private func settled(_ archive: PreparedExport.Archive) async throws -> PreparedExport.Archive {
    guard archive.images.contains(where: { $0.original != nil }) else { return archive }
    let outcomes = try await contents.settle(
      archive.images, in: nil, from: holders.sources(for: archive.images))
    let images = try zip(archive.images, outcomes).map { image, outcome in
      do { return try outcome.get() } catch {
        throw TransferError.imagesFailed(
          [ImageFailure(image: image.requested.description, error: error)], total: archive.images.count)
      }
    }
    let plan = try await executor.run { try prepared.composition.plan(images, without: prepared.failures) }
    return archive.with(plan, state: archive.state, images: images)
  }

  /// Writes one archive to files, unless it is there. Throws ``TransferError/outputMade(path:partial:)`` when another run
  /// has made something else there meanwhile.
  private func write(
    _ archive: PreparedExport.Archive, to place: ArchivePlace
  ) async throws -> Written {
    if archive.isUpToDate, try await isWhole(place, archive) {
      find(archive)
      return Written(archive: archive)
    }
    do {
      let outcome = try await ArchiveExport(
        archive, to: place, of: request, settings: settings, executor: executor, holders: holders, held: held,
        contents: contents
      ).write(by: prepared.composition, after: prepared.failures)
      // What was there was damaged, and has given way.
      let state = archive.isUpToDate ? PreparedExport.State.toReplace : archive.state
      return Written(
        archive: outcome.plan.map { archive.with($0, state: state, images: outcome.images) },
        failures: outcome.failures,
        checksums: outcome.checksums)
    } catch LayoutError.exists(let taken) {
      // Another run has made one meanwhile: the same one, or something else.
      let existing = ExistingOutput(place: place, replacesExisting: request.replacesExisting)
      let found = archive.with(state: existing.state(for: archive.plan))
      guard found.isUpToDate, try await isWhole(place, archive) else {
        let isFerrys = (try? FormerArchive.files(at: place, for: archive.plan)) != nil
        throw TransferError.outputMade(path: taken, partial: place.unfinished.first, isFerrys: isFerrys)
      }
      find(found)
      return Written(archive: found)
    }
  }

  /// Says that an archive is there, and clears away what runs that were broken off left of it.
  private func find(_ archive: PreparedExport.Archive) {
    guard let path = archive.path else { return }
    UnfinishedArchive.removeLeftovers(of: path, digest: archive.digest, plan: archive.plan)
    settings.observer.note(.archiveUpToDate(path: archive.title ?? path, digest: archive.digest))
  }

  /// Proves an archive that an earlier run wrote: a disk may have lost bytes since. False when it is damaged and
  /// is to be replaced. What converted images' layers hold was taken from it, and is seen here.
  private func isWhole(_ place: ArchivePlace, _ archive: PreparedExport.Archive) async throws -> Bool {
    let input = try ArchiveInput.written(to: place)
    let verified = try await Verification(
      input, isDeep: archive.images.contains { $0.original != nil }, expected: nil,
      temporary: request.temporary, settings: settings
    ).run()
    if verified.isWhole { return true }
    guard request.replacesExisting else {
      throw TransferError.damagedOutput(path: place.path, problems: Array(verified.findings.problems))
    }
    return false
  }

  /// Sends an archive on, in its order.
  private func stream(
    _ archive: PreparedExport.Archive, to descriptor: Int32, name: String
  ) async throws {
    let sources = holders.sources(for: archive.images)
    let plan = archive.plan
    // What is sent on cannot be taken back: no image of it can be left out.
    try await ConfigCheck(of: sources, on: executor, failed: nil).fetch(plan, continuing: nil)
    try await executor.run {
      let stream = try ArchiveStream.open(plan: plan, descriptor: descriptor, name: name)
      while let blob = stream.nextBlob {
        try sources.move(blob, observer: settings.observer, into: stream.begin)
      }
      try stream.finish()
    }
    settings.observer.note(.archiveWritten(path: name, digest: plan.archiveDigest, size: plan.totalSize))
  }

  /// Writes the volumes asked for, and nothing else of the archive.
  private func rewrite(_ archive: PreparedExport.Archive, in place: ArchivePlace) async throws {
    let sources = holders.sources(for: archive.images)
    let plan = archive.plan
    try await ConfigCheck(of: sources, on: executor, failed: nil).fetch(plan, continuing: nil)
    let writer = try await executor.run {
      try VolumeWriter.open(
        plan: plan, place: place, numbers: request.onlyVolumes, replacing: request.replacesExisting)
    }
    do {
      try await executor.forEachConcurrently(writer.blobs.sorted { $0.size > $1.size }) { blob in
        try sources.move(blob, observer: settings.observer, into: writer.begin)
      }
      try await executor.run { try writer.finish() }
    } catch {
      // Half a volume is of no use.
      writer.discard()
      throw error
    }
    let names = place.paths(for: plan.totalSize)
    for number in writer.numbers {
      settings.observer.note(
        .archiveWritten(
          path: names[number - 1], digest: plan.archiveDigest,
          size: place.size(of: number, for: plan.totalSize)))
    }
  }

  /// Lays beside the archives what is to go with them, unless it is there.
  private func enclose() async throws {
    guard let directory = request.directory else { return }
    for file in request.enclosed {
      if try await executor.run({ try file.write(in: directory) }) {
        settings.observer.note(.proofWritten(path: file.path(in: directory)))
      }
    }
  }

  private var enclosedPaths: [String] {
    request.directory.map { directory in request.enclosed.map { $0.path(in: directory) } } ?? []
  }

  /// Leaves beside an archive that has its name what it can be proved by without Ferry: checksums of its files,
  /// and a signature over its digest; also beside one that an earlier run wrote. `checksums` are those of its files
  /// that were computed on the way. Says what an archive that was replaced has left behind.
  private func leaveProofs(of archive: PreparedExport.Archive, checksums: [Digest]?) async throws {
    guard let place = archive.place else { return }
    if request.writesChecksums {
      // What an earlier run wrote may be of another size than the plan's.
      let files =
        archive.isUpToDate
        ? try ArchiveInput.written(to: place).files : place.paths(for: archive.plan.totalSize)
      let file = ChecksumFile(of: place.path, files: files, enclosed: enclosedPaths)
      let known = Dictionary(uniqueKeysWithValues: zip(files, checksums ?? []))
      try await file.write(known: known, on: executor)
      settings.observer.note(.proofWritten(path: file.path))
    }
    if let key = request.signingKey {
      let signature = ArchiveSignature(of: place.path)
      let isNew = try await executor.run {
        try signature.write(archive.digest, with: key)
      }
      if isNew { settings.observer.note(.proofWritten(path: signature.path)) }
    }
    guard case .toReplace = archive.state else { return }
    let checksums = ChecksumFile(of: place.path, files: [])
    if !request.writesChecksums, checksums.isThere {
      settings.observer.note(.proofOutdated(path: checksums.path))
    }
    let signature = ArchiveSignature(of: place.path)
    if request.signingKey == nil, signature.isThere {
      settings.observer.note(.proofOutdated(path: signature.digestPath))
    }
  }
}
