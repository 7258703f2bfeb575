import Digests
import Layouts
import Registry

/// Puts a blob's bytes at their place in an archive as they arrive, and notes for a later run how far it has
/// come.
struct ArchiveSink: BlobSink {
  private let writer: ArchiveWriter
  private let digest: Digest
  private let progress: (Int64) -> Void
  private let gathered = GatheredBytes()
  /// How many of the blob's bytes are written.
  private var written: Int64
  /// Up to where a later run knows of them.
  private var noted: Int64

  /// Goes on after the `start` bytes that are there.
  init(_ digest: Digest, in writer: ArchiveWriter, from start: Int64, progress: @escaping (Int64) -> Void) {
    self.digest = digest
    self.writer = writer
    self.progress = progress
    written = start
    noted = start
  }

  mutating func write(_ bytes: RawSpan) throws {
    if bytes.byteCount > gathered.room { try flush() }
    if bytes.byteCount > gathered.room {
      try put(bytes)
    } else {
      gathered.append(bytes)
    }
    progress(written + Int64(gathered.count))
  }

  mutating func restart() {
    // The bytes so far may be the wrong ones.
    if noted > 0 { writer.forget(digest) }
    gathered.removeAll()
    written = 0
    noted = 0
    progress(0)
  }

  mutating func written(_ verifier: borrowing BlobVerifier) throws {
    if verifier.received - noted >= ArchiveWriter.noteInterval { try note(verifier) }
  }

  /// Writes what is gathered and notes all that `verifier` has seen.
  private mutating func note(_ verifier: borrowing BlobVerifier) throws {
    try flush()
    guard verifier.received == written, written > noted else { return }
    noted = written
    try writer.note(verifier)
  }

  /// Writes what is gathered and notes all that `verifier` has seen, for no more comes in this run. What cannot be
  /// written is not noted.
  mutating func leave(_ verifier: borrowing BlobVerifier) {
    try? flush()
    // After a piece that could not be written the verifier is ahead.
    if verifier.received == written, written > noted { writer.leave(verifier) } else { writer.leave(digest) }
  }

  /// Writes what is gathered.
  mutating func flush() throws {
    guard gathered.count > 0 else { return }
    try gathered.withBytes { try put($0) }
    gathered.removeAll()
  }

  private mutating func put(_ bytes: RawSpan) throws {
    try writer.write(bytes, of: digest, at: written)
    written += Int64(bytes.byteCount)
  }
}
