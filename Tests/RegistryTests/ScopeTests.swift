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

  @Test func `covers what it allows and no more`() {
    #expect(Scope.push("a").covers(.pull("a")))
    #expect(!Scope.pull("a").covers(.push("a")))
    #expect(!Scope.push("a").covers(.pull("b")))
    #expect(Scope(type: "repository", name: "a", actions: ["*"]).covers(.push("a")))
    #expect(!Scope.pull("catalog").covers(.catalog))
  }
}
