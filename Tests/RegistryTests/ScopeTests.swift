import Testing

@testable import Registry

@Suite struct `A scope` {
  @Test func `is written as distribution has it`() {
    #expect(Scope.pull("team/app").description == "repository:team/app:pull")
    #expect(Scope.push("team/app").description == "repository:team/app:pull,push")
    #expect(Scope.catalog.description == "registry:catalog:*")
  }

  @Test func `is read back, with colons in its name`() {
    #expect(Scope("repository:team/app:pull,push") == .push("team/app"))
    #expect(
      Scope("repository:host:5000/app:pull")
        == Scope(type: "repository", name: "host:5000/app", actions: ["pull"]))
  }

  @Test(arguments: ["", ":", "::", "a", "a:b", ":b:c", "a::c", "a:b:"])
  func `is nil for what is none`(_ text: String) {
    #expect(Scope(text) == nil)
  }

  /// What a token says of itself (issue 10.7): only what is said clearly is believed.
  @Test(
    arguments: [
      ("", .absent), ("repository:a:pull,push", .granted), ("repository:a:*", .granted),
      ("repository:a:pull repository:a:push", .granted), ("repository:a:pull", .withheld),
      ("repository:b:pull,push", .absent), ("repository:*:*", .unclear), ("repository:team/*:push", .unclear),
      ("repository:a:pull,write", .unclear), ("repository(plugin):a:push", .unclear),
      ("repository:a:pull registry:catalog:*", .withheld),
    ] as [(String, Scope.Word)]) func `is granted by a token or not, or not clearly`(
      _ claims: String, _ word: Scope.Word
    )
  {
    #expect(Scope.push("a").word(of: claims.split(separator: " ").compactMap { Scope($0) }) == word)
  }

  @Test func `is withheld where a token speaks of it and allows nothing`() {
    #expect(Scope.push("a").word(of: [Scope(type: "repository", name: "a", actions: [])]) == .withheld)
  }

  @Test func `covers what it allows and no more`() {
    #expect(Scope.push("a").covers(.pull("a")))
    #expect(!Scope.pull("a").covers(.push("a")))
    #expect(!Scope.push("a").covers(.pull("b")))
    #expect(Scope(type: "repository", name: "a", actions: ["*"]).covers(.push("a")))
    #expect(!Scope.pull("catalog").covers(.catalog))
  }
}
