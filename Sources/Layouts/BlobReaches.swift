import Digests
import Synchronization

/// Up to where each blob of an archive was written, without a gap from its first byte on: what a hash of it may speak
/// of. Who hashes a blob and who writes it must have seen the same bytes, so a proof or a claim of another length is
/// refused.
final class BlobReaches: Sendable {
  private struct Reach {
    /// In bytes.
    var end: Int64 = 0
    /// What was written behind a gap, in order.
    var ahead: [Range<Int64>] = []

    /// A write that begins before the end is a new attempt: what lies behind it is of the attempt before.
    mutating func wrote(_ range: Range<Int64>) {
      if range.lowerBound < end { ahead = [] }
      guard range.lowerBound <= end else {
        let index = ahead.firstIndex { $0.lowerBound > range.lowerBound } ?? ahead.count
        ahead.insert(range, at: index)
        return
      }
      end = range.upperBound
      while let next = ahead.first, next.lowerBound <= end {
        end = max(end, next.upperBound)
        ahead.removeFirst()
      }
    }
  }

  private let reaches = Mutex<[Digest: Reach]>([:])

  /// Hears that `count` bytes of a blob are written from `offset` on.
  func wrote(_ digest: Digest, at offset: Int64, count: Int) {
    reaches.withLock { $0[digest, default: Reach()].wrote(offset..<offset + Int64(count)) }
  }

  /// Hears that the first `have` bytes of a blob are there already, and hashed.
  func found(_ digest: Digest, have: Int64) { reaches.withLock { $0[digest] = Reach(end: have) } }

  /// Hears that a blob comes anew.
  func forget(_ digest: Digest) { reaches.withLock { $0[digest] = nil } }

  /// Throws ``LayoutError/notAsWritten(_:written:hashed:)`` unless exactly the first `hashed` bytes of a blob are
  /// written.
  func check(_ digest: Digest, hashed: Int64) throws(LayoutError) {
    let written = reaches.withLock { $0[digest]?.end ?? 0 }
    guard written == hashed else { throw .notAsWritten(digest, written: written, hashed: hashed) }
  }
}
