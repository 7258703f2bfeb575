import Archives
public import Digests
import Synchronization

/// Writes a planned archive to a file, its blobs in any order and from any number of threads.
///
/// All goes to `<path>.partial`, which is locked; only ``finish()`` gives it its name, when there is a proof
/// for every blob. A writer that goes away before leaves the `.partial`.
public final class ArchiveWriter: Sendable {
  public let plan: ArchivePlan
  /// The final name.
  public let path: String
  private let replacing: Bool
  private let file: DataFile
  private let state = Mutex(State())

  private struct State {
    var proven: Set<Digest> = []
    var isFinished = false
  }

  /// What to do with a `.partial` that an earlier run left.
  public enum Earlier: Sendable {
    /// Its bytes go.
    case discarded
    /// Its bytes stay where they are, as far as the archive reaches; the caller knows which of them are right.
    case kept
  }

  /// How much of a blob is written before the disk is asked to begin with it, in bytes.
  private static let writebackSize: Int64 = 8 << 20

  /// Locks and sizes `<path>.partial`, sets its space aside and writes all that is known. Throws
  /// ``LayoutError/exists(path:)`` when `path` is taken and not `replacing`, ``LayoutError/locked(path:pid:)``
  /// and ``LayoutError/archive(_:)``, `noSpace` with the whole archive's size among those.
  public init(
    plan: ArchivePlan, path: String, replacing: Bool, earlier: Earlier = .discarded
  ) throws(LayoutError) {
    self.plan = plan
    self.path = path
    self.replacing = replacing
    guard replacing || !DataFile.exists(path) else { throw .exists(path: path) }
    let partial = Self.partialPath(of: path)
    file = try LayoutError.wrapping { () throws(ArchiveError) in try DataFile.createLocked(partial) }
    do {
      try LayoutError.wrapping { () throws(ArchiveError) in
        if case .discarded = earlier { try file.truncate(to: 0) }
        try file.reserve(plan.totalSize)
      }
      try plan.forEachKnownPiece { piece throws(LayoutError) in try write(piece) }
    } catch {
      // An empty shell helps nobody; bytes that somebody may continue with do.
      if case .discarded = earlier { file.remove() }
      throw error
    }
  }

  /// Where an archive is until it is whole.
  public static func partialPath(of path: String) -> String { path + ".partial" }

  /// Puts bytes of the blob `digest` at `offset` inside it. Throws ``LayoutError/notPlanned(_:)`` or
  /// ``LayoutError/outOfBounds(_:offset:count:size:)`` before anything is written.
  public func write(_ bytes: RawSpan, of digest: Digest, at offset: Int64) throws(LayoutError) {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    guard (0...extent.size).contains(offset), Int64(bytes.byteCount) <= extent.size - offset else {
      throw .outOfBounds(digest, offset: offset, count: bytes.byteCount, size: extent.size)
    }
    guard !state.withLock({ $0.isFinished }) else { throw .finished(path: path) }
    do { try file.write(bytes, at: extent.offset + offset) } catch { throw LayoutError(error) }
    // Each time a step is passed the one before it goes to the disk.
    let end = offset + Int64(bytes.byteCount)
    let passed = end / Self.writebackSize * Self.writebackSize
    if passed > offset || end == extent.size {
      let start = offset / Self.writebackSize * Self.writebackSize
      file.startWriteback(offset: extent.offset + start, count: end - start)
    }
  }

  /// Notes that a blob is whole and was hashed.
  public func complete(_ proof: Proof) throws(LayoutError) {
    guard let extent = plan.extent(of: proof.digest) else { throw .notPlanned(proof.digest) }
    guard extent.size == proof.size else {
      throw .conflictingSizes(
        proof.digest, min(extent.size, proof.size), max(extent.size, proof.size))
    }
    state.withLock { _ = $0.proven.insert(proof.digest) }
  }

  /// Waits until everything is on the disk and gives the archive its name. Throws
  /// ``LayoutError/incomplete(_:)`` when a blob has no proof, and ``LayoutError/exists(path:)`` when the name
  /// was taken in the meantime and is not to be replaced.
  public func finish() throws(LayoutError) {
    let (missing, wasFinished) = state.withLock { state in
      let missing = plan.blobs.map(\.digest).filter { !state.proven.contains($0) }
      let wasFinished = state.isFinished
      if missing.isEmpty { state.isFinished = true }
      return (missing, wasFinished)
    }
    guard missing.isEmpty else { throw .incomplete(missing) }
    guard !wasFinished else { throw .finished(path: path) }
    do {
      try file.synchronize()
      try file.publish(as: path, replacing: replacing)
    } catch {
      state.withLock { $0.isFinished = false }
      throw LayoutError(error)
    }
  }

  private func write(_ piece: KnownPiece) throws(LayoutError) {
    do { try unsafe file.write(piece.bytes.span.bytes, at: piece.offset) } catch { throw LayoutError(error) }
  }
}
