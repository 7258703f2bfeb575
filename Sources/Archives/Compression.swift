/// How content is compressed.
public enum Compression: String, Hashable, Sendable {
  case none, gzip, zstd

  /// What the first bytes tell; four suffice.
  public init(magic bytes: some Sequence<UInt8>) {
    let start = Array(bytes.prefix(4))
    if start.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if start == [0x28, 0xb5, 0x2f, 0xfd]
      || (start.count == 4 && start[0] & 0xf0 == 0x50 && start[1...] == [0x2a, 0x4d, 0x18])
    {
      // The second is a skippable frame, which some writers put first (RFC 8878).
      self = .zstd
    } else {
      self = .none
    }
  }
}
