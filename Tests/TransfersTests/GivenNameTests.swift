import Images
import Testing

@testable import Transfers

@Suite struct `A given name` {
  @Test(arguments: [
    ("app", "app", nil), ("app:1", "app", "1"), ("team/app:v1.0-x", "team/app", "v1.0-x"),
    ("my.app", "my.app", nil),
  ])
  func `is a repository, and a tag perhaps`(text: String, repository: String, tag: String?) throws {
    let name = try GivenName(text)
    #expect(name.repository == repository && name.tag == tag)
  }

  @Test(arguments: [
    "", ":1", "app:", "A", "a@sha256:1", "nvcr.io/acme/app:1", "localhost/app", "host:5000/app", "a//b", "a/",
    "sha256:5f214a762545", "app/sha1:5f214a7625455f214a7625455f214a76",
    "sha256:\(String(repeating: "a", count: 64))",
  ])
  func `is nothing else, and names no registry`(text: String) {
    #expect(throws: TransferError.self) { try GivenName(text) }
  }

  @Test func `stands below the destination, unless a rule says otherwise`() throws {
    var mapping = NameMapping(destination: try RegistryLocation("new.example/acme"))
    let name = try GivenName("team/app")
    #expect(mapping.target(for: name, ownTag: "9").description == "new.example/acme/team/app:9")
    #expect(mapping.target(for: name, ownTag: nil).description == "new.example/acme/team/app:latest")
    let tagged = try GivenName("team/app:1")
    #expect(mapping.target(for: tagged, ownTag: "9").description == "new.example/acme/team/app:1")
    mapping = NameMapping(destination: mapping.destination, rules: [try MappingRule("team/*=$1")])
    #expect(mapping.target(for: name, ownTag: "9").description == "new.example/acme/app:9")
  }
}
