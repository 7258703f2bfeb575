import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct `Content that is spooled where it is large` {
  private let scratch: ScratchDirectory
  private let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }

  init() throws { scratch = try ScratchDirectory() }

  @Test(arguments: [0, 1, 777, 1000, 65_536, 100_000, 199_999, 200_000, 300_000])
  func `is read at any place, wherever it is kept`(memory: Int) throws {
    let content = SpooledContent(called: "manifests", memory: memory, spoolingIn: scratch.path)
    var start = 0
    while start < bytes.count {
      let piece = Array(bytes[start..<min(start + 777, bytes.count)])
      #expect(try content.append(piece.span.bytes) == Int64(start))
      start += piece.count
      #expect(try content.read(piece.count, at: Int64(start - piece.count)) == piece)
    }
    for range in [0..<0, 0..<1, 900..<1100, 60_000..<140_000, 0..<200_000, 199_999..<200_000] {
      #expect(try content.read(range.count, at: Int64(range.lowerBound)) == Array(bytes[range]))
    }
    #expect(try content.read(10, at: 199_995) == Array(bytes.suffix(5)))
    #expect(try content.read(10, at: 200_000) == [] && content.read(10, at: 300_000) == [])
    #expect(content.size() == 200_000 && content.spooled == Int64(max(0, 200_000 - memory)))
    // It has no name.
    #expect(try scratch.names == [])
  }

  @Test func `takes no file where there is room in memory, and has what came before where none can be made`()
    throws
  {
    let content = SpooledContent(called: "manifests", memory: 1000, spoolingIn: scratch("none"))
    let first = Array(bytes.prefix(900))
    #expect(try content.append(first.span.bytes) == 0)
    let second = Array(bytes[900..<1001])
    #expect(throws: FileError.file(.open, path: scratch("none"), code: ENOENT)) {
      try content.append(second.span.bytes)
    }
    #expect(try content.count == 900 && content.read(2000, at: 0) == first)
  }
}
