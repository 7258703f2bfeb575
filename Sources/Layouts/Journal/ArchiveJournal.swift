import Archives
import Images
import Synchronization

/// The file beside an unfinished archive that says what is in it: one record a line, only ever added to.
///
/// Every claim comes with a hash, so one that got ahead of the bytes does no harm, and a line that cannot be
/// written is no reason to stop: it only makes the next run fetch more. What must not be lost is brought to the
/// disk by ``GroupCommit``, and step by step while bytes change places.
final class ArchiveJournal: Sendable {
  private let file: DataFile
  /// Where the next line goes.
  private let end = Mutex<Int64>(0)

  static func path(of path: String) -> String { ArchiveWriter.partialPath(of: path) + ".journal" }

  /// What an earlier run can have left.
  enum Found {
    case nothing, empty, records
  }

  /// What was there when it was opened.
  let found: Found

  /// Opens the journal of the archive `path`, which may be new, and locks it: whoever has it may write the archive,
  /// in however many files. Errors name the unfinished archive, ``LayoutError/locked(path:pid:)`` among them; but
  /// ``ArchiveError/foreign(path:_:)`` names the file, which is no journal of this user's. With `replacing` that gives way.
  init(of path: String, replacing: Bool = false) throws(LayoutError) {
    do throws(ArchiveError) {
      let name = Self.path(of: path)
      let wasThere = DataFile.exists(name)
      var file = try DataFile.createLocked(name, privately: true, replacing: replacing)
      if try !Self.isJournal(file) {
        guard replacing else { throw .foreign(path: name, .content) }
        file.remove()
        file = try DataFile.createLocked(name, privately: true)
      }
      try file.makePrivate()
      found = try file.size() > 0 ? .records : wasThere ? .empty : .nothing
      self.file = file
    } catch .locked(_, let pid) {
      throw .locked(path: ArchiveWriter.partialPath(of: path), pid: pid)
    } catch .file(let operation, _, let code) {
      throw .archive(.file(operation, path: ArchiveWriter.partialPath(of: path), code: code))
    } catch {
      throw LayoutError(error)
    }
  }

  /// What ``init(of:replacing:)`` would find. Throws what that would throw, but for who has it locked; changes nothing.
  static func check(of path: String) throws(ArchiveError) -> Found {
    let name = Self.path(of: path)
    guard DataFile.exists(name) else { return .nothing }
    try DataFile.checkOwn(name)
    let file = try DataFile.open(reading: name, following: false)
    guard try isJournal(file) else { throw .foreign(path: name, .content) }
    return try file.size() > 0 ? .records : .empty
  }

  /// Whether the file is empty, or begins as every journal does: with what is written, which a crash may have cut short.
  private static func isJournal(_ file: DataFile) throws(ArchiveError) -> Bool {
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
    try LayoutError.wrapping { () throws(ArchiveError) in try file.truncate(to: reader.wholeLines) }
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
      let block = try LayoutError.wrapping { () throws(ArchiveError) in try file.read(1 << 20, at: offset) }
      guard !block.isEmpty else { break }
      reader.take(block)
      offset += Int64(block.count)
    }
    return reader
  }

  /// Forgets all that was said.
  func clear() throws(LayoutError) {
    try LayoutError.wrapping { () throws(ArchiveError) in try file.truncate(to: 0) }
    end.withLock { $0 = 0 }
  }

  /// Says that names are given from here on to so many volumes, so that a later run can finish that.
  func announce(publishing count: Int) throws(ArchiveError) {
    try append(.publishing(count))
    try synchronize()
  }

  /// Adds a record that must be there before anything else happens.
  func append(_ record: JournalRecord) throws(ArchiveError) {
    let line = record.line
    try end.withLock { (end) throws(ArchiveError) in
      try unsafe file.write(line.span.bytes, at: end)
      end += Int64(line.count)
    }
  }

  /// Returns when all that was added is on the disk.
  func synchronize() throws(ArchiveError) { try file.synchronizeData() }

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
    .plan(
      archive: archiveDigest,
      images: images.map { JournalImage(name: $0.name, digest: $0.root.digest) }, volumeSize: volumeSize)
  }
}
