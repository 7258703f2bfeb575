/// Gives a blob's bytes for an upload, more than once and, within its reach, from any place.
public protocol BlobSource: Sendable {
  /// Reads at most as many bytes as `buffer` holds, from `offset` in the blob, and returns how many; 0 only
  /// at the blob's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int

  /// How far back from what was read last it can read again, in bytes; nil for all the way. No more than that
  /// goes in one request, so that a cut line can be gone on from.
  var reach: Int64? { get }
}

extension BlobSource {
  public var reach: Int64? { nil }
}
