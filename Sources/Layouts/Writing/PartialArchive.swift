import Files
import Tar

/// An unfinished archive's files made ready to be written to, or to be resumed.
struct PartialArchive {
  let plan: ArchivePlan
  let files: ArchiveFiles
  let journal: ArchiveJournal

  /// Looks whether the unfinished files in this archive's way are those of an earlier run, and those that it had cut otherwise,
  /// for they go. That it began them is what its journal tells; killed before that said anything, it leaves files in which
  /// nothing is yet but how every archive begins. Throws ``FileError/foreign(path:_:)`` and ``FileError/notAFile(path:)`` for
  /// anything else; changes nothing. When `replacing`, what others own, name or can write gives way, and what no journal speaks
  /// of, but only where Ferry wrote it. `numbers` are those of the volumes that are written where not all are.
  static func check(
    _ place: ArchivePlace, of plan: ArchivePlan?, journal: ArchiveJournal.Found, replacing: Bool,
    numbers: [Int]? = nil
  ) throws(LayoutError) {
    let state = journal == .records ? ArchiveJournal.state(of: place.path) : nil
    let begun = state.map { ArchivePlace(place.path, volumeSize: $0.volumeSize) } ?? place
    let files = unfinished(begun, numbers)
    let highest = highest(of: files.map(\.number), begun, plan, state)
    var others: [String] = []
    for (number, path) in files {
      let isSpokenFor = try isOwn(path, replacing: replacing) { file throws(FileError) in
        switch journal {
        case .nothing: try file.size() == 0
        case .empty: try isBegun(file)
        // How a volume begins that is not the first depends on what the archive was to hold then.
        case .records where number > highest: false
        case .records where number > 1: try file.size() <= begun.volumeSize ?? .max
        case .records: try isBegun(file)
        }
      }
      if !isSpokenFor { others.append(path) }
    }
    try check(others, at: begun, of: plan, replacing: replacing)
    // Volumes of whatever size are called the same.
    guard (begun.volumeSize == nil) != (place.volumeSize == nil) else { return }
    others = []
    for (_, path) in unfinished(place, numbers) {
      let isEmpty = try isOwn(path, replacing: replacing) { file throws(FileError) in try file.size() == 0 }
      if !isEmpty { others.append(path) }
    }
    try check(others, at: place, of: plan, replacing: replacing)
  }

  private static func unfinished(_ place: ArchivePlace, _ numbers: [Int]?) -> [(number: Int, path: String)] {
    guard place.volumeSize != nil else { return place.unfinished.map { (1, $0) } }
    return ArchivePlace.partialVolumes(of: place.path).filter { numbers?.contains($0.number) ?? true }
  }

  /// The last volume that earlier runs can have begun, whose journal has this `state`, where those of these `numbers` are there:
  /// volumes are made one after the other and given up from the last on. One may have been removed since; the `plan` tells of
  /// as many as it wants.
  private static func highest(
    of numbers: [Int], _ place: ArchivePlace, _ plan: ArchivePlan?, _ state: JournalState?
  ) -> Int {
    let there = Set(numbers)
    var last = state?.publishing ?? 0
    while there.contains(last + 1) { last += 1 }
    return max(last, plan.map { place.count(for: $0.totalSize) } ?? 0)
  }

  /// Whether a file is plain, not others' as well unless `replacing`, and as `isSpokenFor` says.
  private static func isOwn(
    _ path: String, replacing: Bool, _ isSpokenFor: (DataFile) throws(FileError) -> Bool
  ) throws(LayoutError) -> Bool {
    try LayoutError.wrapping { () throws(FileError) in
      if !replacing { try DataFile.checkOwn(path) }
      do throws(FileError) {
        return try isSpokenFor(DataFile.open(reading: path, following: false))
      } catch {
        // Another run that came too late may have removed its own meanwhile.
        guard !DataFile.exists(path) else { throw error }
        return true
      }
    }
  }

  /// Lets files of which no journal speaks give way only where Ferry wrote them.
  private static func check(
    _ paths: [String], at place: ArchivePlace, of plan: ArchivePlan?, replacing: Bool
  ) throws(LayoutError) {
    guard let first = paths.first else { return }
    guard replacing else { throw .archive(.foreign(path: first, .content)) }
    let own =
      place.volumeSize == nil
      ? Set(paths.filter(FormerArchive.isMarked))
      : try FormerArchive.volumes(ArchivePlace.partialVolumes(of: place.path), at: place, of: plan)
    if let other = paths.first(where: { !own.contains($0) }) {
      throw .archive(.foreign(path: other, .content))
    }
  }

  /// Whether nothing is in the file yet, or what every archive begins with.
  private static func isBegun(_ file: DataFile) throws(FileError) -> Bool {
    let front = try file.read(Int(TarHeader.blockSize), at: 0)
    if front.allSatisfy({ $0 == 0 }) { return true }
    return (try? TarHeader.bytes(path: LayoutFile.path, size: Int64(LayoutFile.bytes.count)))
      .map { $0.starts(with: front) } ?? false
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
