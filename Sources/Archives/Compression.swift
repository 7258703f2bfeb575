/// How content is compressed.
public enum Compression: String, Hashable, Sendable {
  case none, gzip, zstd, xz

  /// How many of the first bytes tell.
  public static let magicSize = 6

  /// What the first ``magicSize`` bytes tell.
  public init(magic bytes: some Sequence<UInt8>) {
    let start = Array(bytes.prefix(Self.magicSize))
    if start.starts(with: [0x1f, 0x8b]) {
      self = .gzip
    } else if start.starts(with: [0x28, 0xb5, 0x2f, 0xfd])
      || (start.count >= 4 && start[0] & 0xf0 == 0x50 && start[1...3] == [0x2a, 0x4d, 0x18])
    {
      // The second is a skippable frame, which some writers put first (RFC 8878).
      self = .zstd
    } else if start.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) {
      self = .xz
    } else {
      self = .none
    }
  }
}
