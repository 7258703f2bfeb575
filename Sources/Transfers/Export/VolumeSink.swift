import Digests
import Layouts
import Registry

/// Puts those of a blob's bytes that lie in the volumes being written at their place.
struct VolumeSink: BlobSink {
  private let writer: VolumeWriter
  private let digest: Digest
  private let progress: (Int64) -> Void
  private var offset: Int64 = 0

  init(_ digest: Digest, in writer: VolumeWriter, progress: @escaping (Int64) -> Void) {
    self.digest = digest
    self.writer = writer
    self.progress = progress
  }

  mutating func write(_ bytes: RawSpan) throws {
    try writer.write(bytes, of: digest, at: offset)
    offset += Int64(bytes.byteCount)
    progress(offset)
  }

  mutating func restart() {
    offset = 0
    progress(0)
  }
}
