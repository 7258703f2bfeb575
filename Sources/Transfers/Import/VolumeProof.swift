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

  /// Reads the blobs that are to be uploaded out of volumes. Returns those that are damaged; throws them all at once,
  /// with the volumes they lie in and the images that hurts, unless the others are to be pushed without these.
  func prove(_ blobs: [ImportBlob]) async throws -> [Digest: any Error] {
    let cut = blobs.compactMap { CutBlob($0) }
    guard !cut.isEmpty else { return [:] }
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
    var damaged: [Digest: any Error] = [:]
    var problems: [String: (layout: Layout, readings: [BlobReading])] = [:]
    for (cut, reading) in zip(order, readings) {
      let layout = cut.layout
      guard let problem = reading.problem else { continue }
      let volumes = layout.volumes(of: problem).map(\.path)
      damaged[reading.digest] = TransferError.imageNotWhole(
        archive: layout.path, problems: [problem], volumes: volumes)
      problems[layout.path, default: (layout, [])].readings.append(reading)
    }
    guard stopsAtDamage, let (_, first) = problems.min(by: { $0.key < $1.key }) else { return damaged }
    let damage = ArchiveDamage(of: first.layout)
    let findings = try await executor.run { try damage.findings(readings: first.readings) }
    throw TransferError.incompleteArchive(
      archive: first.layout.path, findings, way: damage.sparesImages(findings) ? .keepGoing : nil)
  }
}
