import Digests
import Images
import Layouts

/// Volumes come from many places and are easily mixed up: they are proved before anything is pushed.
extension Import {
  /// Reads the blobs that are to be uploaded out of volumes. Returns those that are damaged; throws them all at once,
  /// with the volumes they lie in and the images that hurts, unless the others are to go on without these.
  func prove(_ blobs: [PreparedImport.Blob]) async throws -> [Digest: any Error] {
    let cut = blobs.compactMap { blob -> Place? in
      // What is left out, or sent in another form, does not lie there as it is sent.
      guard let layout = blob.layout, !layout.volumes.isEmpty,
        let extent = layout.blobs[blob.descriptor.digest]
      else { return nil }
      return Place(blob: blob, layout: layout, offset: extent.offset)
    }
    guard !cut.isEmpty else { return [:] }
    let wanted = try await executor.mapConcurrently(cut) { place in
      try place.blob.repositories.allSatisfy { try destination.holds(place.blob.descriptor, in: $0) }
        ? nil : place
    }.compactMap(\.self)
    // In the order in which they lie, so that a disk reads straight on.
    let order = wanted.sorted { ($0.layout.path, $0.offset) < ($1.layout.path, $1.offset) }
    let size = order.map(\.blob.descriptor.size).saturatingSum()
    settings.observer.note(.provingVolumes(size: size))
    settings.observer.expect(bytes: size)
    let readings = try await executor.mapConcurrently(order) { place in
      let meter = TransferMeter(place.blob.descriptor, observer: settings.observer)
      return try BlobReading.read(
        place.blob.descriptor.digest, in: place.layout, unpacks: false, progress: meter.advance)
    }
    var damaged: [Digest: any Error] = [:]
    var problems: [String: (layout: Layout, readings: [BlobReading])] = [:]
    for (place, reading) in zip(order, readings) {
      let layout = place.layout
      guard let problem = reading.problem else { continue }
      let volumes = layout.volumes(of: problem).map(\.path)
      damaged[reading.digest] = TransferError.imageNotWhole(
        archive: layout.path, problems: [problem], volumes: volumes)
      problems[layout.path, default: (layout, [])].readings.append(reading)
    }
    guard !settings.keepGoing, !request.allowsMissing, let (_, first) = problems.min(by: { $0.key < $1.key })
    else { return damaged }
    let findings = findings(in: first.layout, readings: first.readings)
    throw TransferError.notWhole(
      archive: first.layout.path, findings,
      way: leaveWhole(findings, of: first.layout) ? .keepGoing : nil)
  }
}

/// Where a blob lies in an archive that is cut.
private struct Place: Sendable {
  let blob: PreparedImport.Blob
  let layout: Layout
  /// In bytes.
  let offset: Int64
}
