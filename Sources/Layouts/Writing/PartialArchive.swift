import Files
import Tar

/// An unfinished archive's files made ready to be written to, or to be resumed.
struct PartialArchive {
  let plan: ArchivePlan
  let files: ArchiveFiles
  let journal: ArchiveJournal

  /// Looks whether the files in this archive's way are those of an earlier run. That it began them is what its journal
  /// tells; killed before that said anything, it leaves files in which nothing is yet but how every archive begins. Throws
  /// ``FileError/foreign(path:_:)`` and ``FileError/notAFile(path:)`` for anything else; changes nothing.
  static func check(
    _ files: [String], of plan: ArchivePlan, journal: ArchiveJournal.Found
  ) throws(LayoutError) {
    for path in files {
      do throws(FileError) {
        try DataFile.checkOwn(path)
        if journal == .records { continue }
        let file = try DataFile.open(reading: path, following: false)
        let isOwn = try journal == .empty ? isEmpty(file, plan) : file.size() == 0
        guard isOwn else { throw FileError.foreign(path: path, .content) }
      } catch {
        throw LayoutError(error)
      }
    }
  }

  private static func isEmpty(_ file: DataFile, _ plan: ArchivePlan) throws(FileError) -> Bool {
    let front = try file.read(Int(TarHeader.blockSize), at: 0)
    if front.allSatisfy({ $0 == 0 }) { return true }
    return (try? plan.sections.first?.header()).map { $0.bytes.starts(with: front) } ?? false
  }

  /// Puts everything at its place that an earlier run left and that is known beforehand, and returns what is
  /// claimed to be there; nil when nothing is.
  func prepare(_ earlier: ArchiveWriter.Earlier) throws(LayoutError) -> ArchiveContinuation? {
    var continuation: ArchiveContinuation?
    let state = try journal.read()
    if case .kept = earlier, let state, state.volumeSize == files.place.volumeSize {
      if let count = state.publishing {
        try LayoutError.wrapping { () throws(FileError) in try files.unpublish(count) }
      }
      let fileSize = try size()
      let available = (try? FreeSpace(at: DataFile.directory(of: files.path)).available) ?? 0
      let found = ArchiveContinuation(
        of: plan, from: state, fileSize: fileSize, room: max(0, available - Self.reserved))
      journal.note(record)
      try relocate(found, fileSize: fileSize)
      if !found.claims.isEmpty { continuation = found }
    } else {
      let former = state.map { ArchivePlace(files.place.path, volumeSize: $0.volumeSize) }
      try LayoutError.wrapping { () throws(FileError) in try files.clear(former: former) }
      try journal.clear()
    }
    try LayoutError.wrapping { () throws(FileError) in try files.reserve(plan.totalSize) }
    // After that: the last of the room is the archive's.
    if continuation == nil { journal.note(record) }
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      do throws(FileError) { try unsafe files.write(piece.bytes.span.bytes, at: piece.offset) } catch {
        throw LayoutError(error)
      }
    }
    try LayoutError.wrapping { () throws(FileError) in
      // Of what an earlier run wrote, some may still be on its way to the disk; or never get there, while the system
      // still shows it: it tells of an error once. What is hashed is to come from the disk.
      if continuation != nil {
        try files.synchronize(plan.totalSize)
        files.dropCached(plan.totalSize)
      }
      try journal.synchronize()
    }
    journal.synchronizeNames()
    return continuation
  }

  private var record: JournalRecord { plan.record(volumeSize: files.place.volumeSize) }

  /// What is never used for parking bytes, in bytes.
  private static let reserved: Int64 = 64 << 20

  private func size() throws(LayoutError) -> Int64 {
    try LayoutError.wrapping { () throws(FileError) in try files.size() }
  }

  private func relocate(_ continuation: ArchiveContinuation, fileSize: Int64) throws(LayoutError) {
    for digest in continuation.forgotten { journal.note(.forgotten(digest)) }
    guard !continuation.moves.isEmpty else { return }
    if fileSize < plan.totalSize {
      try LayoutError.wrapping { () throws(FileError) in try files.reserve(plan.totalSize) }
    }
    // The file behind the end may be new.
    journal.synchronizeNames()
    var unsettled = UnsettledSteps()
    for move in continuation.moves {
      try move.forEachStep(scratch: continuation.scratch) { step throws(LayoutError) in
        if unsettled.isDue(before: step) { try settle(&unsettled) }
        try copy(step)
        unsettled.add(step)
      }
    }
    try settle(&unsettled)
  }

  private func copy(_ step: BlobMove.Step) throws(LayoutError) {
    var done: Int64 = 0
    while done < step.count {
      try LayoutError.checkCancellation()
      let count = min(Self.pieceSize, step.count - done)
      try LayoutError.wrapping { () throws(FileError) in
        let bytes = try files.read(Int(count), at: step.from + done)
        try unsafe files.write(bytes.span.bytes, at: step.to + done)
      }
      files.startWriteback(offset: step.to + done, count: count)
      done += count
    }
  }

  /// How much is in memory while bytes are copied.
  private static let pieceSize: Int64 = 1 << 20

  private func settle(_ steps: inout UnsettledSteps) throws(LayoutError) {
    try LayoutError.wrapping { () throws(FileError) in
      try files.synchronizeWritten()
      for record in steps.records { try journal.append(record) }
      try journal.synchronize()
    }
    steps.removeAll()
  }
}
