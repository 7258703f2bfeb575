import Foundation
import TestSupport
import Testing

@testable import Tar

@Suite(.waiting) struct `A gzip compressor` {
  /// What it makes of `content`, given in pieces of `input` bytes and taken in pieces of `output` bytes.
  private func compress(_ content: [UInt8], input: Int = 1 << 20, output: Int = 1 << 20) throws -> [UInt8] {
    let compressor = try GzipCompressor()
    var position = 0
    var compressed: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: output)
    while true {
      let count = try buffer.withUnsafeMutableBytes { buffer in
        try compressor.next(into: buffer) { piece in
          let count = min(piece.count, input, content.count - position)
          piece.copyBytes(from: content[position..<position + count])
          position += count
          return count
        }
      }
      guard count > 0 else { return compressed }
      compressed += buffer[..<count]
    }
  }

  private let content: [UInt8] = {
    var random = SeededGenerator(seed: 3)
    return (0..<700_000).map { $0 % 5 == 0 ? UInt8.random(in: 0...255, using: &random) : UInt8($0 & 63) }
  }()

  @Test func `makes what gzip unpacks`() throws {
    for content in [[], [7], content] {
      var command = Command("gzip", ["-dc"])
      command.input = try compress(content)
      #expect(try command.run().output == content)
    }
  }

  @Test(arguments: [(1 << 20, 1), (1, 1 << 20), (4097, 511), (300_000, 70_000)])
  func `makes the same bytes however it is fed and read`(input: Int, output: Int) throws {
    #expect(try compress(content, input: input, output: output) == compress(content))
  }

  @Test func `tells no time, name or system`() throws {
    #expect(try compress(content).prefix(10) == [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
  }

  @Test func `lets its source's error through`() throws {
    struct Broken: Error {}
    let compressor = try GzipCompressor()
    var buffer = [UInt8](repeating: 0, count: 100)
    #expect(throws: Broken.self) {
      try buffer.withUnsafeMutableBytes { try compressor.next(into: $0) { _ in throw Broken() } }
    }
  }
}
