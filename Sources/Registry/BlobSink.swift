public import Digests

/// Takes a blob's bytes as they arrive, from its first to its last.
public protocol BlobSink {
  mutating func write(_ bytes: RawSpan) throws
  /// Forgets all bytes: the blob starts again.
  mutating func restart() throws
  /// Called after each write with what has seen all bytes so far: a sink that notes how far it has come learns
  /// here what those bytes hash to.
  mutating func written(_ verifier: borrowing BlobVerifier) throws
}

extension BlobSink {
  public mutating func written(_ verifier: borrowing BlobVerifier) throws {}
}
