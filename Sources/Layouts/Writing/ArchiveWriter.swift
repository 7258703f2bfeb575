public import Digests
public import Files
import Images
import Synchronization
import Tar

/// Writes a planned archive to a file or to volumes, its blobs in any order and from any number of threads.
///
/// All goes to `<path>.partial`, or `<path>.001.partial` and so on; only ``finish()`` gives it its name, when there
/// is a proof for every blob. A writer that goes away before leaves that, and beside it a journal by which a later
/// one can resume (``Earlier/kept``). Whoever has the journal locked writes the archive.
public final class ArchiveWriter: Sendable {
  public let plan: ArchivePlan
  /// The final name, or those of its volumes.
  public let place: ArchivePlace
  /// What an earlier run left, as far as it is of use. Whether it is right, ``begin(_:progress:)`` shows.
  public let continuation: ArchiveContinuation?
  private let replacing: Bool
  private let files: ArchiveFiles
  private let journal: ArchiveJournal
  /// Brings what the journal says to the disk while the transfers run.
  private let commit: GroupCommit
  /// Hashes the file as it grows; nil when nobody asked.
  private let checksum: RunningChecksum?
  private let state = Mutex(State())

  private struct State {
    var proven: Set<Digest> = []
    /// Those that an entry has.
    var open: Set<Digest> = []
    var isFinished = false
  }

  /// What to do with a `.partial` that an earlier run left.
  public enum Earlier: Sendable {
    /// Its bytes go.
    case discarded
    /// Its bytes stay as far as its journal speaks of them and they are still wanted; they are moved to where
    /// this archive has them. Without a journal that can be read they go.
    case kept
  }

  /// How much of a blob is written at most before it is noted, in bytes: what a kill costs. A power cut may also take
  /// what is noted and not yet on the disk, ``GroupCommit/allowance``.
  private static let noteInterval: Int64 = 7 << 20
  /// How much of a blob is written before the disk is asked to begin with it, in bytes.
  private static let writebackSize: Int64 = 8 << 20

  /// Throws what ``open(plan:to:replacing:earlier:checksums:)`` would throw for what is there now; changes nothing.
  public static func check(
    _ place: ArchivePlace, for plan: ArchivePlan, replacing: Bool
  ) throws(LayoutError) {
    let journal = try LayoutError.wrapping { () throws(FileError) in
      try ArchiveJournal.check(of: place.path, replacing: replacing)
    }
    try PartialArchive.check(place, of: plan, journal: journal, replacing: replacing)
  }

  /// Throws when a final name is taken that must stay. One that a killed run gave is taken back later.
  private static func checkNames(_ place: ArchivePlace, replacing: Bool) throws(LayoutError) {
    guard !replacing, let taken = place.existing.first else { return }
    guard let state = ArchiveJournal.state(of: place.path), state.publishing != nil,
      state.volumeSize == place.volumeSize
    else { throw .exists(path: taken) }
  }

  /// Locks the archive, sizes its unfinished files, sets their space aside and writes all that is known. When `replacing`,
  /// whatever Ferry made gives way. Throws ``LayoutError/exists(path:)`` when `path` is taken and not `replacing`,
  /// ``LayoutError/locked(path:pid:)`` and ``LayoutError/archive(_:)``, among those `noSpace` with the whole archive's size, and
  /// `foreign` when something is there that Ferry did not make, and ``LayoutError/cancelled`` while bytes of an earlier run are
  /// being moved. With `checksums` it hashes the files as they grow.
  public static func open(
    plan: ArchivePlan, to place: ArchivePlace, replacing: Bool, earlier: Earlier = .discarded,
    checksums: Bool = false
  ) throws(LayoutError) -> ArchiveWriter {
    try checkNames(place, replacing: replacing)
    let journal = try ArchiveJournal.open(of: place.path, replacing: replacing)
    let files: ArchiveFiles
    do throws(LayoutError) {
      // Who had it locked until now may have given the archive its name.
      try checkNames(place, replacing: replacing)
      if replacing { _ = try FormerArchive.files(at: place, for: plan) }
      try PartialArchive.check(place, of: plan, journal: journal.found, replacing: replacing)
      files = try LayoutError.wrapping { () throws(FileError) in
        try ArchiveFiles(place, replacing: replacing)
      }
    } catch {
      journal.removeIfNew()
      throw error
    }
    var continuation: ArchiveContinuation?
    do {
      let preparation = PartialArchive(plan: plan, files: files, journal: journal)
      continuation = try preparation.prepare(earlier)
    } catch {
      // An empty shell helps nobody; bytes that somebody may continue with do.
      if case .discarded = earlier {
        files.remove()
        journal.remove()
      }
      throw error
    }
    return ArchiveWriter(
      plan, place, replacing: replacing, files, journal, GroupCommit(files, journal), continuation,
      checksum: checksums ? RunningChecksum(plan, of: files, fileSize: place.volumeSize) : nil)
  }

  /// Resumes with another plan what `writer`, which must not be used any more, has written so far.
  public static func open(
    continuing writer: ArchiveWriter, as plan: ArchivePlan
  ) throws(LayoutError) -> ArchiveWriter {
    // Its sync must not take this one's writes for its own.
    try LayoutError.wrapping { () throws(FileError) in try writer.commit.drain() }
    let preparation = PartialArchive(plan: plan, files: writer.files, journal: writer.journal)
    return ArchiveWriter(
      plan, writer.place, replacing: writer.replacing, writer.files, writer.journal, writer.commit,
      try preparation.prepare(.kept),
      checksum: writer.checksum == nil
        ? nil : RunningChecksum(plan, of: writer.files, fileSize: writer.place.volumeSize))
  }

  private init(
    _ plan: ArchivePlan, _ place: ArchivePlace, replacing: Bool, _ files: ArchiveFiles,
    _ journal: ArchiveJournal, _ commit: GroupCommit, _ continuation: ArchiveContinuation?,
    checksum: RunningChecksum?
  ) {
    self.plan = plan
    self.place = place
    self.replacing = replacing
    self.files = files
    self.journal = journal
    self.commit = commit
    self.continuation = continuation
    self.checksum = checksum
  }

  /// The entry of a blob, which resumes behind what an earlier run left at its place: that is hashed here, up to the
  /// last checkpoint that agrees, and `progress` hears how far it is, as it does of all that comes. Blocks. Throws
  /// ``LayoutError``: `notPlanned`, `outOfOrder` while another entry has the blob, `finished`, and `cancelled`.
  public func begin(
    _ digest: Digest, progress: @escaping (Int64) -> Void = { _ in }
  ) throws(LayoutError) -> BlobEntry {
    guard let blob = plan.blob(digest) else { throw .notPlanned(digest) }
    try state.withLock { state throws(LayoutError) in
      guard !state.isFinished else { throw .finished(path: place.path) }
      guard state.open.insert(digest).inserted else { throw .outOfOrder(digest) }
    }
    let extent = Extent(blob: blob, writer: self)
    do {
      let left = BlobRecovery(blob: blob, claim: continuation?.claims[digest], file: files)
      return BlobEntry(blob, in: extent, behind: try left.hash(progress), progress: progress)
    } catch {
      extent.close()
      throw error
    }
  }

  /// One blob's place in the archive's files, and what the journal says of it.
  private struct Extent: BlobExtentWriter {
    let blob: PlannedBlob
    let writer: ArchiveWriter

    var isRewritable: Bool { true }
    var checkpointInterval: Int64? { ArchiveWriter.noteInterval }

    func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError) {
      do { try writer.files.write(bytes, at: blob.offset + offset) } catch { throw writer.failure(error) }
      // Each time a step is passed the one before it goes to the disk.
      let end = offset + Int64(bytes.byteCount)
      let step = ArchiveWriter.writebackSize
      let passed = end / step * step
      if passed > offset || end == blob.size {
        let start = offset / step * step
        writer.files.startWriteback(offset: blob.offset + start, count: end - start)
      }
      writer.checksum?.wrote(from: blob.offset + offset, to: blob.offset + end)
    }

    func checkpoint(at position: Int64, content: Digest, after noted: Int64) throws(LayoutError) {
      note(position, content)
      try settle(position - noted, isWhole: false)
    }

    func forget() {
      writer.journal.note(.forgotten(blob.digest))
      writer.commit.left(blob.digest)
    }

    func finish(after noted: Int64) throws(LayoutError) {
      writer.state.withLock { _ = $0.proven.insert(blob.digest) }
      writer.checksum?.proved(blob.digest)
      note(blob.size, blob.digest)
      try settle(blob.size - noted, isWhole: true)
      close()
    }

    func suspend(at checkpoint: (position: Int64, content: Digest, after: Int64)?) {
      if let (position, content, noted) = checkpoint {
        note(position, content)
        writer.commit.left(blob.digest, after: position - noted)
      } else {
        writer.commit.left(blob.digest)
      }
      close()
    }

    func close() {
      writer.state.withLock { _ = $0.open.remove(blob.digest) }
    }

    private func note(_ have: Int64, _ content: Digest) {
      let claim = JournalClaim(
        blob: blob.digest, size: blob.size, offset: blob.offset, have: have, content: content)
      if let claim { writer.journal.note(.progress(claim)) }
    }

    private func settle(_ count: Int64, isWhole: Bool) throws(LayoutError) {
      do { try writer.commit.noted(count, of: blob.digest, isWhole: isWhole) } catch {
        throw writer.failure(error)
      }
    }
  }

  /// Waits until everything is on the disk and gives the archive its name. Throws what the disk did not take at
  /// any time, ``LayoutError/incomplete(_:)`` when a blob has no proof, and ``LayoutError/exists(path:)`` when the name
  /// was taken in the meantime and is not to be replaced, or `foreign` when it is and Ferry did not make what is there.
  public func finish() throws(LayoutError) {
    let (missing, wasFinished) = state.withLock { state in
      let missing = plan.blobs.map(\.digest).filter { !state.proven.contains($0) }
      let wasFinished = state.isFinished
      if missing.isEmpty { state.isFinished = true }
      return (missing, wasFinished)
    }
    guard missing.isEmpty else { throw .incomplete(missing) }
    guard !wasFinished else { throw .finished(path: place.path) }
    do throws(LayoutError) {
      try working { () throws(FileError) in
        try commit.drain()
        do throws(FileError) { try files.synchronize(plan.totalSize) } catch {
          commit.failed(error)
          throw error
        }
      }
      // Looked at once more: an export takes hours.
      let former = replacing ? try FormerArchive.files(at: place, for: plan) : []
      try working { () throws(FileError) in
        let count = place.count(for: plan.totalSize)
        if count > 1 { try journal.announce(publishing: count) }
        try files.publish(plan.totalSize, replacing: former)
      }
    } catch {
      state.withLock { $0.isFinished = false }
      throw error
    }
    journal.remove()
  }

  private func working(_ work: () throws(FileError) -> Void) throws(LayoutError) {
    do { try work() } catch { throw failure(error) }
  }

  /// The sha256 of each of the archive's files, once all blobs are proved; nil when the writer was not made with
  /// `checksums`. Throws what reading throws.
  public func checksums() throws -> [Digest]? { try checksum?.finish() }

  /// What lies at a blob's place now, proved or not. Throws ``LayoutError/notPlanned(_:)``, `oversized` for more than
  /// `limit` bytes, and `archive`.
  public func bytes(of digest: Digest, limit: Int) throws(LayoutError) -> [UInt8] {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    guard extent.size <= Int64(limit) else {
      throw .oversized(
        path: place.path, entry: BlobPath.path(of: digest), size: extent.size, limit: Int64(limit))
    }
    return try extent.bytes(in: files)
  }

  /// Fills `buffer` with what lies at a blob's place now, proved or not, from `offset` in the blob on: with less than it holds at
  /// the blob's end, where it returns 0. Throws ``LayoutError/notPlanned(_:)`` and `archive`.
  public func read(
    _ digest: Digest, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(LayoutError) -> Int {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    let count = Int(min(Int64(buffer.count), max(0, extent.size - offset)))
    guard count > 0 else { return 0 }
    return try LayoutError.wrapping { () throws(FileError) in
      try unsafe files.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: extent.offset + offset)
    }
  }

  /// Removes the unfinished files, of which nothing is worth keeping. The writer must not be used any more.
  public func discard() {
    files.remove()
    journal.remove()
  }

  /// A full disk is told with what is still to be written: the space set aside for it is no help where the
  /// disk fills up all the same.
  private func failure(_ error: FileError) -> LayoutError {
    guard case .noSpace(let partial, nil, let available, let code) = error else { return LayoutError(error) }
    let proven = state.withLock { $0.proven }
    let needed = plan.blobs.filter { !proven.contains($0.digest) }.map(\.size).saturatingSum()
    return .archive(.noSpace(path: partial, needed: needed, available: available, code: code))
  }
}
