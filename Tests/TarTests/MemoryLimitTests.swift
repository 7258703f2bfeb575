import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tar

@Suite struct `Memory for decompressing` {
  static let mib: Int64 = 1 << 20
  static let plain = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  /// What `command` makes of `bytes`, or of other bytes than those above.
  private func compressed(_ command: String, _ bytes: [UInt8] = plain) throws -> [UInt8] {
    // Through a pipe, so that zstd does not know how little there is.
    try Peer.run("sh", "-c", "cat | \(command)", input: bytes)
  }

  private func decompress(_ bytes: [UInt8], limit: Int64? = nil, piece: Int = 1 << 20) throws -> [UInt8] {
    let compression = Compression(magic: bytes)
    let decompressor =
      limit.map { Decompressor(compression, memoryLimit: $0) } ?? Decompressor(compression)
    var rest = bytes[...]
    var out: [UInt8] = []
    try decompressor.decompress { buffer in
      let part = rest.prefix(min(piece, buffer.count))
      buffer.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    } into: { span in
      span.withUnsafeBytes { out += $0 }
    }
    return out
  }

  @Test(arguments: [
    ("xz --lzma2=dict=256MiB", 256 * mib, Compression.xz), ("xz --x86 --lzma2=dict=96MiB", 96 * mib, .xz),
    ("zstd -q --long=27", 128 * mib, .zstd),
  ])
  func `is not more than is allowed`(command: String, need: Int64, compression: Compression) throws {
    let bytes = try compressed(command)
    for piece in [1, 5000, 1 << 20] {
      let limit = Decompressor.usualMemory
      #expect(throws: TarError.needsMemory(compression, path: nil, need: need, limit: limit)) {
        try decompress(bytes, piece: piece)
      }
      #expect(throws: TarError.needsMemory(compression, path: nil, need: need, limit: need - 1)) {
        try decompress(bytes, limit: need - 1, piece: piece)
      }
      #expect(try decompress(bytes, limit: need, piece: piece) == Self.plain)
    }
  }

  @Test(arguments: ["xz -9", "xz -9e", "xz -T2 -9", "zstd -q -19", "zstd -q --ultra -21", "gzip -9"])
  func `is enough for what is usual`(command: String) throws {
    #expect(try decompress(compressed(command)) == Self.plain)
  }

  /// Blocks of every kind, checks of every size, members, padding and frames to be skipped come before.
  @Test(arguments: [
    ("xz --block-size=10000 --check=none", "xz --lzma2=dict=256MiB"),
    ("xz --check=crc32", "xz --lzma2=dict=256MiB"), ("xz -T2 --block-size=70000", "xz --lzma2=dict=256MiB"),
    ("xz --check=sha256; head -c 8 /dev/zero", "xz --lzma2=dict=256MiB"),
    ("zstd -q", "zstd -q --long=27"), ("zstd -q --no-check", "zstd -q --long=27"),
    ("zstd -q; printf 'Q*M\\030\\003\\0\\0\\0abc'", "zstd -q --long=27"),
  ])
  func `is looked at for each part of the content`(first: String, second: String) throws {
    var random = SeededGenerator(seed: 7)
    // Bytes that cannot be compressed, alike ones, and others.
    for content in [random.bytes(200_000), [UInt8](repeating: 5, count: 500_000), [], Self.plain] {
      let front = try compressed("{ \(first); }", content)
      let bytes = try front + compressed(second)
      for piece in [777, 1 << 20] {
        #expect(try decompress(front, piece: piece) == content)
        let error = #expect(throws: TarError.self) { try decompress(bytes, piece: piece) }
        guard case .needsMemory = error else { throw try #require(error) }
        #expect(try decompress(bytes, limit: 256 * Self.mib, piece: piece) == content + Self.plain)
      }
    }
  }

  /// Frames of the formats before 1.0 tell of their windows in another way, and Debian's decoder reads them.
  @Test(arguments: [UInt8(0x1e), 0x25, 0x27]) func `is not granted unseen to a format of old`(
    _ version: UInt8
  ) throws {
    let bytes = try compressed("zstd -q") + [version, 0xb5, 0x2f, 0xfd] + [UInt8](repeating: 0, count: 64)
    let error = #expect(throws: TarError.self) { try decompress(bytes) }
    #expect(
      error
        == .needsMemory(.zstd, path: nil, need: 128 * Self.mib, limit: Decompressor.usualMemory))
  }

  @Test func `of a frame is no more than what it holds`() throws {
    let scratch = try ScratchDirectory()
    try scratch.write(Self.plain, to: "plain")
    let bytes = try Peer.run("zstd", "-qc", "--ultra", "-22", "--long=27", scratch("plain"))
    #expect(try decompress(bytes, limit: Self.mib) == Self.plain)
  }

  @Test func `is told with the name of what takes it`() throws {
    let scratch = try ScratchDirectory()
    let path = try scratch.write(compressed("xz --lzma2=dict=256MiB"), to: "a.tar.xz")
    let need = 256 * Self.mib
    var buffer = [UInt8](repeating: 0, count: 10)
    let refused = try #require(try StreamedContent.open(path))
    #expect(
      throws: TarError.needsMemory(.xz, path: path, need: need, limit: Decompressor.usualMemory)
    ) {
      try buffer.withUnsafeMutableBytes { try refused.read(into: $0) }
    }
    let allowed = try #require(try StreamedContent.open(path, memoryLimit: need))
    #expect(try buffer.withUnsafeMutableBytes { try allowed.read(into: $0) } == 10)
  }

  /// Whoever waits is woken by whoever is done, and nobody waits for what nobody has.
  @Test func `is shared by all that unpack at the same time`() {
    let memory = DecoderMemory()
    let limit = 64 * Self.mib
    memory.exchange(0, for: 256 * Self.mib, within: limit)
    memory.exchange(256 * Self.mib, for: 40 * Self.mib, within: limit)
    memory.exchange(0, for: 24 * Self.mib, within: limit)
    let order = Mutex<[String]>([])
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      memory.exchange(0, for: 60 * Self.mib, within: limit)
      order.withLock { $0.append("taken") }
      done.signal()
    }
    memory.release(24 * Self.mib)
    order.withLock { $0.append("given") }
    memory.release(40 * Self.mib)
    #expect(done.wait(timeout: .now() + 300) == .success)
    #expect(order.withLock { $0 } == ["given", "taken"])
  }
}

@Suite struct `Content that is made to fill a disk` {
  @Test func `may become a thousand times as much and 1 GiB`() {
    let free: Int64 = 1 << 30
    #expect(Decompressor.mayBecome(free, of: 0) && Decompressor.mayBecome(free + 5000, of: 5))
    #expect(!Decompressor.mayBecome(free + 1000, of: 0) && !Decompressor.mayBecome(free + 6000, of: 5))
    #expect(Decompressor.mayBecome(.max, of: .max) && !Decompressor.mayBecome(.max, of: 1))
  }
}
