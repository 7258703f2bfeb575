import Testing

@testable import Registry

@Suite struct `A Content-Range` {
  @Test func `names a part of a whole`() {
    let range = ContentRange("bytes 5-9/10")
    #expect(range?.first == 5)
    #expect(range?.last == 9)
    #expect(range?.total == 10)
    #expect(ContentRange("Bytes  0-0/*")?.total == nil)
    #expect(ContentRange("Bytes  0-0/*")?.last == 0)
  }

  @Test(arguments: [
    "", "bytes", "bytes */10", "bytes 9-5/10", "bytes 0-10/10", "bytes -1-5/10", "bytes 0-+5/10", "bytes 0-5",
    "lines 0-5/10", "bytes 0-5/10/11", "bytes 0-99999999999999999999/*", "bytes 0 - 5/10", "bytes 0-5/-1",
    "bytes=0-5/10",
  ])
  func `is nil for what is none`(_ text: String) {
    #expect(ContentRange(text) == nil)
  }
}
