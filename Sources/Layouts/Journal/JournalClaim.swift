public import Digests
import Images

/// That the first `have` bytes of a blob lie at an offset of the file, and what they hash to. It may be wrong:
/// the machine may have lost what it had not yet put on the disk.
public struct JournalClaim: Hashable, Sendable {
  public let blob: Digest
  /// The whole blob's size, in bytes.
  public let size: Int64
  /// Where the blob begins in the file.
  public let offset: Int64
  public let have: Int64
  /// The sha256 of the first `have` bytes.
  public let content: Digest

  /// Where anything of an archive can lie.
  static let offsets: ClosedRange<Int64> = 0...1 << 61

  /// nil when the numbers make no sense.
  public init?(blob: Digest, size: Int64, offset: Int64, have: Int64, content: Digest) {
    guard (1...Descriptor.largestSize).contains(size), (1...size).contains(have),
      Self.offsets.contains(offset)
    else { return nil }
    self.blob = blob
    self.size = size
    self.offset = offset
    self.have = have
    self.content = content
  }
}
