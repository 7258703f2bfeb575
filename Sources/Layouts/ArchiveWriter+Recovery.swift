public import Archives
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

  /// Removes the unfinished files, of which nothing is worth keeping. The writer must not be used any more.
  public func discard() {
    files.remove()
    journal.remove()
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

  /// Removes what other runs left beside the finished archive `digest` at `path`: one that was killed after its last
  /// step, or that wrote the same archive at the same time and came too late.
  public static func removeLeftovers(of path: String, digest: Digest? = nil) {
    // Locked first: what is there may be another run's, which has only begun.
    guard DataFile.exists(ArchiveJournal.path(of: path)), let journal = try? ArchiveJournal(of: path) else {
      return
    }
    let state = try? journal.read()
    let place = ArchivePlace(path, volumeSize: state?.volumeSize)
    if let digest, state?.archive == digest, (try? place.unfinished.forEach(DataFile.checkOwn)) != nil {
      place.removeUnfinished()
    }
    guard !DataFile.exists(partialPath(of: path)), ArchivePlace.partialVolumes(of: path).isEmpty else {
      return journal.removeIfNew()
    }
    journal.remove()
  }

  /// Throws what ``init(plan:to:replacing:earlier:checksums:)`` would throw for what is there now; changes nothing.
  public static func check(
    _ place: ArchivePlace, for plan: ArchivePlan, replacing: Bool
  ) throws(LayoutError) {
    guard !replacing else { return }
    let journal = try LayoutError.wrapping { () throws(ArchiveError) in
      try ArchiveJournal.check(of: place.path)
    }
    try PartialArchive.check(place.unfinished, of: plan, journal: journal)
  }

  /// Throws when a final name is taken that must stay. One that a killed run gave is taken back later.
  static func checkNames(_ place: ArchivePlace, replacing: Bool) throws(LayoutError) {
    guard !replacing, let taken = place.existing.first else { return }
    guard let state = ArchiveJournal.state(of: place.path), state.publishing != nil,
      state.volumeSize == place.volumeSize
    else { throw .exists(path: taken) }
  }
}
