import Digests
import Layouts
import Registry

/// Sends a blob's bytes on as they arrive.
struct StreamSink: BlobSink {
  private let stream: ArchiveStream
  private let digest: Digest
  private let progress: (Int64) -> Void
  private var offset: Int64 = 0

  init(_ digest: Digest, in stream: ArchiveStream, progress: @escaping (Int64) -> Void) {
    self.digest = digest
    self.stream = stream
    self.progress = progress
  }

  mutating func write(_ bytes: RawSpan) throws {
    try stream.write(bytes, of: digest, at: offset)
    offset += Int64(bytes.byteCount)
    progress(offset)
  }

  mutating func restart() {
    offset = 0
    progress(0)
  }
}
