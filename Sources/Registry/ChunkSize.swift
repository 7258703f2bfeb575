/// How much of a blob goes in one request: what the line moves in about a second. What is lost with a
/// request, and what a run that is told to end has still to send, is then as much, and asking so often
/// costs little.
struct ChunkSize: Hashable, Sendable {
  private let sizes: UploadSizes
  /// In bytes.
  private(set) var bytes: Int64

  init(_ sizes: UploadSizes) {
    self.sizes = sizes
    bytes = sizes.firstChunk
  }

  /// Learns from a whole chunk of this size that took `duration`.
  mutating func learn(from duration: Duration) {
    if duration < .milliseconds(500) {
      bytes = min(bytes * 2, sizes.largestChunk)
    } else if duration > .milliseconds(1500) {
      bytes = max(bytes / 2, sizes.smallestChunk)
    }
  }

  /// The end of the chunk that begins at `offset` in a blob of `size` bytes, for a registry that wants at
  /// least `least` bytes in all but the last.
  func end(from offset: Int64, of size: Int64, least: Int64) -> Int64 {
    let (end, overflow) = offset.addingReportingOverflow(max(bytes, least, 1))
    return overflow ? size : min(end, size)
  }
}
