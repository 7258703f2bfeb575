import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tar

@Suite struct `A decompressor` {
  static let plain = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  static func compressed(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
    switch compression {
    case .none: bytes
    case .gzip: try Peer.run("gzip", "-nc", input: bytes)
    case .zstd: try Peer.run("zstd", "-qc", input: bytes)
    case .xz: try Peer.run("xz", "-c", input: bytes)
    case .bzip2: try Peer.run("bzip2", "-c", input: bytes)
    }
  }

  static func decompress(_ bytes: [UInt8], _ compression: Compression, piece: Int = 1 << 20) throws -> [UInt8]
  {
    var rest = bytes[...]
    var out: [UInt8] = []
    let total = try Decompressor(compression).decompress { buffer in
      let part = rest.prefix(min(piece, buffer.count))
      buffer.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    } into: { span in
      span.withUnsafeBytes { out += $0 }
    }
    #expect(total == Int64(out.count))
    return out
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `unpacks no more than all of an archive's layers may become together`(compression: Compression) throws
  {
    let bytes = try Self.compressed(Self.plain, compression)
    func decompress(_ allowance: UnpackingAllowance) throws -> Int64 {
      var rest = bytes[...]
      return try Decompressor(compression, within: allowance).decompress { buffer in
        let part = rest.prefix(buffer.count)
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
      } into: { _ in
      }
    }
    // As much as others took, but for what is left for this one.
    let left = Int64(Self.plain.count)
    let allowance = UnpackingAllowance { 1 << 20 }
    #expect(allowance.take(4 << 30 + 256 << 20 - left))
    #expect(try decompress(allowance) == left)
    #expect(throws: TarError.expands(compression, path: nil)) { try decompress(allowance) }
    // What has come of an archive counts as it comes.
    let growing = Mutex<Int64>(0)
    let other = UnpackingAllowance { growing.withLock { $0 } }
    #expect(other.take(4 << 30) && !other.take(1 << 20))
    growing.withLock { $0 = 1 << 20 }
    #expect(other.take(1 << 20))
  }

  @Test(arguments: [Compression.none, .gzip, .zstd, .xz, .bzip2], [1, 7000, 1 << 20])
  func `gives back what was compressed, in whatever pieces it comes`(compression: Compression, piece: Int)
    throws
  {
    let bytes = try Self.compressed(Self.plain, compression)
    #expect(Compression(magic: bytes) == compression)
    #expect(try Self.decompress(bytes, compression, piece: piece) == Self.plain)
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `takes members one after the other as one content`(compression: Compression) throws {
    let one = try Self.compressed(Self.plain, compression)
    let other = try Self.compressed([1, 2, 3], compression)
    let empty = try Self.compressed([], compression)
    for piece in [1000, 1 << 20] {
      #expect(try Self.decompress(one + empty + other, compression, piece: piece) == Self.plain + [1, 2, 3])
    }
    #expect(try Self.decompress(empty, compression) == [])
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `finds an early end wherever it is`(compression: Compression) throws {
    let bytes = try Self.compressed(Array(Self.plain.prefix(400)), compression)
    for length in 0..<bytes.count {
      #expect(throws: TarError.self, "\(length) of \(bytes.count)") {
        try Self.decompress(Array(bytes.prefix(length)), compression)
      }
    }
    let large = try Self.compressed((0..<20).flatMap { _ in Self.plain.shuffled() }, compression)
    for length in [large.count / 3, large.count / 2, large.count - 1] {
      #expect(throws: TarError.cutStream(compression)) {
        try Self.decompress(Array(large.prefix(length)), compression)
      }
    }
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `refuses what follows the content`(compression: Compression) throws {
    let bytes = try Self.compressed(Self.plain, compression)
    // Zeros may follow an xz stream (xz-file-format, 2.2).
    // Zeros fill up a record: behind xz by its own rules, behind gzip by gzip's.
    for garbage in [[UInt8](repeating: 0, count: 100), Array("more".utf8)].suffix(
      compression == .zstd ? 2 : 1)
    {
      #expect(throws: TarError.self) { try Self.decompress(bytes + garbage, compression) }
    }
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `finds flipped bits`(compression: Compression) throws {
    let bytes = try Self.compressed(Array(Self.plain.prefix(300)), compression)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x10
      // Times, names and hints in the headers mean nothing to the content.
      let result = try? Self.decompress(changed, compression)
      #expect(result == nil || result == Array(Self.plain.prefix(300)), "byte \(index)")
    }
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `refuses plain bytes`(compression: Compression) {
    #expect(throws: TarError.self) { try Self.decompress(Self.plain, compression) }
  }

  @Test func `undoes one compression and not the one inside`() throws {
    let once = try Self.compressed(Self.plain, .zstd)
    #expect(try Self.decompress(Self.compressed(once, .zstd), .zstd) == once)
  }

  @Test(arguments: [Compression.none, .gzip, .zstd, .xz, .bzip2])
  func `lets the closures' own errors through`(compression: Compression) throws {
    struct Mine: Error {}
    let bytes = try Self.compressed(Self.plain, compression)
    #expect(throws: Mine.self) {
      try Decompressor(compression).decompress(from: { _ in throw Mine() }, into: { _ in })
    }
    #expect(throws: Mine.self) {
      try Decompressor(compression).decompress { buffer in
        let part = bytes.prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
      } into: { _ in
        throw Mine()
      }
    }
  }

  @Test(arguments: [Compression.gzip, .zstd, .xz, .bzip2])
  func `hands on a large content in small pieces`(compression: Compression) throws {
    // 64 MiB of zeros: a hundred kilobytes at the most.
    let bytes = try Peer.run(
      "sh", "-c",
      "head -c 67108864 /dev/zero | \([.gzip: "gzip -1nc", .zstd: "zstd -qc", .bzip2: "bzip2 -1c"][compression, default: "xz -0c"])"
    )
    var rest = bytes[...]
    var largest = 0
    let total = try Decompressor(compression).decompress { buffer in
      let part = rest.prefix(buffer.count)
      buffer.copyBytes(from: part)
      rest = rest.dropFirst(part.count)
      return part.count
    } into: {
      largest = max(largest, $0.byteCount)
    }
    #expect(total == 64 << 20)
    #expect(largest <= 1 << 20)
  }
}
