import Testing

@testable import Registry

@Suite struct `The pace of a list` {
  @Test func `may be a minute for a page`() {
    var pace = ListPace()
    for _ in 0..<1000 { #expect(pace.isBorne(1000, in: .seconds(60))) }
    // What a registry had itself waited for is not counted.
    #expect(pace.isBorne(0, in: .seconds(100_000)))
  }

  @Test func `is that of all pages together`() {
    var pace = ListPace()
    #expect(pace.isBorne(1000, in: .zero))
    // What came quickly is borne with later.
    #expect((0..<26).allSatisfy { _ in pace.isBorne(0, in: .seconds(60)) })
    #expect(!pace.isBorne(0, in: .seconds(60)))
  }

  @Test func `is none where a name or two come in a minute`() {
    var pace = ListPace()
    #expect((0..<10).allSatisfy { _ in pace.isBorne(1, in: .seconds(60)) })
    #expect(!pace.isBorne(1, in: .seconds(60)))
  }
}
