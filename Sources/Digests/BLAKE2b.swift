/// BLAKE2b (RFC 7693), without a key: the hash in minisign's files. It stands in no content's name, so it makes
/// no ``Digest``.
struct BLAKE2b {
  private var state: [UInt64]
  /// The last block stays here until it is known whether it is the last.
  private var block: [UInt8] = []
  /// Bytes compressed so far. The reference has 128 bits for it; no message comes near 2^64.
  private var count: UInt64 = 0
  private let length: Int

  private static let blockSize = 128

  /// For hashes of `length` bytes, 1 to 64.
  init(length: Int = 64) {
    self.length = min(max(length, 1), 64)
    state = Self.initial
    state[0] ^= 0x0101_0000 ^ UInt64(self.length)
    block.reserveCapacity(Self.blockSize)
  }

  /// The hash of `bytes`, `length` bytes long.
  static func hash(_ bytes: [UInt8], length: Int = 64) -> [UInt8] {
    var hasher = BLAKE2b(length: length)
    hasher.update(bytes)
    return hasher.finish()
  }

  mutating func update(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if block.count == Self.blockSize { compress(isLast: false) }
      let room = Self.blockSize - block.count
      block += rest.prefix(room)
      rest = rest.dropFirst(room)
    }
  }

  consuming func finish() -> [UInt8] {
    let filled = block.count
    block += [UInt8](repeating: 0, count: Self.blockSize - filled)
    compress(isLast: true, filled: filled)
    var bytes: [UInt8] = []
    for word in state {
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return Array(bytes.prefix(length))
  }

  private mutating func compress(isLast: Bool, filled: Int = blockSize) {
    count &+= UInt64(filled)
    var message: [UInt64] = []
    for start in stride(from: 0, to: Self.blockSize, by: 8) {
      var word: UInt64 = 0
      for byte in block[start..<start + 8].reversed() { word = word << 8 | UInt64(byte) }
      message.append(word)
    }
    block.removeAll(keepingCapacity: true)
    var v = state + Self.initial
    v[12] ^= count
    if isLast { v[14] = ~v[14] }
    for round in 0..<12 {
      let s = Self.schedule[round % 10]
      for (index, column) in Self.columns.enumerated() {
        Self.mix(&v, column, message[s[2 * index]], message[s[2 * index + 1]])
      }
    }
    for index in 0..<8 { state[index] ^= v[index] ^ v[index + 8] }
  }

  /// The function G of RFC 7693, 3.1.
  private static func mix(
    _ v: inout [UInt64], _ at: (a: Int, b: Int, c: Int, d: Int), _ x: UInt64, _ y: UInt64
  ) {
    v[at.a] = v[at.a] &+ v[at.b] &+ x
    v[at.d] = rotated(v[at.d] ^ v[at.a], by: 32)
    v[at.c] = v[at.c] &+ v[at.d]
    v[at.b] = rotated(v[at.b] ^ v[at.c], by: 24)
    v[at.a] = v[at.a] &+ v[at.b] &+ y
    v[at.d] = rotated(v[at.d] ^ v[at.a], by: 16)
    v[at.c] = v[at.c] &+ v[at.d]
    v[at.b] = rotated(v[at.b] ^ v[at.c], by: 63)
  }

  private static func rotated(_ word: UInt64, by bits: UInt64) -> UInt64 {
    word >> bits | word << (64 - bits)
  }

  /// The columns and then the diagonals of the 4 × 4 words.
  private static let columns: [(a: Int, b: Int, c: Int, d: Int)] = [
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
  ]

  private static let initial: [UInt64] = [
    0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
  ]

  private static let schedule: [[Int]] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
  ]
}
