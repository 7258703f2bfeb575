public import Archives
public import Digests

extension ArchiveWriter {
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
