import Testing

@testable import Transfers

@Suite struct `A shard` {
  @Test func `takes each name in exactly one of its parts`() throws {
    let shards = try (1...5).map { try #require(Shard("\($0)/5")) }
    for number in 0..<200 {
      let name = "registry.example/team/app:\(number)"
      #expect(shards.count { $0.holds(name) } == 1)
    }
    for shard in shards { #expect((0..<200).contains { shard.holds("registry.example/team/app:\($0)") }) }
  }

  @Test(arguments: ["", "1", "0/3", "4/3", "-1/3", "1/0", "a/b", "1/2/3", "1/99999"])
  func `is refused unless it is one of its parts`(text: String) {
    #expect(Shard(text) == nil)
  }
}

@Suite struct `Near names` {
  @Test func `come nearest first and leave out what is far`() {
    let tags = ["1.0", "1.1", "2.0-rc1", "latest", "nightly"]
    #expect(nearNames(to: "1.2", among: tags) == ["1.0", "1.1"])
    #expect(nearNames(to: "lates", among: tags) == ["latest"])
    #expect(nearNames(to: "2.0", among: tags).contains("2.0-rc1"))
    #expect(nearNames(to: "zzzzzzzz", among: tags).isEmpty)
  }
}
