import Testing

@testable import Registry

@Suite struct `The pace of a list` {
  private var pace = ListPace()

  /// Whether pages of so many names that each took so long are borne to the last.
  private mutating func bears(_ pages: Int, of names: Int, in time: Duration) -> Bool {
    (0..<pages).allSatisfy { _ in pace.isBorne(names, in: time) }
  }

  @Test mutating func `may be a minute for a page`() {
    let isBorne = bears(1000, of: 1000, in: .seconds(60))
    #expect(isBorne)
    // What a registry had itself waited for is not counted.
    let isStillBorne = bears(1, of: 0, in: .seconds(100_000))
    #expect(isStillBorne)
  }

  @Test mutating func `is that of all pages together`() {
    // What came quickly is borne with later.
    let isBorne = bears(1, of: 1000, in: .zero) && bears(26, of: 0, in: .seconds(60))
    #expect(isBorne)
    let isStillBorne = bears(1, of: 0, in: .seconds(60))
    #expect(!isStillBorne)
  }

  @Test mutating func `is none where a name or two come in a minute`() {
    let isBorne = bears(10, of: 1, in: .seconds(60))
    #expect(isBorne)
    let isStillBorne = bears(1, of: 1, in: .seconds(60))
    #expect(!isStillBorne)
  }
}
