import Registry

/// Keeps a small blob.
struct MemorySink: BlobSink {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ piece: RawSpan) {
    for offset in 0..<piece.byteCount {
      bytes.append(unsafe piece.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
    }
  }

  mutating func restart() { bytes = [] }
}
