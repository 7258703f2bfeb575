import Crypto
import Glibc

/// scrypt (RFC 7914): a key out of a password, at a cost of time and memory that makes guessing expensive.
enum Scrypt {
  /// A key of `count` bytes. `rounds` is the RFC's N, a power of two, `blockSize` its r, `parallelism` its p. nil where the
  /// memory for it, 128 × r × N bytes, cannot be had.
  static func key(
    from password: [UInt8], salt: [UInt8], rounds: Int, blockSize: Int, parallelism: Int, count: Int
  ) -> [UInt8]? {
    let words = 32 * blockSize
    // The block, what a step makes of it, and all that came before.
    guard let memory = unsafe malloc((rounds + 2) * words * MemoryLayout<UInt32>.stride) else { return nil }
    defer { unsafe free(memory) }
    let all = unsafe memory.bindMemory(to: UInt32.self, capacity: (rounds + 2) * words)
    var blocks = stretched(password, salt: salt, count: parallelism * words * 4)
    for lane in 0..<parallelism {
      let start = lane * words * 4
      for word in 0..<words {
        let bytes = blocks[start + word * 4..<start + word * 4 + 4]
        unsafe all[word] = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      unsafe mix(all, spare: all + words, table: all + 2 * words, rounds: rounds, blockSize: blockSize)
      for word in 0..<words {
        let value = unsafe all[word]
        for byte in 0..<4 { blocks[start + word * 4 + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
      }
    }
    return stretched(password, salt: blocks, count: count)
  }

  /// PBKDF2 with HMAC-SHA-256 and one iteration (RFC 8018).
  private static func stretched(_ password: [UInt8], salt: [UInt8], count: Int) -> [UInt8] {
    let key = SymmetricKey(data: password)
    var bytes: [UInt8] = []
    var number: UInt32 = 1
    while bytes.count < count {
      let counter = (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
      bytes += HMAC<SHA256>.authenticationCode(for: salt + counter, using: key)
      number += 1
    }
    return Array(bytes.prefix(count))
  }

  /// The RFC's `scryptROMix` of `block`, in place.
  private static func mix(
    _ block: UnsafeMutablePointer<UInt32>, spare: UnsafeMutablePointer<UInt32>,
    table: UnsafeMutablePointer<UInt32>, rounds: Int, blockSize: Int
  ) {
    let words = 32 * blockSize
    for round in 0..<rounds {
      unsafe (table + round * words).update(from: block, count: words)
      unsafe step(block, spare: spare, blockSize: blockSize)
    }
    for _ in 0..<rounds {
      let chosen = unsafe Int(block[words - 16]) & (rounds - 1)
      let earlier = unsafe table + chosen * words
      for word in 0..<words { unsafe block[word] ^= earlier[word] }
      unsafe step(block, spare: spare, blockSize: blockSize)
    }
  }

  /// The RFC's `scryptBlockMix`, in place.
  private static func step(
    _ block: UnsafeMutablePointer<UInt32>, spare: UnsafeMutablePointer<UInt32>, blockSize: Int
  ) {
    let count = 2 * blockSize
    var last = unsafe words(at: block + 16 * (count - 1))
    for index in 0..<count {
      last = salsa(unsafe last ^ words(at: block + 16 * index))
      // Those of even numbers come first.
      let place = index / 2 + (index % 2) * blockSize
      unsafe UnsafeMutableRawPointer(spare + 16 * place).storeBytes(of: last, as: SIMD16<UInt32>.self)
    }
    unsafe block.update(from: spare, count: 16 * count)
  }

  private static func words(at pointer: UnsafeMutablePointer<UInt32>) -> SIMD16<UInt32> {
    unsafe UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<UInt32>.self)
  }

  /// Salsa20/8: eight rounds over sixteen words, here as four rows of a turned square, so that four words go at once.
  private static func salsa(_ input: SIMD16<UInt32>) -> SIMD16<UInt32> {
    let x = input
    var a = SIMD4(x[0], x[5], x[10], x[15])
    var b = SIMD4(x[4], x[9], x[14], x[3])
    var c = SIMD4(x[8], x[13], x[2], x[7])
    var d = SIMD4(x[12], x[1], x[6], x[11])
    for _ in 0..<8 {
      b ^= rotated(a &+ d, by: 7)
      c ^= rotated(b &+ a, by: 9)
      d ^= rotated(c &+ b, by: 13)
      a ^= rotated(d &+ c, by: 18)
      // From columns to rows, and back.
      (b, d) = (SIMD4(d[1], d[2], d[3], d[0]), SIMD4(b[3], b[0], b[1], b[2]))
      c = SIMD4(c[2], c[3], c[0], c[1])
    }
    let output = SIMD16(
      a[0], d[1], c[2], b[3], b[0], a[1], d[2], c[3], c[0], b[1], a[2], d[3], d[0], c[1], b[2], a[3])
    return output &+ input
  }

  private static func rotated(_ value: SIMD4<UInt32>, by count: UInt32) -> SIMD4<UInt32> {
    value &<< count | value &>> (32 - count)
  }
}
