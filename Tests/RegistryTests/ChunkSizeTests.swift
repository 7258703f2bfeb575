import Testing

@testable import Registry

@Suite struct `The size of chunks` {
  @Test func `grows on a fast line and shrinks on a slow one, within bounds`() {
    var sizes = UploadSizes()
    sizes.firstChunk = 16
    sizes.smallestChunk = 4
    sizes.largestChunk = 50
    var chunk = ChunkSize(sizes)
    #expect(chunk.bytes == 16)
    chunk.learn(from: .seconds(1))
    #expect(chunk.bytes == 16)
    chunk.learn(from: .milliseconds(100))
    #expect(chunk.bytes == 32)
    chunk.learn(from: .milliseconds(100))
    #expect(chunk.bytes == 50)
    for _ in 0..<5 { chunk.learn(from: .seconds(30)) }
    #expect(chunk.bytes == 4)
  }

  @Test func `never grows again beyond what was too large`() {
    var sizes = UploadSizes()
    sizes.leastChunk = 3
    sizes.smallestChunk = 4
    sizes.firstChunk = 40
    var chunk = ChunkSize(sizes)
    let isSmaller = chunk.shrink(below: 25)
    #expect(isSmaller)
    #expect(chunk.bytes == 12)
    chunk.learn(from: .milliseconds(1))
    #expect(chunk.bytes == 12)
    // An upload that has not heard of it yet.
    chunk.adopt(ChunkSize(sizes))
    #expect(chunk.bytes == 12)
    #expect([12, 6, 3].map { chunk.shrink(below: $0) } == [true, true, false])
    for _ in 0..<3 { chunk.learn(from: .seconds(30)) }
    #expect(chunk.bytes == 3)
  }

  @Test func `ends a chunk within the blob, and takes at least what the registry wants`() {
    var sizes = UploadSizes()
    sizes.firstChunk = 10
    let chunk = ChunkSize(sizes)
    #expect(chunk.end(from: 0, of: 25, least: 0) == 10)
    #expect(chunk.end(from: 20, of: 25, least: 0) == 25)
    #expect(chunk.end(from: 0, of: 25, least: 12) == 12)
    #expect(chunk.end(from: 20, of: 25, least: .max) == 25)
    #expect(chunk.end(from: 20, of: .max, least: .max) == .max)
    #expect(chunk.end(from: 0, of: 25, least: -7) == 10)
  }
}

@Suite struct `An upload's range` {
  @Test(arguments: [("0-99", 100), ("bytes=0-99", 100), ("0-1", 2), ("0-0", 0)] as [(String, Int64)])
  func `says where the next byte goes`(_ text: String, _ next: Int64) {
    #expect(UploadRange(text)?.next == next)
  }

  @Test(arguments: [
    "", "0-", "-5", "1-5", "00-5", "0-+5", "0--5", "0-5-9", "0-9223372036854775807", "0-99999999999999999999",
    "bytes 0-5",
  ])
  func `is no other text`(_ text: String) {
    #expect(UploadRange(text) == nil)
  }
}
