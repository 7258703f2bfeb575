import Archives
public import Digests
import Images

extension Layout {
  /// Opens an archive that may be cut into volumes. Throws ``LayoutError/volumeNeeded(path:archive:)`` when
  /// without one of them it cannot be told what the archive holds.
  public static func open(_ input: ArchiveInput) throws(LayoutError) -> Layout {
    guard !input.volumes.isEmpty else {
      try UnfinishedArchive.refuse(input.path)
      return try open(input.path)
    }
    guard input.volumes[1] != nil else {
      // What ends in digits need not be a volume.
      if input.volumes.count == 1, let only = input.volumes.values.first, let layout = try? open(only.path) {
        return layout
      }
      throw .volumeNeeded(path: try VolumeSet(input).volumes[0].path, archive: input.path)
    }
    var set = try VolumeSet(input)
    do {
      // With the plan it is known how many volumes there must be, and with those what each must hold.
      while true {
        var reading = try LayoutReading(LayoutSource(tar: set.content()))
        try reading.examine()
        guard let better = try set.corrected(by: reading) else {
          try reading.expectImages()
          return Layout(reading, set: set)
        }
        set = better
      }
    } catch {
      throw error.naming(set)
    }
  }

  /// The volumes in which what a problem speaks of lies; none when the archive is one file.
  public func volumes(of problem: LayoutProblem) -> [Volume] {
    switch problem {
    case .volumeMissing(let path), .volumeOfWrongSize(let path, _, _), .foreignVolume(let path, _),
      .surplusVolume(let path):
      volumes.filter { $0.path == path }
    case .missing(let descriptor): volumes(of: descriptor.digest).filter { $0.state != .present }
    case .wrongSize(let digest, _, _), .damaged(let digest, _), .notAManifest(let digest, _),
      .notAConfig(let digest, _),
      .unreferenced(let digest, _), .contentDiffers(let digest, _, _), .cannotUnpack(let digest),
      .configDisagrees(let digest):
      volumes(of: digest)
    case .missingFile(let path), .damagedFile(let path, _, _), .malformedFile(let path, _),
      .disagreement(let path), .unannounced(let path), .surplus(let path), .duplicate(let path),
      .notAFile(let path), .beneath(let path, _), .contradiction(let path, _), .unsafePath(let path),
      .notCanonical(let path, _):
      places[path].map { volumes(in: $0) } ?? []
    case .rearranged(_, let offset), .truncated(_, let offset), .damagedHeader(let offset),
      .trailingBytes(let offset):
      volumes(in: offset..<max(offset, offset.addingReportingOverflow(1).partialValue))
    case .unfitOmission, .notAnImage, .noEndMarker, .ambiguousName: []
    }
  }

  /// The volumes in which a blob lies, or should.
  public func volumes(of digest: Digest) -> [Volume] {
    guard let extent = blobs[digest] ?? lost[digest] else { return [] }
    return volumes(in: extent.range)
  }

  /// The blobs of which something should lie in `volume` and that are not whole.
  public func lost(in volume: Volume) -> [Digest] {
    lost.filter { $0.value.range.overlaps(volume.range) }.map(\.key)
  }

  private func volumes(in range: Range<Int64>) -> [Volume] {
    volumes.filter { $0.range.overlaps(range) }
  }
}

extension VolumeSet {
  /// The set as it is after what `reading` showed; nil when that was nothing new.
  fileprivate func corrected(by reading: LayoutReading) throws(LayoutError) -> VolumeSet? {
    guard let plan = reading.plan, canHold(plan.totalSize) else { return nil }
    var set = self
    guard totalSize != nil else {
      let isWhole = reading.tar.fileSize == plan.totalSize && reading.problems.isEmpty
      set.totalSize = plan.totalSize
      return isWhole ? nil : set
    }
    guard foreign.isEmpty, !reading.problems.isEmpty else { return nil }
    set.foreign = try VolumeCheck(plan: plan, set: self).foreign()
    return set == self ? nil : set
  }
}

extension LayoutError {
  /// The same error; where bytes were wanted that are not there, with the volume they are in.
  fileprivate func naming(_ set: VolumeSet) -> LayoutError {
    switch self {
    case .archive(.absent(let path)): .volumeNeeded(path: path, archive: set.path)
    case .unreachable(_, let offset):
      .volumeNeeded(
        path: set.volumes.first { $0.range.upperBound > offset && $0.state != .present }?.path ?? set.path,
        archive: set.path)
    case .notAnArchive, .notALayout: .wrongFirstVolume(path: set.volumes.first?.path ?? set.path)
    case .damagedHeader(_, let offset):
      .damagedHeader(path: set.volumes.first { $0.range.contains(offset) }?.path ?? set.path, at: offset)
    default: self
    }
  }
}

extension BlobExtent {
  var range: Range<Int64> { offset..<max(offset, offset.addingReportingOverflow(size).partialValue) }
}
