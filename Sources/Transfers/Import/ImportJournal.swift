import Archives
import Digests
import Registry
import Synchronization
import Transport

/// The file that keeps an import's open uploads for the next run: appended to, locked against a second Ferry,
/// readable by its owner only, for a `Location` may be a credential. Gone when nothing is left to go on with.
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
  private let state = Mutex(State())

  /// A journal is read up to here, in bytes: uploads of a petabyte leave less.
  private static let longest: Int64 = 64 << 20

  /// Opens or makes the journal at `path` and locks it. Throws ``ArchiveError``, `locked` among them.
  init(at path: String) throws(ArchiveError) {
    file = try DataFile.createLocked(path, privately: true)
    let bytes = try file.read(Int(min(file.size(), Self.longest)), at: 0)
    let end = UploadRecord.endOfWholeLines(in: bytes)
    try file.truncate(to: Int64(end))
    let open = UploadRecord.open(after: UploadRecord.records(in: bytes))
    state.withLock { state in
      state.open = open
      state.end = Int64(end)
    }
    try? file.synchronizeName()
  }

  var path: String { file.path }

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
    if isOver { file.remove() }
  }
}
