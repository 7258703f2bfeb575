import Digests
import Files
import Registry
import Synchronization
import Tar
import Transport

/// The file that keeps an import's open uploads for the next run: appended to, locked against a second Ferry,
/// readable by its owner only, for a `Location` may be a credential. Gone when nothing is left to resume.
///
/// What it says of an open upload is on the disk before more of that is sent: without its `Location` a power cut
/// would cost a layer from its first byte on.
final class ImportJournal: Sendable {
  private struct State {
    var open: [UploadRecord.Key: UploadRecord] = [:]
    var end: Int64 = 0
    /// A journal that cannot be written is no reason to stop an import.
    var isBroken = false
  }

  private let file: DataFile
  /// The mode of an empty file that the user named, or that is no journal that was left: it stays. nil when it is a
  /// journal's.
  private let givenMode: UInt32?
  private let state: Mutex<State>

  /// A journal is read up to here, in bytes: uploads of a petabyte leave less.
  private static let longest: Int64 = 64 << 20
  /// How many zeros a power cut may leave in its place, in bytes.
  private static let most = 64 << 10

  /// What a journal begins with: nothing else is taken for one.
  static let header = Array(#"{"schema":"ferry/import-journal/v1"}"#.utf8) + [UInt8(ascii: "\n")]

  private init(_ file: DataFile, open: [UploadRecord.Key: UploadRecord], end: Int, givenMode: UInt32?) {
    self.file = file
    self.givenMode = givenMode
    state = Mutex(State(open: open, end: Int64(end)))
  }

  /// Opens or makes the journal at `path` and locks it. Throws ``FileError``, `locked` among them, and `foreign` for
  /// a file that holds anything else or is not this user's alone; that stays as it is. `isNamed`: the user named it, so
  /// that an empty one is not taken for one that a killed run left. Blocks.
  static func open(at path: String, isNamed: Bool = false) throws(FileError) -> ImportJournal {
    let isGiven = isNamed && DataFile.exists(path)
    let file = try FileLock.create(path, privately: true)
    let bytes = try bytes(of: file)
    guard isJournal(bytes, isNamed: isNamed) else { throw .foreign(path: path, .content) }
    let mode = try file.makePrivate()
    let givenMode = bytes.isEmpty && (isGiven || mode != DataFile.privateMode) ? mode : nil
    var end = UploadRecord.endOfLines(in: bytes)
    try file.truncate(to: Int64(end))
    if end == 0 {
      try unsafe file.write(header.span.bytes, at: 0)
      end = header.count
    }
    let journal = ImportJournal(
      file, open: UploadRecord.open(after: UploadRecord.records(in: bytes)), end: end, givenMode: givenMode)
    try? file.synchronizeName()
    return journal
  }

  /// Throws what ``open(at:isNamed:)`` would, but for who has it locked; changes and leaves nothing.
  static func check(at path: String) throws(FileError) {
    guard DataFile.exists(path) else { return try AtomicFile.checkCreating(beside: path) }
    try DataFile.checkOwn(path)
    guard try isJournal(bytes(of: DataFile.open(reading: path, following: false)), isNamed: true) else {
      throw .foreign(path: path, .content)
    }
  }

  /// All that a journal holds: of what is longer, the end would be lost unseen.
  private static func bytes(of file: DataFile) throws(FileError) -> [UInt8] {
    let size = try file.size()
    guard size <= longest else { throw .foreign(path: file.path, .content) }
    return try file.read(Int(size), at: 0)
  }

  /// Whether a file that holds these bytes is a journal, or empty. After a power cut the header may be zeros, or cut: that
  /// is believed of a name that is Ferry's own, not of one that the user gave.
  private static func isJournal(_ bytes: [UInt8], isNamed: Bool) -> Bool {
    if !isNamed, header.starts(with: bytes) || bytes.count <= most && bytes.allSatisfy({ $0 == 0 }) {
      return true
    }
    return bytes.isEmpty || UploadRecord.areRecords(bytes)
      || bytes.starts(with: header) && UploadRecord.areLines(bytes[header.count...])
  }

  func earlier(_ key: UploadRecord.Key) -> OpenUpload? {
    guard let record = state.withLock({ $0.open[key] }), let text = record.location,
      let location = try? HTTPURL(text)
    else { return nil }
    return OpenUpload(location: location, offset: record.offset ?? 0)
  }

  func note(_ upload: OpenUpload, of key: UploadRecord.Key) {
    append(UploadRecord(key, location: upload.location.full, offset: upload.offset))
  }

  func close(_ key: UploadRecord.Key) { append(UploadRecord(key)) }

  private func append(_ record: UploadRecord) {
    let isOpen = record.location != nil
    let isWritten = state.withLock { state in
      guard state.open[record.key] != (isOpen ? record : nil) else { return false }
      state.open[record.key] = isOpen ? record : nil
      guard !state.isBroken else { return false }
      let line = record.line
      do {
        try unsafe file.write(line.span.bytes, at: state.end)
        state.end += Int64(line.count)
        return true
      } catch {
        state.isBroken = true
        return false
      }
    }
    // A disk that cannot do this makes a power cut dearer, and the import no worse. Who interrupts does not wait.
    if isWritten, isOpen, !Task.isCancelled { try? file.synchronizeData() }
  }

  /// Ends the run: the file stays only where a next run finds something in it.
  func finish() {
    let isOver = state.withLock { $0.open.isEmpty || $0.isBroken }
    guard isOver else { return }
    guard let givenMode else { return file.remove() }
    try? file.truncate(to: 0)
    file.setPermissions(givenMode)
  }
}

/// One blob's uploads to one registry, in an import's journal.
final class JournaledUploads: UploadLog {
  private let journal: ImportJournal?
  private let registry: String
  private let began: @Sendable (_ repository: String, _ offset: Int64) -> Void
  private let found = Atomic<Int64>(0)

  /// `began` hears of every upload of an earlier run that is resumed, and from which byte.
  init(
    _ journal: ImportJournal?, registry: String,
    began: @escaping @Sendable (_ repository: String, _ offset: Int64) -> Void
  ) {
    self.journal = journal
    self.registry = registry
    self.began = began
  }

  /// Bytes that earlier runs had brought over, since this was last asked.
  func takeContinued() -> Int64 { found.exchange(0, ordering: .relaxed) }

  func earlier(_ digest: Digest, in repository: String) -> OpenUpload? {
    journal?.earlier(key(digest, repository))
  }

  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    found.store(upload.offset, ordering: .relaxed)
    began(repository, upload.offset)
  }

  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String) {
    // What an earlier run had brought over was of no use.
    if upload.offset == 0 { found.store(0, ordering: .relaxed) }
    journal?.note(upload, of: key(digest, repository))
  }

  func closed(_ digest: Digest, in repository: String) {
    journal?.close(key(digest, repository))
  }

  private func key(_ digest: Digest, _ repository: String) -> UploadRecord.Key {
    UploadRecord.Key(registry: registry, repository: repository, digest: digest)
  }
}
