/// Gives a blob's bytes for an upload, from any place and more than once.
public protocol BlobSource: Sendable {
  /// Reads at most as many bytes as `buffer` holds, from `offset` in the blob, and returns how many; 0 only
  /// at the blob's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int
}
