import Files
import Tar

/// One volume of an archive that was cut, as it was found.
public struct Volume: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    case present
    case missing
    /// It has another size than it should.
    case wrongSize(actual: Int64)
    /// It holds something else: what another volume should, where that is known.
    case foreign(holds: Int?)
    /// The archive ends before it.
    case surplus
  }

  /// From 1 on.
  public let number: Int
  /// Where it is, or where it was looked for.
  public let path: String
  /// Where it begins in the archive, in bytes.
  public let offset: Int64
  /// What it should have, in bytes.
  public let size: Int64
  public let state: State

  /// Whether there is a file for it.
  var isThere: Bool {
    switch state {
    case .missing: false
    case .present, .wrongSize, .foreign, .surplus: true
    }
  }

  var range: Range<Int64> { offset..<offset + size }

  /// What is wrong with it as a whole.
  public var problem: LayoutProblem? {
    switch state {
    case .present: nil
    case .missing: .volumeMissing(path: path)
    case .wrongSize(let actual): .volumeOfWrongSize(path: path, expected: size, actual: actual)
    case .foreign(let other): .foreignVolume(path: path, holds: other)
    case .surplus: .surplusVolume(path: path)
    }
  }
}

/// The volumes of an archive, as far as they were found, laid end to end.
///
/// How large a volume is and how many there are stands nowhere: the first is what most of them have, the second
/// is known with the plan. What another tool cut may be of any sizes, if it is whole end to end (``wholePieces(_:)``).
struct VolumeSet: Hashable, Sendable {
  let path: String
  let found: [Int: ArchiveInput.FoundVolume]
  /// Of every volume but the last, in bytes.
  let volumeSize: Int64
  /// The whole archive's, in bytes, when it is known.
  var totalSize: Int64?
  /// Volumes that hold something else, and which volume's bytes they hold.
  var foreign: [Int: Int?] = [:]
  /// Whether each of them is as large as it should be, whatever size that is.
  private var isAsFound = false
  /// The most bytes behind the end of what another tool cut: tools fill up a record with zeros.
  private static let mostBehindEnd: Int64 = 64 << 20

  /// Throws ``LayoutError/notAnArchive(path:)`` when all volumes are empty.
  init(_ input: ArchiveInput) throws(LayoutError) {
    let isCalledAfterVolume = input.volumes.values.contains { $0.path == input.path }
    path = isCalledAfterVolume ? VolumeName(input.path)?.base ?? input.path : input.path
    found = input.volumes
    var frequency: [Int64: Int] = [:]
    for volume in found.values { frequency[volume.size, default: 0] += 1 }
    // The last one is smaller, and so is one that was cut: of two that are as frequent it is the larger.
    let usual = frequency.max { ($0.value, $0.key) < ($1.value, $1.key) }
    guard let usual, (1...VolumeName.largestSize).contains(usual.key) else { throw .notAnArchive(path: path) }
    volumeSize = usual.key
  }

  /// The volumes that were `found` at a place, as those of an archive in volumes of `volumeSize` bytes.
  init(_ path: String, _ found: [Int: ArchiveInput.FoundVolume], volumeSize: Int64, totalSize: Int64? = nil) {
    self.path = path
    self.found = found
    self.volumeSize = volumeSize
    self.totalSize = totalSize
  }

  /// The number of the last volume that is there.
  private var highest: Int { found.keys.max() ?? 1 }

  /// How many volumes the archive has; as many as are there when that is not known.
  private var count: Int {
    totalSize.map { ArchivePlace(path, volumeSize: volumeSize).count(for: $0) } ?? highest
  }

  /// Whether an archive of `totalSize` bytes can be told in volumes of this size.
  func canHold(_ totalSize: Int64) -> Bool {
    ArchivePlace(path, volumeSize: volumeSize).count(for: totalSize) <= VolumeName.most
  }

  private func size(of number: Int) -> Int64 {
    if let totalSize { return ArchivePlace(path, volumeSize: volumeSize).size(of: number, for: totalSize) }
    return number < highest ? volumeSize : min(volumeSize, found[number]?.size ?? volumeSize)
  }

  /// Those the archive has, in order, and those it has not.
  var volumes: [Volume] {
    if isAsFound {
      var end: Int64 = 0
      return found.sorted { $0.key < $1.key }.map { number, volume in
        defer { end = end.addingReportingOverflow(volume.size).partialValue }
        return Volume(number: number, path: volume.path, offset: end, size: volume.size, state: .present)
      }
    }
    let count = count
    let digits = found.values.compactMap { VolumeName($0.path)?.digits }.max() ?? 3
    let own = (1...count).map { number in
      let size = size(of: number)
      return Volume(
        number: number, path: found[number]?.path ?? VolumeName.text(path, number, digits: digits),
        offset: Int64(number - 1) * volumeSize, size: size, state: state(of: number, size: size))
    }
    let surplus = found.filter { $0.key > count }.sorted { $0.key < $1.key }.map { number, volume in
      Volume(
        number: number, path: volume.path, offset: Int64(number - 1) * volumeSize,
        size: min(volumeSize, volume.size), state: .surplus)
    }
    return own + surplus
  }

  private func state(of number: Int, size: Int64) -> Volume.State {
    guard let volume = found[number] else { return .missing }
    if let holds = foreign[number] { return .foreign(holds: holds) }
    return volume.size == size ? .present : .wrongSize(actual: volume.size)
  }

  /// The archive, with a gap wherever something is not there or not to be trusted.
  func content() throws(LayoutError) -> JoinedContent {
    var parts: [JoinedContent.Part] = []
    for volume in volumes {
      switch volume.state {
      case .present: parts.append(.file(path: volume.path, size: volume.size))
      case .missing, .foreign: parts.append(.missing(path: volume.path, size: volume.size))
      case .wrongSize(let actual):
        parts.append(.file(path: volume.path, size: min(actual, volume.size)))
        parts.append(.missing(path: volume.path, size: max(0, volume.size - actual)))
      case .surplus: break
      }
    }
    let joined = parts
    return try LayoutError.wrapping { () throws(FileError) in try JoinedContent(joined, path: path) }
  }

  /// The same volumes where they are not of one size and yet whole end to end, and what that showed: the tar comes to its end there,
  /// and nothing is wrong with one of Ferry's. nil for any others.
  func wholePieces(_ memoryLimit: Int64) throws(LayoutError) -> (LayoutCheck, VolumeSet)? {
    guard found.count == highest, volumes.contains(where: { $0.state != .present }) else { return nil }
    var pieces = self
    pieces.isAsFound = true
    do throws(LayoutError) {
      let front = try LayoutFront.read(LayoutSource.open(tar: pieces.content(), memoryLimit: memoryLimit))
      // What stands behind the end is read through, and a sparse file may have any number of zeros there.
      guard case .marker(let end) = front.tar.end, front.tar.fileSize - end <= Self.mostBehindEnd else {
        return nil
      }
      let check = try LayoutCheck.examine(front)
      guard check.problems.isEmpty || !check.front.isWrittenByFerry,
        check.plan.map({ $0.totalSize == check.front.tar.fileSize }) ?? true
      else { return nil }
      try check.expectImages()
      return (check, pieces)
    } catch {
      if error == .cancelled { throw error }
      return nil
    }
  }

  /// The set as it is after what `check` showed; nil when that was nothing new.
  func corrected(by check: LayoutCheck) throws(LayoutError) -> VolumeSet? {
    guard let plan = check.plan, canHold(plan.totalSize) else { return nil }
    var set = self
    guard totalSize != nil else {
      let isWhole = check.front.tar.fileSize == plan.totalSize && check.problems.isEmpty
      set.totalSize = plan.totalSize
      return isWhole ? nil : set
    }
    guard foreign.isEmpty, !check.problems.isEmpty else { return nil }
    set.foreign = try VolumeCheck(plan: plan, set: self).foreign()
    return set == self ? nil : set
  }
}

extension VolumeSet {
  /// What to say where a compressed file was cut; nil where the first volume begins no such file.
  fileprivate var compressed: LayoutError? {
    guard let first = volumes.first?.path, let file = try? DataFile.open(reading: first),
      let start = try? BlobExtent(offset: 0, size: Int64(Compression.magicSize)).bytes(in: file)
    else { return nil }
    let compression = Compression(magic: start)
    return compression == .none ? nil : .compressedVolumes(path: path, first: first, compression)
  }

  /// What to say of pieces that are numbered from zero on, where the one that has the number of the first volume is there and too
  /// small to tell anything; nil for volumes.
  fileprivate var tinyPieces: LayoutError? {
    guard let first = found[1], first.size < TarHeader.blockSize else { return nil }
    return CutFile.error(ofVolumesFrom: first.path)
  }
}

extension LayoutError {
  /// The same error; where bytes were wanted that are not there, with the volume they are in.
  func naming(_ set: VolumeSet) -> LayoutError {
    switch self {
    case .archive(.absent(let path)): set.tinyPieces ?? .volumeNeeded(path: path, archive: set.path)
    case .unreachable(_, let offset):
      set.tinyPieces
        ?? .volumeNeeded(
          path: set.volumes.first { $0.range.upperBound > offset && $0.state != .present }?.path ?? set.path,
          archive: set.path)
    case .notAnArchive, .notALayout:
      set.compressed ?? set.volumes.first.flatMap { CutFile.error(ofVolumesFrom: $0.path) }
        ?? .wrongFirstVolume(path: set.volumes.first?.path ?? set.path)
    case .damagedHeader(_, let offset):
      .damagedHeader(path: set.volumes.first { $0.range.contains(offset) }?.path ?? set.path, at: offset)
    default: self
    }
  }
}
