public import Digests
public import Files
import Synchronization
import Tar

/// Writes some volumes of a planned archive again, while the others are elsewhere. Blobs that overlap them are
/// given whole, so that they can be proved; what lies outside is passed over.
public final class VolumeWriter: Sendable {
  public let plan: ArchivePlan
  public let place: ArchivePlace
  /// The volumes' numbers, in order.
  public let numbers: [Int]
  private let replacing: Bool
  private let files: [Int: DataFile]
  /// Held for its lock, and to say whose the unfinished volumes are: one is not resumed, it is soon written again.
  private let journal: ArchiveJournal
  private let state = Mutex(State())

  private struct State {
    var proven: Set<Digest> = []
    /// Those that an entry has.
    var open: Set<Digest> = []
  }

  /// Locks the set, sizes `<volume>.partial` of each volume, and writes all that is known of them. When `replacing`, whatever
  /// Ferry made gives way. Throws ``LayoutError/exists(path:)`` when a volume is there and not `replacing`, `foreign` when
  /// something is there that Ferry did not make, ``LayoutError/locked(path:pid:)`` when the set is being written, or was begun.
  public static func open(
    plan: ArchivePlan, place: ArchivePlace, numbers: [Int], replacing: Bool
  ) throws(LayoutError) -> VolumeWriter {
    let count = place.count(for: plan.totalSize)
    let numbers = Set(numbers).filter { (1...count).contains($0) }.sorted()
    let names = numbers.map { place.path(of: $0, of: count) }
    let journal = try ArchiveJournal.open(of: place.path, replacing: replacing)
    do throws(LayoutError) {
      if replacing {
        _ = try FormerArchive.files(at: place, for: plan, numbers: numbers)
      } else if let name = names.first(where: DataFile.exists) {
        throw .exists(path: name)
      }
      guard try journal.read() == nil else {
        throw .locked(path: UnfinishedArchive.partialPath(of: place.path), pid: nil)
      }
      try PartialArchive.check(
        place, of: plan, journal: journal.found, replacing: replacing, numbers: numbers)
      try journal.clear()
      try LayoutError.wrapping { () throws(FileError) in
        try journal.append(.rewriting(archive: plan.archiveDigest, volumes: numbers))
      }
    } catch {
      journal.removeIfNew()
      throw error
    }
    let writer = VolumeWriter(
      plan, place, numbers, replacing: replacing,
      try files(numbers, in: place, for: plan.totalSize, replacing: replacing, journal), journal)
    do throws(LayoutError) {
      try plan.forEachKnownPiece { piece throws(LayoutError) in
        try unsafe writer.put(piece.bytes.span.bytes, at: piece.offset)
      }
    } catch {
      writer.discard()
      throw error
    }
    return writer
  }

  private init(
    _ plan: ArchivePlan, _ place: ArchivePlace, _ numbers: [Int], replacing: Bool, _ files: [Int: DataFile],
    _ journal: ArchiveJournal
  ) {
    self.plan = plan
    self.place = place
    self.numbers = numbers
    self.replacing = replacing
    self.files = files
    self.journal = journal
  }

  /// The unfinished volumes with their space set aside; none when there is not enough for all.
  private static func files(
    _ numbers: [Int], in place: ArchivePlace, for totalSize: Int64, replacing: Bool,
    _ journal: ArchiveJournal
  ) throws(LayoutError) -> [Int: DataFile] {
    var files: [Int: DataFile] = [:]
    do throws(FileError) {
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

  /// The entry of a blob, which is given whole; `progress` hears how far it is. Throws ``LayoutError/notPlanned(_:)``,
  /// and ``LayoutError/outOfOrder(_:)`` while another entry has it.
  public func begin(
    _ digest: Digest, progress: @escaping (Int64) -> Void = { _ in }
  ) throws(LayoutError) -> BlobEntry {
    guard let blob = plan.blob(digest) else { throw .notPlanned(digest) }
    guard state.withLock({ $0.open.insert(digest).inserted }) else { throw .outOfOrder(digest) }
    return BlobEntry(
      blob, in: Extent(blob: blob, writer: self),
      behind: BlobVerifier(digest: digest, size: blob.size), progress: progress)
  }

  /// Those of a blob's bytes that lie in the volumes being written.
  private struct Extent: BlobExtentWriter {
    let blob: PlannedBlob
    let writer: VolumeWriter

    var isRewritable: Bool { true }
    /// Half a volume is of no use to a later run.
    var checkpointInterval: Int64? { nil }

    func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError) {
      try writer.put(bytes, at: blob.offset + offset)
    }

    func finish(after noted: Int64) {
      writer.state.withLock { state in
        state.proven.insert(blob.digest)
        state.open.remove(blob.digest)
      }
    }

    func checkpoint(at position: Int64, content: Digest, after noted: Int64) {}
    func forget() {}

    func suspend(at checkpoint: (position: Int64, content: Digest, after: Int64)?) {
      writer.state.withLock { _ = $0.open.remove(blob.digest) }
    }
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

  /// Gives the volumes their names when all is on the disk. Throws ``LayoutError/incomplete(_:)``, and what
  /// ``open(plan:place:numbers:replacing:)`` throws for names that were taken in the meantime.
  public func finish() throws(LayoutError) {
    let missing = state.withLock { state in blobs.map(\.digest).filter { !state.proven.contains($0) } }
    guard missing.isEmpty else { throw .incomplete(missing) }
    let count = place.count(for: plan.totalSize)
    try LayoutError.wrapping { () throws(FileError) in
      for file in files.values { try file.synchronize() }
    }
    let former = replacing ? try FormerArchive.files(at: place, for: plan, numbers: numbers) : []
    try LayoutError.wrapping { () throws(FileError) in
      for (number, file) in files.sorted(by: { $0.key < $1.key }) {
        let name = place.path(of: number, of: count)
        try file.publish(as: name, replacing: former.contains(name))
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
