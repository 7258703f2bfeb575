import TestSupport
import Testing

@testable import Digests

@Suite(.waiting) struct `A BLAKE2b hash` {
  private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
  }

  /// RFC 7693, appendix A.
  @Test func `of abc is the one in its specification`() {
    #expect(
      hex(BLAKE2b.hash(Array("abc".utf8)))
        == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
  }

  /// Around the block's size of 128 bytes, where a last block is easily taken for another.
  @Test(arguments: [0, 1, 127, 128, 129, 255, 256, 257, 1024, 10_000], [1, 20, 32, 64])
  func `is what b2sum computes`(size: Int, length: Int) throws {
    var generator = SeededGenerator(seed: UInt64(size))
    let bytes = generator.bytes(size)
    var command = Command("b2sum", ["-l", "\(8 * length)"])
    command.input = bytes
    #expect(try command.run().standardOutput.hasPrefix(hex(BLAKE2b.hash(bytes, length: length)) + " "))
  }

  @Test func `does not depend on how its content was cut`() {
    var generator = SeededGenerator(seed: 5)
    let bytes = generator.bytes(1000)
    for size in [1, 63, 64, 127, 128, 129, 500] {
      var hasher = BLAKE2b()
      for start in stride(from: 0, to: bytes.count, by: size) {
        hasher.update(Array(bytes[start..<min(start + size, bytes.count)]))
      }
      #expect(hasher.finish() == BLAKE2b.hash(bytes))
    }
  }
}
