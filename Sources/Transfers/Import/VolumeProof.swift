import Digests
import Images
import Layouts

/// A step of an import of volumes, before anything is pushed: they come from many places and are easily mixed up, so they
/// are read and proved first.
struct VolumeProof: Sendable {
  private let destination: Destination
  /// Whether images that are hurt stop the others.
  private let stopsAtDamage: Bool
  private let executor: BlockingExecutor
  private let observer: any TransferObserver

  init(
    besides destination: Destination, stopsAtDamage: Bool, executor: BlockingExecutor,
    observer: any TransferObserver
  ) {
    self.destination = destination
    self.stopsAtDamage = stopsAtDamage
    self.executor = executor
    self.observer = observer
  }

  /// A blob that lies in an archive that is cut.
  private struct CutBlob: Sendable {
    let blob: ImportBlob
    let layout: Layout
    /// Where it begins, in bytes.
    let offset: Int64

    /// nil for what is left out, or sent in another form: it does not lie there as it is sent.
    init?(_ blob: ImportBlob) {
      guard let layout = blob.layout, !layout.volumes.isEmpty,
        let extent = layout.blobs[blob.descriptor.digest]
      else { return nil }
      self.blob = blob
      self.layout = layout
      offset = extent.offset
    }
  }

  /// Reads the blobs that are to be uploaded out of volumes. Returns what is to be pushed, and what is damaged in every archive;
  /// throws that all at once, with the volumes it lies in and the images that hurts, unless the others are to be pushed without.
  func prove(
    _ blobs: [ImportBlob], of archives: ImportedArchives
  ) async throws -> (blobs: [ImportBlob], damaged: [Digest: any Error]) {
    /// By what is damaged, the archives that have it so, with what was found in each.
    var tried: [Digest: [(layout: Layout, reading: BlobReading)]] = [:]
    var moved: [Digest: ImportBlob] = [:]
    var lost: Set<Digest> = []
    var pending = blobs
    while !pending.isEmpty {
      var next: [ImportBlob] = []
      for (cut, reading) in try await readings(of: pending) {
        guard let problem = reading.problem else { continue }
        let digest = reading.digest
        tried[digest, default: []].append((cut.layout, reading))
        let known = tried[digest, default: []].map(\.layout)
        guard let other = archives.copy(of: cut.blob.descriptor, besides: known, mayPass: true) else {
          lost.insert(digest)
          continue
        }
        observer.note(.blobElsewhere(blob: digest, error: fault(problem, in: cut.layout), taken: other.path))
        var blob = cut.blob
        blob.layout = other
        moved[digest] = blob
        next.append(blob)
      }
      pending = next
    }
    let sound = blobs.filter { !lost.contains($0.descriptor.digest) }.map {
      moved[$0.descriptor.digest] ?? $0
    }
    var damaged: [Digest: any Error] = [:]
    var problems: [String: (layout: Layout, readings: [BlobReading])] = [:]
    for digest in lost.sorted() {
      for (layout, reading) in tried[digest] ?? [] {
        reading.problem.map { damaged[digest] = error(of: $0, in: layout) }
        problems[layout.path, default: (layout, [])].readings.append(reading)
      }
    }
    guard stopsAtDamage, let (_, first) = problems.min(by: { $0.key < $1.key }) else {
      return (sound, damaged)
    }
    let damage = ArchiveDamage(of: first.layout)
    let findings = try await executor.run { try damage.findings(readings: first.readings) }
    throw TransferError.incompleteArchive(
      archive: first.layout.path, findings, way: damage.sparesImages(findings) ? .keepGoing : nil)
  }

  private func error(of problem: LayoutProblem, in layout: Layout) -> TransferError {
    .imageNotWhole(
      archive: layout.path, problems: [problem], volumes: layout.volumes(of: problem).map(\.path))
  }

  /// The same where it is that of a blob alone.
  private func fault(_ problem: LayoutProblem, in layout: Layout) -> TransferError {
    guard case .damaged(let digest, let actual) = problem else { return error(of: problem, in: layout) }
    return .damagedBlob(
      archive: layout.volumes(of: problem).first?.path ?? layout.path, digest: digest,
      .mismatch(expected: digest, actual: actual))
  }

  /// What reading those of `blobs` shows that lie in volumes and are to be uploaded.
  private func readings(of blobs: [ImportBlob]) async throws -> [(CutBlob, BlobReading)] {
    let cut = blobs.compactMap { CutBlob($0) }
    guard !cut.isEmpty else { return [] }
    let wanted = try await executor.mapConcurrently(cut) { cut in
      try destination.holdsEverywhere(cut.blob) ? nil : cut
    }.compactMap(\.self)
    // In the order in which they lie, so that a disk reads straight on.
    let order = wanted.sorted { ($0.layout.path, $0.offset) < ($1.layout.path, $1.offset) }
    let size = order.map(\.blob.descriptor.size).saturatingSum()
    observer.note(.provingVolumes(size: size))
    observer.expect(bytes: size)
    let readings = try await executor.mapConcurrently(order) { cut in
      let meter = TransferMeter(cut.blob.descriptor, observer: observer)
      return try BlobReading.read(
        cut.blob.descriptor.digest, in: cut.layout, progress: meter.advance)
    }
    return Array(zip(order, readings))
  }
}
