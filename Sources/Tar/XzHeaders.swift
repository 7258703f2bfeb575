/// The headers of xz's streams, blocks and LZMA2 chunks, one after the other (xz-file-format, 2 to 4; the chunks as
/// liblzma's lzma2_decoder.c reads them).
struct XzHeaders {
  private enum Part {
    case stream
    /// The first byte of a block's header or of the index.
    case block
    case blockHeader
    case chunk
    case chunkHeader(control: UInt8)
    /// The index: how many numbers are still to come, and the one that is coming.
    case indexCount, index
    case footer
    /// Zeros that may follow a stream, in fours, or the next stream's beginning.
    case padding
    case nextStream
  }

  private var part = Part.stream
  /// Behind each block, in bytes.
  private var checkSize: Int64 = 0
  /// How much of the block's content, or of the index, has come: both end at a multiple of four.
  private var length: Int64 = 0
  private var numbers: UInt64 = 0
  private var number: (value: UInt64, shift: UInt64) = (0, 0)

  static let firstSize = 12
  private static let magic: [UInt8] = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]

  /// Reads the header that was asked for; nil where it is none.
  mutating func step(_ header: [UInt8]) -> WindowScan.Step? {
    switch part {
    case .stream:
      guard header.starts(with: Self.magic) else { return nil }
      return begin(checkType: header[7])
    case .nextStream:
      // The first four bytes have come before.
      guard header.starts(with: Self.magic.dropFirst(4)) else { return nil }
      return begin(checkType: header[3])
    case .block:
      if header[0] == 0 {
        part = .indexCount
        (length, number) = (1, (0, 0))
        return WindowScan.Step(next: 1)
      }
      part = .blockHeader
      return WindowScan.Step(next: Int(header[0]) * 4 + 3)
    case .blockHeader:
      guard let window = Self.dictionarySize(header) else { return nil }
      part = .chunk
      length = 0
      return WindowScan.Step(window: window, next: 1)
    case .chunk: return chunk(header[0])
    case .chunkHeader(let control):
      part = .chunk
      let size = Self.big(header[(control >= 0x80 ? 2 : 0)...].prefix(2)) + 1
      length += Int64(header.count) + size
      return WindowScan.Step(skipped: size, next: 1)
    case .indexCount, .index: return index(header[0])
    case .footer:
      part = .padding
      return WindowScan.Step(next: 4)
    case .padding:
      if header == [0, 0, 0, 0] { return WindowScan.Step(next: 4) }
      guard header == Array(Self.magic.prefix(4)) else { return nil }
      part = .nextStream
      return WindowScan.Step(next: Self.firstSize - 4)
    }
  }

  private mutating func begin(checkType: UInt8) -> WindowScan.Step? {
    guard checkType < 16 else { return nil }
    // No check, or three kinds of each size.
    checkSize = checkType == 0 ? 0 : 4 << Int64((checkType - 1) / 3)
    part = .block
    return WindowScan.Step(next: 1)
  }

  private mutating func chunk(_ control: UInt8) -> WindowScan.Step? {
    length += 1
    switch control {
    case 0:
      part = .block
      return WindowScan.Step(skipped: -length & 3 + checkSize, next: 1)
    case 1, 2: part = .chunkHeader(control: control)  // not compressed: its size
    case 0x80...: part = .chunkHeader(control: control)  // two sizes, and properties where they are new
    default: return nil
    }
    return WindowScan.Step(next: control < 0x80 ? 2 : control < 0xc0 ? 4 : 5)
  }

  private mutating func index(_ byte: UInt8) -> WindowScan.Step? {
    length += 1
    guard number.shift <= 56 else { return nil }
    number = (number.value | UInt64(byte & 0x7f) << number.shift, number.shift + 7)
    guard byte & 0x80 == 0 else { return WindowScan.Step(next: 1) }
    if case .indexCount = part {
      let (count, overflow) = number.value.multipliedReportingOverflow(by: 2)
      guard !overflow else { return nil }
      numbers = count
      part = .index
    } else {
      numbers -= 1
    }
    number = (0, 0)
    guard numbers == 0 else { return WindowScan.Step(next: 1) }
    part = .footer
    // The sum behind the index goes with the padding before it.
    return WindowScan.Step(skipped: -length & 3 + 4, next: 12)
  }

  /// The dictionary of the LZMA2 filter, which is a block's last; the others need next to nothing. nil where the header,
  /// without its first byte, has none.
  private static func dictionarySize(_ header: [UInt8]) -> Int64? {
    var rest = header.dropFirst()
    func take() -> UInt64? {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), through: 56, by: 7) {
        guard let byte = rest.popFirst() else { return nil }
        value |= UInt64(byte & 0x7f) << shift
        if byte & 0x80 == 0 { return value }
      }
      return nil
    }
    for flag: UInt8 in [0x40, 0x80] where header[0] & flag != 0 { guard take() != nil else { return nil } }
    for _ in 0...(header[0] & 3) {
      guard let filter = take(), let size = take(), size <= UInt64(rest.count) else { return nil }
      let properties = rest.prefix(Int(size))
      rest = rest.dropFirst(Int(size))
      guard filter == 0x21 else { continue }
      guard size == 1, let bits = properties.first.map({ Int64($0 & 0x3f) }), bits <= 40 else { return nil }
      return bits == 40 ? 1 << 32 - 1 : (2 | bits & 1) << (bits / 2 + 11)
    }
    return nil
  }

  private static func big(_ bytes: ArraySlice<UInt8>) -> Int64 { bytes.reduce(0) { $0 << 8 | Int64($1) } }
}
