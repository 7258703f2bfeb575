import Files
import Images
import Synchronization

/// The file beside an unfinished archive that says what is in it: one record a line, only ever added to.
///
/// Every claim comes with a hash, so one that got ahead of the bytes does no harm, and a line that cannot be
/// written is no reason to stop: it only makes the next run fetch more. What must not be lost is brought to the
/// disk by ``GroupCommit``, and step by step while bytes change places.
final class ArchiveJournal: Sendable {
  private let file: DataFile
  /// What was there when it was opened.
  let found: Found
  /// Where the next line goes.
  private let end = Mutex<Int64>(0)

  static func path(of path: String) -> String { UnfinishedArchive.partialPath(of: path) + ".journal" }

  /// What an earlier run can have left.
  enum Found {
    case nothing, empty, records
  }

  /// Opens the journal of the archive `path`, which may be new, and locks it: whoever has it may write the archive,
  /// in however many files. Errors name the unfinished archive, ``LayoutError/locked(path:pid:)`` among them; but
  /// ``FileError/foreign(path:_:)`` names the file, which is no journal of this user's. With `replacing` a journal that others
  /// own, name or can write gives way.
  static func open(of path: String, replacing: Bool = false) throws(LayoutError) -> ArchiveJournal {
    do throws(FileError) {
      let name = Self.path(of: path)
      let wasThere = DataFile.exists(name)
      // Before it loses its name.
      if wasThere, replacing { _ = try check(of: path, replacing: true) }
      let file = try FileLock.create(name, privately: true, replacing: replacing)
      guard try isJournal(file) else { throw .foreign(path: name, .content) }
      try file.makePrivate()
      let found: Found = try file.size() > 0 ? .records : wasThere ? .empty : .nothing
      return ArchiveJournal(file, found)
    } catch .locked(_, let pid) {
      throw .locked(path: UnfinishedArchive.partialPath(of: path), pid: pid)
    } catch .file(let operation, _, let code) {
      throw .archive(.file(operation, path: UnfinishedArchive.partialPath(of: path), code: code))
    } catch {
      throw LayoutError(error)
    }
  }

  private init(_ file: DataFile, _ found: Found) {
    self.file = file
    self.found = found
  }

  /// What ``open(of:replacing:)`` would find. Throws what that would throw, but for who has it locked; changes nothing.
  static func check(of path: String, replacing: Bool) throws(FileError) -> Found {
    let name = Self.path(of: path)
    guard DataFile.exists(name) else { return .nothing }
    if !replacing { try DataFile.checkOwn(name) }
    let file = try DataFile.open(reading: name, following: false)
    guard try isJournal(file) else { throw .foreign(path: name, .content) }
    return try file.size() > 0 ? .records : .empty
  }

  /// Whether the file is empty, or begins as every journal does: with what is written, which a crash may have cut short.
  private static func isJournal(_ file: DataFile) throws(FileError) -> Bool {
    var reader = JournalReader()
    var offset: Int64 = 0
    while reader.wholeLines == 0, offset <= JournalReader.longestLine {
      let block = try file.read(64 << 10, at: offset)
      guard !block.isEmpty else { return try offset == 0 ? true : isTorn(file.read(Int(offset), at: 0)) }
      reader.take(block)
      offset += Int64(block.count)
    }
    return reader.isJournal
  }

  /// Whether a first line without its end is that of a journal. After a power cut it may be zeros, or a few bytes.
  private static func isTorn(_ line: [UInt8]) -> Bool {
    if line.allSatisfy({ $0 == 0 }) { return true }
    guard line.last != UInt8(ascii: "}") else { return JournalRecord(line: line) != nil }
    return [#"{"images":["#, #"{"rewriting":""#].contains {
      line.starts(with: $0.utf8) || $0.utf8.starts(with: line)
    }
  }

  /// What the journal says; nil when it says nothing that can be used. A line that was cut short goes.
  func read() throws(LayoutError) -> JournalState? {
    let reader = try Self.read(file)
    try LayoutError.wrapping { () throws(FileError) in try file.truncate(to: reader.wholeLines) }
    end.withLock { $0 = reader.wholeLines }
    return reader.state
  }

  /// What the journal of `path` says, without opening it for writing; nil when there is none.
  static func state(of path: String) -> JournalState? {
    (try? DataFile.open(reading: Self.path(of: path), following: false)).flatMap { try? read($0).state }
  }

  private static func read(_ file: DataFile) throws(LayoutError) -> JournalReader {
    var reader = JournalReader()
    var offset: Int64 = 0
    while offset < JournalReader.sizeLimit {
      let block = try LayoutError.wrapping { () throws(FileError) in try file.read(1 << 20, at: offset) }
      guard !block.isEmpty else { break }
      reader.take(block)
      offset += Int64(block.count)
    }
    return reader
  }

  /// Forgets all that was said.
  func clear() throws(LayoutError) {
    try LayoutError.wrapping { () throws(FileError) in try file.truncate(to: 0) }
    end.withLock { $0 = 0 }
  }

  /// Says that names are given from here on to so many volumes, so that a later run can finish that.
  func announce(publishing count: Int) throws(FileError) {
    try append(.publishing(count))
    try synchronize()
  }

  /// Adds a record that must be there before anything else happens.
  func append(_ record: JournalRecord) throws(FileError) {
    let line = record.line
    try end.withLock { (end) throws(FileError) in
      try unsafe file.write(line.span.bytes, at: end)
      end += Int64(line.count)
    }
  }

  /// Returns when all that was added is on the disk.
  func synchronize() throws(FileError) { try file.synchronizeData() }

  /// Returns when its name and those of the files beside it are on the disk, if that can be done: where it cannot,
  /// a power cut is dearer, and the archive no worse.
  func synchronizeNames() { try? file.synchronizeName() }

  /// Adds a record if that can be done.
  func note(_ record: JournalRecord) { try? append(record) }

  func remove() { file.remove() }

  /// Removes it if it was made for this run, which came to nothing.
  func removeIfNew() {
    if found == .nothing { file.remove() }
  }
}

extension ArchivePlan {
  /// What the journal says of it.
  func record(volumeSize: Int64?) -> JournalRecord {
    .plan(archive: archiveDigest, images: images.map(JournalImage.init), volumeSize: volumeSize)
  }
}

/// Reads a journal block by block. What is no record is passed over, and so is a last line without its end.
struct JournalReader {
  /// nil before the first line, and for good when that is no plan: then it is no journal that can be used.
  private(set) var state: JournalState?
  /// Where the last whole line ends, in bytes.
  private(set) var wholeLines: Int64 = 0
  /// Whether its first line is one that a journal begins with.
  private(set) var isJournal = false
  private var isUnreadable = false
  private var pending: [UInt8] = []
  private var isOverlong = false

  /// The longest line: a plan of many thousand images.
  static let longestLine = 32 << 20
  /// The longest journal, in bytes: one of an archive of many terabytes. What follows is not read.
  static let sizeLimit: Int64 = 512 << 20

  mutating func take(_ block: [UInt8]) {
    var rest = block[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      append(rest[..<end])
      rest = rest[(end + 1)...]
      wholeLines += Int64(pending.count) + skipped + 1
      if !isOverlong { read(pending) }
      pending.removeAll(keepingCapacity: true)
      isOverlong = false
      skipped = 0
    }
    append(rest)
  }

  /// Bytes of the line at hand that were too many to keep.
  private var skipped: Int64 = 0

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    if isOverlong || pending.count + bytes.count > Self.longestLine {
      isOverlong = true
      skipped += Int64(pending.count + bytes.count)
      pending.removeAll()
    } else {
      pending += bytes
    }
  }

  private mutating func read(_ line: [UInt8]) {
    guard !isUnreadable else { return }
    let record = JournalRecord(line: line)
    if state != nil {
      if let record { state?.apply(record) }
    } else if case .plan(let archive, let images, let volumeSize) = record {
      isJournal = true
      state = JournalState(archive: archive, images: images, volumeSize: volumeSize)
    } else {
      if case .rewriting = record { isJournal = true }
      isUnreadable = true
    }
  }
}
