/// The headers of zstd's frames and blocks, one after the other (RFC 8878, 3.1.1 and 3.1.2).
struct ZstdHeaders {
  private enum Part {
    case magic, skippable, descriptor, legacy
    case frame(descriptor: UInt8)
    case block(hasChecksum: Bool)
  }

  private var part = Part.magic

  static let firstSize = 4

  /// The largest window of the formats before 1.0, whose headers are each of another form (zstd's `lib/legacy`). Debian's
  /// decoder reads them all the same.
  private static let legacyWindow: Int64 = 128 << 20

  /// Reads the header that was asked for; nil where it is none.
  mutating func step(_ header: [UInt8]) -> WindowScan.Step? {
    switch part {
    case .magic:
      if header == [0x28, 0xb5, 0x2f, 0xfd] {
        part = .descriptor
        return WindowScan.Step(next: 1)
      }
      if (0x1e...0x27).contains(header[0]), header[1...] == [0xb5, 0x2f, 0xfd] {
        part = .legacy
        return WindowScan.Step(window: Self.legacyWindow, next: Self.firstSize)
      }
      guard header[0] & 0xf0 == 0x50, header[1...] == [0x2a, 0x4d, 0x18] else { return nil }
      part = .skippable
      return WindowScan.Step(next: 4)
    // What it takes is granted, or it is not decompressed at all.
    case .legacy: return nil
    case .skippable:
      part = .magic
      return WindowScan.Step(skipped: Int64(clamping: Self.number(header[...])), next: Self.firstSize)
    case .descriptor:
      part = .frame(descriptor: header[0])
      return WindowScan.Step(next: Self.size(of: header[0]).frame)
    case .frame(let descriptor):
      part = .block(hasChecksum: descriptor & 0b100 != 0)
      return WindowScan.Step(window: Self.window(header, descriptor), next: 3)
    case .block(let hasChecksum):
      let number = Self.number(header[...])
      // The second of the four kinds is one byte that is repeated; the last is reserved.
      let kind = number >> 1 & 3
      guard kind != 3 else { return nil }
      var skipped = kind == 1 ? 1 : Int64(number >> 3)
      guard number & 1 == 1 else { return WindowScan.Step(skipped: skipped, next: 3) }
      part = .magic
      if hasChecksum { skipped += 4 }
      return WindowScan.Step(skipped: skipped, next: Self.firstSize)
    }
  }

  /// How many bytes the content's size has in the header of a frame, and what is behind the descriptor altogether.
  private static func size(of descriptor: UInt8) -> (content: Int, frame: Int) {
    let isSingle = descriptor & 0x20 != 0
    let content = [isSingle ? 1 : 0, 2, 4, 8][Int(descriptor >> 6)]
    return (content, (isSingle ? 0 : 1) + [0, 1, 2, 4][Int(descriptor & 3)] + content)
  }

  /// What is kept while a frame is decompressed: its window, or all of it where that is less.
  private static func window(_ header: [UInt8], _ descriptor: UInt8) -> Int64 {
    let contentSize = size(of: descriptor).content
    let content = Int64(clamping: number(header.suffix(contentSize)) &+ (contentSize == 2 ? 256 : 0))
    guard descriptor & 0x20 == 0 else { return content }
    let base = Int64(1) << (10 + Int64(header[0] >> 3))
    let window = base + base / 8 * Int64(header[0] & 7)
    return contentSize == 0 ? window : min(window, content)
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
