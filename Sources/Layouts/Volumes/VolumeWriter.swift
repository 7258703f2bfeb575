public import Archives
public import Digests
import Synchronization

/// Writes some volumes of a planned archive again, while the others are elsewhere. Blobs that overlap them are
/// given whole, so that they can be proved; what lies outside is passed over.
public final class VolumeWriter: Sendable {
  public let plan: ArchivePlan
  public let place: ArchivePlace
  /// The volumes' numbers, in order.
  public let numbers: [Int]
  private let replacing: Bool
  private let files: [Int: DataFile]
  /// Held for its lock, and to say whose the unfinished volumes are: one is not gone on with, it is soon written again.
  private let journal: ArchiveJournal
  private let reaches = BlobReaches()
  private let proven = Mutex<Set<Digest>>([])

  /// Locks the set, sizes `<volume>.partial` of each volume, and writes all that is known of them. Throws
  /// ``LayoutError/exists(path:)`` when a volume is there and not `replacing`, ``LayoutError/locked(path:pid:)``
  /// when the set is being written, or was begun.
  public init(
    plan: ArchivePlan, place: ArchivePlace, numbers: [Int], replacing: Bool
  ) throws(LayoutError) {
    self.plan = plan
    self.place = place
    self.replacing = replacing
    let count = place.count(for: plan.totalSize)
    let numbers = Set(numbers).filter { (1...count).contains($0) }.sorted()
    self.numbers = numbers
    let names = numbers.map { place.path(of: $0, of: count) }
    let partials = numbers.map { place.partialPath(of: $0) }.filter(DataFile.exists)
    let journal = try ArchiveJournal(of: place.path, replacing: replacing)
    self.journal = journal
    do throws(LayoutError) {
      if !replacing, let name = names.first(where: DataFile.exists) { throw .exists(path: name) }
      guard try journal.read() == nil else {
        throw .locked(path: ArchiveWriter.partialPath(of: place.path), pid: nil)
      }
      if !replacing { try PartialArchive.check(partials, of: plan, journal: journal.found) }
      try journal.clear()
      try LayoutError.wrapping { () throws(ArchiveError) in
        try journal.append(.rewriting(archive: plan.archiveDigest, volumes: numbers))
      }
    } catch {
      journal.removeIfNew()
      throw error
    }
    files = try Self.files(numbers, in: place, for: plan.totalSize, replacing: replacing, journal)
    do throws(LayoutError) {
      try plan.forEachKnownPiece { piece throws(LayoutError) in
        try unsafe put(piece.bytes.span.bytes, at: piece.offset)
      }
    } catch {
      discard()
      throw error
    }
  }

  /// The unfinished volumes with their space set aside; none when there is not enough for all.
  private static func files(
    _ numbers: [Int], in place: ArchivePlace, for totalSize: Int64, replacing: Bool,
    _ journal: ArchiveJournal
  ) throws(LayoutError) -> [Int: DataFile] {
    var files: [Int: DataFile] = [:]
    do throws(ArchiveError) {
      for number in numbers {
        let file = try DataFile.create(place.partialPath(of: number), replacing: replacing)
        files[number] = file
        try file.truncate(to: 0)
        try file.reserve(place.size(of: number, for: totalSize))
      }
      return files
    } catch {
      for file in files.values { file.remove() }
      journal.remove()
      throw LayoutError(error)
    }
  }

  /// The blobs of which something lies in the volumes, in the archive's order.
  public var blobs: [PlannedBlob] {
    plan.blobs.filter { blob in
      numbers.contains { range(of: $0).overlaps(blob.offset..<blob.offset + blob.size) }
    }
  }

  private func range(of number: Int) -> Range<Int64> {
    let start = Int64(number - 1) * (place.volumeSize ?? 0)
    return start..<start + place.size(of: number, for: plan.totalSize)
  }

  /// Takes bytes of the blob `digest` at `offset` inside it.
  public func write(_ bytes: RawSpan, of digest: Digest, at offset: Int64) throws(LayoutError) {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    guard (0...extent.size).contains(offset), Int64(bytes.byteCount) <= extent.size - offset else {
      throw .outOfBounds(digest, offset: offset, count: bytes.byteCount, size: extent.size)
    }
    try put(bytes, at: extent.offset + offset)
    reaches.wrote(digest, at: offset, count: bytes.byteCount)
  }

  private func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError) {
    let all = offset..<offset + Int64(bytes.byteCount)
    for number in numbers {
      let volume = range(of: number)
      let part = all.clamped(to: volume)
      guard !part.isEmpty, let file = files[number] else { continue }
      let piece = bytes.extracting(
        Int(part.lowerBound - offset)..<Int(part.upperBound - offset))
      do { try file.write(piece, at: part.lowerBound - volume.lowerBound) } catch { throw LayoutError(error) }
    }
  }

  /// Notes that a blob was given whole and hashed. Throws ``LayoutError/notAsWritten(_:written:hashed:)`` when not all
  /// of it was given.
  public func complete(_ proof: Proof) throws(LayoutError) {
    guard let extent = plan.extent(of: proof.digest) else { throw .notPlanned(proof.digest) }
    guard extent.size == proof.size else {
      throw .conflictingSizes(proof.digest, min(extent.size, proof.size), max(extent.size, proof.size))
    }
    try reaches.check(proof.digest, hashed: proof.size)
    proven.withLock { _ = $0.insert(proof.digest) }
  }

  /// Gives the volumes their names when all is on the disk. Throws ``LayoutError/incomplete(_:)``.
  public func finish() throws(LayoutError) {
    let missing = proven.withLock { proven in blobs.map(\.digest).filter { !proven.contains($0) } }
    guard missing.isEmpty else { throw .incomplete(missing) }
    let count = place.count(for: plan.totalSize)
    try LayoutError.wrapping { () throws(ArchiveError) in
      for file in files.values { try file.synchronize() }
      for (number, file) in files.sorted(by: { $0.key < $1.key }) {
        try file.publish(as: place.path(of: number, of: count), replacing: replacing)
      }
    }
    journal.remove()
  }

  /// Removes what was not finished.
  public func discard() {
    for file in files.values { file.remove() }
    journal.remove()
  }
}
