/// Takes a blob's bytes as they arrive, from its first to its last.
public protocol BlobSink {
  mutating func write(_ bytes: RawSpan) throws
  /// Forgets all bytes: the blob starts again.
  mutating func restart() throws
}
