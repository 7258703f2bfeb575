import Files
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tar

@Suite struct `The front of streamed content` {
  private let scratch: ScratchDirectory
  private let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }

  init() throws { scratch = try ScratchDirectory() }

  private func front(
    _ count: Int, limit: Int64 = 1 << 20, memory: Int64, in directory: String
  ) throws -> ContentFront {
    let bytes = Array(bytes.prefix(count))
    let position = Mutex(0)
    let content = try StreamedContent("pipe") { buffer in
      position.withLock { position in
        let part = bytes[position...].prefix(min(777, buffer.count))
        buffer.copyBytes(from: part)
        position += part.count
        return part.count
      }
    }
    return ContentFront(of: content, limit: limit, memory: memory, spoolingIn: directory)
  }

  @Test(arguments: [0, 1, 1000, 65_536, 100_000, 200_000, 300_000])
  func `is read at any place, wherever it is kept`(memory: Int64) throws {
    let front = try front(bytes.count, memory: memory, in: scratch.path)
    for range in [0..<0, 0..<1, 5000..<5010, 900..<1100, 60_000..<140_000, 0..<200_000, 199_999..<200_000] {
      #expect(try front.read(range.count, at: Int64(range.lowerBound)) == Array(bytes[range]))
    }
    #expect(front.size() == .max && front.count == 200_000)
    #expect(try front.read(10, at: 199_995) == Array(bytes.suffix(5)))
    #expect(front.size() == 200_000)
    // It has no name.
    #expect(try scratch.names == [])
  }

  @Test func `takes no file where there is room in memory`() throws {
    let front = try front(1000, memory: 1000, in: scratch("none"))
    #expect(try front.read(2000, at: 0).count == 1000)
    let larger = try self.front(1001, memory: 1000, in: scratch("none"))
    #expect(throws: FileError.sourceFailed(path: "pipe")) { try larger.read(1001, at: 0) }
    #expect(larger.failure == .file(.file(.open, path: scratch("none"), code: ENOENT)))
  }

  @Test func `ends where it is larger than any`() throws {
    let front = try front(2000, limit: 1500, memory: 1000, in: scratch.path)
    #expect(try front.read(1500, at: 0).count == 1500)
    #expect(throws: FileError.self) { try front.read(1501, at: 0) }
    #expect(front.failure == .frontTooLarge(path: "pipe", limit: 1500))
  }
}
