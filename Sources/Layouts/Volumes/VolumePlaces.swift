public import Digests
import Images

/// In which volumes of an archive that is cut lies what is wrong with it. Of an archive in one file it knows nothing.
public struct VolumePlaces: Sendable {
  /// All that the archive should have, in order, and those that are there too much.
  public let volumes: [Volume]
  /// Whether Ferry wrote the archive, and can write any volume of it again.
  public let isWrittenByFerry: Bool
  /// Into ``volumes``, by their paths.
  private let numbers: [String: Int]
  private let blobs: [Digest: BlobExtent]
  /// Blobs of which something is not there.
  private let lost: [Digest: BlobExtent]
  /// The same in the order in which they lie.
  private let lostOrder: [(extent: BlobExtent, digest: Digest)]
  /// Where each entry lies, header and all, that is none of the blobs.
  private let entries: [String: Range<Int64>]

  /// Of an archive in one file.
  public init() { self.init([], blobs: [:], lost: [:], entries: [:], isWrittenByFerry: false) }

  init(
    _ volumes: [Volume], blobs: [Digest: BlobExtent], lost: [Digest: BlobExtent],
    entries: [String: Range<Int64>], isWrittenByFerry: Bool
  ) {
    self.volumes = volumes
    self.isWrittenByFerry = isWrittenByFerry
    self.blobs = blobs
    self.lost = lost
    self.entries = entries
    numbers = Dictionary(volumes.enumerated().map { ($1.path, $0) }) { first, _ in first }
    lostOrder = lost.map { ($0.value, $0.key) }.sorted { $0.extent.offset < $1.extent.offset }
  }

  /// The volumes in which what a problem speaks of lies; none when the archive is one file.
  public func volumes(of problem: LayoutProblem) -> [Volume] {
    guard !volumes.isEmpty else { return [] }
    switch problem {
    case .volumeMissing(let path), .volumeOfWrongSize(let path, _, _), .foreignVolume(let path, _),
      .surplusVolume(let path):
      return numbers[path].map { [volumes[$0]] } ?? []
    case .missing(let descriptor): return volumes(of: descriptor.digest).filter { $0.state != .present }
    case .wrongSize(let digest, _, _), .damaged(let digest, _), .notAManifest(let digest, _),
      .notAConfig(let digest, _),
      .unreferenced(let digest, _), .contentDiffers(let digest, _, _), .cannotUnpack(let digest),
      .configDisagrees(let digest):
      return volumes(of: digest)
    case .missingFile(let path), .damagedFile(let path, _, _), .malformedFile(let path, _),
      .disagreement(let path), .unannounced(let path), .surplus(let path), .duplicate(let path),
      .notAFile(let path), .strayLink(let path, _), .beneath(let path, _), .contradiction(let path, _),
      .unsafePath(let path),
      .notCanonical(let path, _):
      return place(ofEntry: path).map { volumes(in: $0) } ?? []
    case .rearranged(_, let offset), .truncated(_, let offset), .damagedHeader(let offset),
      .trailingBytes(let offset):
      return volumes(in: offset..<max(offset, offset.addingReportingOverflow(1).partialValue))
    case .unfitOmission, .notAnImage, .noEndMarker, .ambiguousName, .unreadableImage: return []
    }
  }

  /// The volumes in which a blob lies, or should.
  public func volumes(of digest: Digest) -> [Volume] {
    guard !volumes.isEmpty, let extent = blobs[digest] ?? lost[digest] else { return [] }
    return volumes(in: extent.range)
  }

  /// The blobs of which something should lie in `volume` and that are not whole.
  public func lost(in volume: Volume) -> [Digest] {
    lostOrder.overlapping(volume.range) { $0.extent.range }.map(\.digest)
  }

  private func volumes(in range: Range<Int64>) -> [Volume] {
    Array(volumes.overlapping(range, by: \.range))
  }

  private func place(ofEntry path: String) -> Range<Int64>? {
    if let place = entries[path] { return place }
    return BlobPath.digest(of: path).flatMap { blobs[$0] ?? lost[$0] }.map(\.rangeOfEntry)
  }
}

extension Array {
  /// Those whose ranges overlap `range`, of many that lie one behind the other.
  fileprivate func overlapping(_ range: Range<Int64>, by place: (Element) -> Range<Int64>) -> [Element] {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if place(self[middle]).upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return self[low...].prefix { place($0).lowerBound < range.upperBound }.filter {
      place($0).overlaps(range)
    }
  }
}
