import Files
import Foundation
import TestSupport
import Testing

@testable import Tar

@Suite(.waiting) struct `Streamed content` {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private func all(_ content: StreamedContent, piece: Int = 1000) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: piece)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try content.read(into: $0) }
      bytes += buffer.prefix(count)
      if count < piece { return bytes }
    }
  }

  @Test func `is a compressed file or a named pipe, and nothing that can be read in place`() throws {
    let packed = try Peer.run("gzip", "-nc", input: Array("text".utf8))
    let file = try #require(try StreamedContent.open(scratch.write(packed, to: "a.tar")))
    #expect(file.compression == .gzip && file.path == scratch("a.tar"))
    #expect(try all(file) == Array("text".utf8))
    for bytes in [[], [0x1f], Array("plain".utf8)] {
      #expect(try StreamedContent.open(scratch.write(bytes, to: "plain")) == nil)
    }
    #expect(try StreamedContent.open(scratch("missing")) == nil)
    #expect(try StreamedContent.open(scratch.path) == nil)
    #expect(try StreamedContent.open("/dev/null") == nil)

    try Peer.run("mkfifo", scratch("pipe"))
    let writer = Process()
    writer.executableURL = URL(fileURLWithPath: "/bin/sh")
    writer.arguments = ["-c", "cat \"$0\" > \"$1\"", scratch("a.tar"), scratch("pipe")]
    try writer.run()
    let pipe = try #require(try StreamedContent.open(scratch("pipe")))
    #expect(try all(pipe) == Array("text".utf8))
    writer.waitUntilExit()
  }

  @Test func `is laid down in a file without a name, whose space goes with it`() throws {
    let plain = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 9) }
    let packed = try Peer.run("zstd", "-qc", input: plain)
    let content = try #require(try StreamedContent.open(scratch.write(packed, to: "packed")))
    let file = try content.spooled(in: scratch.path)
    #expect(try file.size() == Int64(plain.count))
    #expect(try file.read(plain.count, at: 0) == plain)
    #expect(file.path == scratch("packed"))
    #expect(try scratch.names == ["packed"])
    #expect(throws: TarError.file(.file(.open, path: scratch("none"), code: ENOENT))) {
      let content = try #require(try StreamedContent.open(scratch("packed")))
      return try content.spooled(in: scratch("none"))
    }
  }

  @Test(arguments: ["gzip", "zstd", "xz"])
  func `is laid down as far as it came where it is cut`(tool: String) throws {
    var seed: UInt32 = 7
    let plain = (0..<3_000_000).map { _ -> UInt8 in
      seed = seed &* 1_664_525 &+ 1_013_904_223
      return UInt8(seed >> 24)
    }
    let packed = try Peer.run(tool, "-qc", input: plain)
    // The last bytes of a gzip member are a checksum and a length.
    for left in [0, packed.count / 3] + (tool == "gzip" ? [2] : []) {
      let path = try scratch.write(packed.dropLast(left), to: "packed")
      let content = try #require(try StreamedContent.open(path))
      let file = try content.spooled(in: scratch.path)
      let size = Int(try file.size())
      #expect(content.isCut == (left > 0) && (size == plain.count || left > 2))
      #expect(try size > plain.count / 2 && file.read(size, at: 0) == Array(plain.prefix(size)))
    }
  }

  @Test func `stops waiting when its task is cancelled`() async throws {
    try Peer.run("mkfifo", scratch("pipe"))
    // Open for writing as well: no end comes.
    let holder = open(scratch("pipe"), O_RDWR)
    defer { close(holder) }
    let path = scratch("pipe")
    let waiting = Task.detached { try StreamedContent.open(path) == nil }
    waiting.cancel()
    await #expect(throws: TarError.file(.cancelled)) { try await waiting.value }
  }
}
