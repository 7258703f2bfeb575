import Archives
import Digests
import Images
import Layouts

/// Archives that are cut into volumes.
extension Export {
  /// What keeps a plan from being cut as asked; nil when nothing does.
  func problem(cutting plan: ArchivePlan, to path: String) -> TransferError? {
    guard let volumeSize = request.volumeSize else { return nil }
    let count = ArchivePlace(path, volumeSize: volumeSize).count(for: plan.totalSize)
    guard count <= VolumeName.most else {
      return .tooManyVolumes(path: path, count: count, limit: VolumeName.most)
    }
    guard let number = request.onlyVolumes.first(where: { $0 > count }) else { return nil }
    return .noSuchVolume(path: path, number: number, count: count)
  }

  /// What to say of something at `place` that is not this archive.
  func obstacle(at place: ArchivePlace, for plan: ArchivePlan) -> TransferError {
    if let lacking = lacking(at: place, of: plan) { return lacking }
    let outputExists = TransferError.outputExists(path: place.existing.first ?? place.path)
    let sizes = Dictionary(
      zip(place.paths(for: plan.totalSize), place.sizes(for: plan.totalSize)), uniquingKeysWith: max)
    guard place.volumeSize != nil, let input = try? ArchiveInput(writtenTo: place),
      input.files.count < sizes.count,
      input.files.allSatisfy({ sizes[$0] == (try? DataFile.open(reading: $0).size()) })
    else { return outputExists }
    // Without the first one it cannot be told, and sizes must do.
    if let layout = try? Layout.open(input), layout.archiveDigest != plan.archiveDigest {
      return outputExists
    }
    let missing = Set(sizes.keys).subtracting(input.files).sorted()
    return .incompleteOutput(path: place.path, missing: missing)
  }

  /// That what is there is this archive without some images, which an earlier run could not get.
  private func lacking(at place: ArchivePlace, of plan: ArchivePlan) -> TransferError? {
    guard let input = try? ArchiveInput(writtenTo: place), let layout = try? Layout.open(input),
      layout.problems.isEmpty, !layout.lacking.isEmpty
    else { return nil }
    let wanted = Set(plan.images.map(\.name))
    let images = layout.lacking.map(\.image).filter(wanted.contains)
    guard !images.isEmpty, wanted.isSuperset(of: layout.images.map(\.name)) else { return nil }
    return .outputLacks(path: place.path, images: images)
  }

  /// What keeps single volumes of `plan` from being written beside what is there: volumes that would be
  /// overwritten, a set of another archive, a set that is being written. Throws nothing: it is looked at again
  /// when they are written.
  func blockers(rewriting plan: ArchivePlan, in place: ArchivePlace) -> [any Error] {
    if ArchiveWriter.unfinished(place.path) != nil {
      return [TransferError.unfinishedSet(path: place.path)]
    }
    let names = place.paths(for: plan.totalSize)
    var blockers: [any Error] = []
    if !request.replacesExisting {
      blockers += request.onlyVolumes.compactMap { number in
        guard names.indices.contains(number - 1), DataFile.exists(names[number - 1]) else { return nil }
        return LayoutError.exists(path: names[number - 1])
      }
    }
    for (number, path) in ArchivePlace.volumes(of: place.path) where !request.onlyVolumes.contains(number) {
      let size = place.size(of: number, for: plan.totalSize)
      guard let actual = try? DataFile.open(reading: path).size(), actual != size else { continue }
      blockers.append(TransferError.otherVolumes(path: path, expected: size, actual: actual))
      return blockers
    }
    // Volume 1 says of which archive the others are.
    guard !request.onlyVolumes.contains(1), let first = names.first, DataFile.exists(first) else {
      return blockers
    }
    do {
      let digest = try Layout.open(try ArchiveInput(writtenTo: place)).archiveDigest
      if digest != plan.archiveDigest {
        blockers.append(
          TransferError.otherArchive(path: first, expected: digest, actual: plan.archiveDigest))
      }
    } catch {
      blockers.append(error)
    }
    return blockers
  }

  /// Writes the volumes asked for, and nothing else of the archive.
  func rewrite(_ archive: PreparedExport.Archive, from sources: BlobSources) async throws {
    guard let place = archive.place else { return }
    try await checkConfigs(
      of: sources.images, in: archive.plan, continuing: nil, from: sources, failed: nil)
    let writer = try await executor.run {
      try VolumeWriter(
        plan: archive.plan, place: place, numbers: request.onlyVolumes,
        replacing: request.replacesExisting)
    }
    do {
      try await executor.forEachConcurrently(writer.blobs.sorted { $0.size > $1.size }) { blob in
        let meter = TransferMeter(blob.descriptor, observer: settings.observer)
        var entry = try writer.begin(blob.digest, progress: meter.advance)
        do {
          try sources.pull(blob.descriptor, registries: registries, into: &entry)
        } catch {
          throw sources.failure(of: blob.digest, error, othersCanGo: false)
        }
        try entry.finish()
      }
      try await executor.run { try writer.finish() }
    } catch {
      // Half a volume is of no use.
      writer.discard()
      throw error
    }
    let names = place.paths(for: archive.plan.totalSize)
    for number in writer.numbers {
      settings.observer.note(
        .archiveWritten(
          path: names[number - 1], digest: archive.plan.archiveDigest,
          size: place.size(of: number, for: archive.plan.totalSize)))
    }
  }
}

extension PreparedExport.Archive {
  /// Where it goes; nil: standard output.
  var place: ArchivePlace? { path.map { ArchivePlace($0, volumeSize: volumeSize) } }

  /// One volume that an archive is cut into.
  public struct Volume: Hashable, Sendable {
    public let number: Int
    public let path: String
    /// In bytes.
    public let size: Int64
  }

  /// The volumes it is cut into, in order; none when it is one file.
  public var volumes: [Volume] {
    guard volumeSize != nil, let place else { return [] }
    return place.paths(for: plan.totalSize).enumerated().map { index, path in
      Volume(number: index + 1, path: path, size: place.size(of: index + 1, for: plan.totalSize))
    }
  }

  /// What is written of it, in bytes.
  public var writtenSize: Int64 {
    guard !onlyVolumes.isEmpty else { return plan.totalSize }
    return volumes.filter { onlyVolumes.contains($0.number) }.map(\.size).saturatingSum()
  }

  /// What a line calls it: the file, or the first volume and the last.
  public var title: String? {
    let names = volumes.map(\.path)
    guard let first = names.first, let last = names.last else { return path }
    return first == last ? first : "\(first) to \(last)"
  }
}
