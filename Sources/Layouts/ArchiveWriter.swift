public import Archives
public import Digests
import Images
import Synchronization

/// Writes a planned archive to a file or to volumes, its blobs in any order and from any number of threads.
///
/// All goes to `<path>.partial`, or `<path>.001.partial` and so on; only ``finish()`` gives it its name, when there
/// is a proof for every blob. A writer that goes away before leaves that, and beside it a journal by which a later
/// one can go on (``Earlier/kept``). Whoever has the journal locked writes the archive.
public final class ArchiveWriter: Sendable {
  public let plan: ArchivePlan
  /// The final name, or those of its volumes.
  public let place: ArchivePlace
  /// What an earlier run left, as far as it is of use. Whether it is right, ``recover(_:progress:)`` shows.
  public let continuation: ArchiveContinuation?
  let replacing: Bool
  let files: ArchiveFiles
  let journal: ArchiveJournal
  /// Brings what the journal says to the disk while the transfers go on.
  private let commit: GroupCommit
  /// Hashes the file as it grows; nil when nobody asked.
  private let checksum: RunningChecksum?
  let reaches = BlobReaches()
  private let state = Mutex(State())

  private struct State {
    var proven: Set<Digest> = []
    /// Up to where the journal speaks of each blob, in bytes.
    var noted: [Digest: Int64] = [:]
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
  public static let noteInterval: Int64 = 7 << 20
  /// How much of a blob is written before the disk is asked to begin with it, in bytes.
  private static let writebackSize: Int64 = 8 << 20

  /// Locks the archive, sizes its unfinished files, sets their space aside and writes all that is known. Throws
  /// ``LayoutError/exists(path:)`` when `path` is taken and not `replacing`, ``LayoutError/locked(path:pid:)``
  /// and ``LayoutError/archive(_:)``, among those `noSpace` with the whole archive's size, and `foreign` when unfinished
  /// files are there that no earlier run left and not `replacing`, and
  /// ``LayoutError/cancelled`` while bytes of an earlier run are being moved. With `checksums` the pieces of each
  /// blob must be written in order.
  public init(
    plan: ArchivePlan, to place: ArchivePlace, replacing: Bool, earlier: Earlier = .discarded,
    checksums: Bool = false
  ) throws(LayoutError) {
    self.plan = plan
    self.place = place
    self.replacing = replacing
    try Self.checkNames(place, replacing: replacing)
    let journal = try ArchiveJournal(of: place.path, replacing: replacing)
    let files: ArchiveFiles
    do throws(LayoutError) {
      // Who had it locked until now may have given the archive its name.
      try Self.checkNames(place, replacing: replacing)
      if !replacing {
        try PartialArchive.check(place.unfinished, of: plan, journal: journal.found)
      }
      files = try LayoutError.wrapping { () throws(ArchiveError) in
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
    self.files = files
    self.journal = journal
    self.continuation = continuation
    commit = GroupCommit(files, journal)
    checksum = checksums ? RunningChecksum(plan, of: files, fileSize: place.volumeSize) : nil
  }

  /// Goes on with another plan for what `writer`, which must not be used any more, has written so far.
  public init(continuing writer: ArchiveWriter, as plan: ArchivePlan) throws(LayoutError) {
    // Its sync must not take this one's writes for its own.
    try LayoutError.wrapping { () throws(ArchiveError) in try writer.commit.drain() }
    self.plan = plan
    place = writer.place
    replacing = writer.replacing
    files = writer.files
    journal = writer.journal
    commit = writer.commit
    checksum =
      writer.checksum == nil
      ? nil : RunningChecksum(plan, of: writer.files, fileSize: writer.place.volumeSize)
    let preparation = PartialArchive(plan: plan, files: writer.files, journal: writer.journal)
    continuation = try preparation.prepare(.kept)
  }

  /// Puts bytes of the blob `digest` at `offset` inside it. Throws ``LayoutError/notPlanned(_:)`` or
  /// ``LayoutError/outOfBounds(_:offset:count:size:)`` before anything is written.
  public func write(_ bytes: RawSpan, of digest: Digest, at offset: Int64) throws(LayoutError) {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    guard (0...extent.size).contains(offset), Int64(bytes.byteCount) <= extent.size - offset else {
      throw .outOfBounds(digest, offset: offset, count: bytes.byteCount, size: extent.size)
    }
    guard !state.withLock({ $0.isFinished }) else { throw .finished(path: place.path) }
    do { try files.write(bytes, at: extent.offset + offset) } catch { throw failure(error) }
    reaches.wrote(digest, at: offset, count: bytes.byteCount)
    // Each time a step is passed the one before it goes to the disk.
    let end = offset + Int64(bytes.byteCount)
    let passed = end / Self.writebackSize * Self.writebackSize
    if passed > offset || end == extent.size {
      let start = offset / Self.writebackSize * Self.writebackSize
      files.startWriteback(offset: extent.offset + start, count: end - start)
    }
    checksum?.wrote(from: extent.offset + offset, to: extent.offset + end)
  }

  /// Hears how much of a blob was there already.
  func found(_ digest: Digest, have: Int64) {
    state.withLock { $0.noted[digest] = have }
    reaches.found(digest, have: have)
  }

  /// Notes for a later run how far a blob has come. Every byte that `verifier` has seen must have been written, and
  /// no other: else it is ``LayoutError/notAsWritten(_:written:hashed:)``. Waits while the disk is too far behind.
  /// Throws what the disk does not take.
  public func note(_ verifier: borrowing BlobVerifier) throws(LayoutError) {
    let (digest, have) = (verifier.digest, verifier.received)
    try reaches.check(digest, hashed: have)
    add(digest, have: have) { verifier.contentDigest() }
    try settle(digest, have: have, isWhole: false)
  }

  /// Notes how far a blob has come of which nothing more comes in this run, if just that was written. Never waits.
  public func leave(_ verifier: borrowing BlobVerifier) {
    let (digest, have) = (verifier.digest, verifier.received)
    guard (try? reaches.check(digest, hashed: have)) != nil else { return leave(digest) }
    add(digest, have: have) { verifier.contentDigest() }
    let before = state.withLock { $0.noted.updateValue(have, forKey: digest) } ?? 0
    commit.left(digest, after: max(0, have - before))
  }

  /// Hears that nothing more comes of a blob in this run.
  public func leave(_ digest: Digest) { commit.left(digest) }

  /// Notes that a blob is whole and was hashed. Every byte of it must have been written, as for ``note(_:)``, which
  /// this waits and throws as.
  public func complete(_ proof: Proof) throws(LayoutError) {
    guard let extent = plan.extent(of: proof.digest) else { throw .notPlanned(proof.digest) }
    guard extent.size == proof.size else {
      throw .conflictingSizes(
        proof.digest, min(extent.size, proof.size), max(extent.size, proof.size))
    }
    try reaches.check(proof.digest, hashed: proof.size)
    let isNew = state.withLock { $0.proven.insert(proof.digest).inserted }
    checksum?.proved(proof.digest)
    guard isNew else { return }
    add(proof.digest, have: proof.size) { proof.digest }
    try settle(proof.digest, have: proof.size, isWhole: true)
  }

  /// Notes that what is there of a blob is of no use: it comes anew.
  public func forget(_ digest: Digest) {
    journal.note(.forgotten(digest))
    state.withLock { $0.noted[digest] = nil }
    reaches.forget(digest)
    leave(digest)
  }

  private func add(_ digest: Digest, have: Int64, content: () -> Digest) {
    guard let extent = plan.extent(of: digest),
      let claim = JournalClaim(
        blob: digest, size: extent.size, offset: extent.offset, have: have, content: content())
    else { return }
    journal.note(.progress(claim))
  }

  private func settle(_ digest: Digest, have: Int64, isWhole: Bool) throws(LayoutError) {
    let before = state.withLock { $0.noted.updateValue(have, forKey: digest) } ?? 0
    do { try commit.noted(max(0, have - before), of: digest, isWhole: isWhole) } catch {
      throw failure(error)
    }
  }

  /// Waits until everything is on the disk and gives the archive its name. Throws what the disk did not take at
  /// any time, ``LayoutError/incomplete(_:)`` when a blob has no proof, and ``LayoutError/exists(path:)`` when the name
  /// was taken in the meantime and is not to be replaced.
  public func finish() throws(LayoutError) {
    let (missing, wasFinished) = state.withLock { state in
      let missing = plan.blobs.map(\.digest).filter { !state.proven.contains($0) }
      let wasFinished = state.isFinished
      if missing.isEmpty { state.isFinished = true }
      return (missing, wasFinished)
    }
    guard missing.isEmpty else { throw .incomplete(missing) }
    guard !wasFinished else { throw .finished(path: place.path) }
    do throws(ArchiveError) {
      try commit.drain()
      do { try files.synchronize(plan.totalSize) } catch {
        commit.failed(error)
        throw error
      }
      let count = place.count(for: plan.totalSize)
      if count > 1 { try journal.announce(publishing: count) }
      try files.publish(plan.totalSize, replacing: replacing)
    } catch {
      state.withLock { $0.isFinished = false }
      throw failure(error)
    }
    journal.remove()
  }

  /// The sha256 of each of the archive's files, once all blobs are proved; nil when the writer was not made with
  /// `checksums`. Throws what reading throws.
  public func checksums() throws -> [Digest]? { try checksum?.finish() }

  /// A full disk is told with what is still to be written: the space set aside for it is no help where the
  /// disk fills up all the same.
  private func failure(_ error: ArchiveError) -> LayoutError {
    guard case .noSpace(let partial, nil, let available, let code) = error else { return LayoutError(error) }
    let proven = state.withLock { $0.proven }
    let needed = plan.blobs.filter { !proven.contains($0.digest) }.map(\.size).saturatingSum()
    return .archive(.noSpace(path: partial, needed: needed, available: available, code: code))
  }
}
