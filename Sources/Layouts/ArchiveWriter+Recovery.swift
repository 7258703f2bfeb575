import Archives
public import Digests

extension ArchiveWriter {
  /// Hashes what an earlier run left of a blob at its place, and returns what has seen as much of it as is
  /// right: all, or up to the last checkpoint that agrees, or nothing. Blocks. Throws
  /// ``LayoutError/notPlanned(_:)`` and ``LayoutError/cancelled``.
  public func recover(
    _ digest: Digest, progress: (Int64) -> Void = { _ in }
  ) throws(LayoutError) -> BlobVerifier {
    guard let extent = plan.extent(of: digest) else { throw .notPlanned(digest) }
    var verifier = BlobVerifier(digest: digest, size: extent.size)
    guard let claim = continuation?.claims[digest] else { return verifier }
    var trusted = verifier.copy()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { unsafe buffer.deallocate() }
    for checkpoint in claim.checkpoints {
      let isRead = unsafe try read(
        until: checkpoint.have, of: extent, into: &verifier, through: buffer, progress: progress)
      guard isRead else { break }
      if verifier.contentDigest() == checkpoint.content { trusted = verifier.copy() }
    }
    found(digest, have: trusted.received)
    // The way to the last checkpoint is all that was read beyond the trusted bytes: the rest is theirs.
    progress(trusted.received)
    return trusted
  }

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

  /// Hashes on up to `end`. False when that cannot be read: what a disk does not give back is fetched again.
  private func read(
    until end: Int64, of extent: BlobExtent, into verifier: inout BlobVerifier,
    through buffer: UnsafeMutableRawBufferPointer, progress: (Int64) -> Void
  ) throws(LayoutError) -> Bool {
    while verifier.received < end {
      guard !Task.isCancelled else { throw .cancelled }
      let count = Int(min(Int64(buffer.count), end - verifier.received))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      guard unsafe (try? files.read(into: piece, at: extent.offset + verifier.received)) == count,
        (try? verifier.update(unsafe UnsafeRawBufferPointer(piece).bytes)) != nil
      else { return false }
      progress(verifier.received)
    }
    return true
  }

  /// Notes that of a blob only what `verifier` has seen is of use, and the rest comes anew. Waits and throws as
  /// ``note(_:)`` does.
  public func goBack(to verifier: borrowing BlobVerifier) throws(LayoutError) {
    forget(verifier.digest)
    guard verifier.received > 0 else { return }
    reaches.found(verifier.digest, have: verifier.received)
    try note(verifier)
  }

  /// Where an archive in one file is until it is whole.
  public static func partialPath(of path: String) -> String { path + ".partial" }

  /// What an earlier run left where the archive `path` is to be; nil when that is nothing that can be gone on
  /// with.
  public static func unfinished(_ path: String) -> UnfinishedArchive? {
    guard let state = ArchiveJournal.state(of: path) else { return nil }
    let place = ArchivePlace(path, volumeSize: state.volumeSize)
    let size = place.unfinishedSize(publishing: state.publishing)
    guard size > 0 else { return nil }
    return UnfinishedArchive(
      partial: state.volumeSize == nil ? partialPath(of: path) : place.partialPath(of: 1), size: size,
      state: state)
  }

  /// Removes what a run that was killed after its last step left beside the finished archive `path`.
  public static func removeLeftovers(of path: String) {
    // Locked first: what is there may be another run's, which has only begun.
    guard DataFile.exists(ArchiveJournal.path(of: path)), let journal = try? ArchiveJournal(of: path),
      !DataFile.exists(partialPath(of: path)), ArchivePlace.partialVolumes(of: path).isEmpty
    else { return }
    journal.remove()
  }
}
