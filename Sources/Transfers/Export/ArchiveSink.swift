import Registry

/// Puts a blob's bytes at their place in an archive as they arrive.
struct ArchiveSink: BlobSink {
  /// Takes bytes and their offset in the blob: a writer's or a stream's.
  typealias Put = (_ bytes: RawSpan, _ offset: Int64) throws -> Void

  private let put: Put
  private let progress: (Int64) -> Void
  private var offset: Int64 = 0

  init(progress: @escaping (Int64) -> Void, put: @escaping Put) {
    self.put = put
    self.progress = progress
  }

  mutating func write(_ bytes: RawSpan) throws {
    try put(bytes, offset)
    offset += Int64(bytes.byteCount)
    progress(offset)
  }

  mutating func restart() {
    offset = 0
    progress(0)
  }
}
