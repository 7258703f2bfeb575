import TestSupport
import Testing
import Transport

@testable import Registry

/// What addresses in a registry's answers mean, by how the registry writes them.
@Suite struct `An address in a registry's answer` {
  private static let root = "https://registry.example/v2/"
  private let tags = OwnAddresses.Question.tags(of: "team/app")
  private let uploads = OwnAddresses.Question.uploads(to: "team/app")

  private func meaning(
    _ text: String, _ question: OwnAddresses.Question, from path: String = "team/app/tags/list"
  ) throws -> [String]? {
    let root = try HTTPURL(Self.root)
    switch OwnAddresses(root).meaning(of: text, from: try HTTPURL(Self.root + path), to: question) {
    case .own(let place): return [place.first.full] + (place.otherwise.map { [$0.full] } ?? [])
    case .foreign: return []
    case .unusable: return nil
    }
  }

  @Test(
    arguments: [
      ("?last=b", ["/v2/team/app/tags/list?last=b"]), ("list?last=b", ["/v2/team/app/tags/list?last=b"]),
      ("/v2/team/app/tags/list?last=b", ["/v2/team/app/tags/list?last=b"]),
      ("http://registry.example/v2/team/app/tags/list?last=b", ["/v2/team/app/tags/list?last=b"]),
      ("https://registry.example:5000/v2/team/app/tags/list?last=b", ["/v2/team/app/tags/list?last=b"]),
      ("http://10.0.0.5:5000/v2/team/app/tags/list?last=b", ["/v2/team/app/tags/list?last=b"]),
      (
        "http://inner/repository/hosted/v2/team/app/tags/list?last=b",
        ["/repository/hosted/v2/team/app/tags/list?last=b", "/v2/team/app/tags/list?last=b"]
      ),
      (
        "/inner/v2/team/app/tags/list?x=1",
        ["/inner/v2/team/app/tags/list?x=1", "/v2/team/app/tags/list?x=1"]
      ),
      // By the name behind the proxy, which is another repository's before it.
      ("/v2/app/tags/list?last=b", ["/v2/team/app/tags/list?last=b", "/v2/app/tags/list?last=b"]),
      (
        "http://inner/v2/hosted/team/app/tags/list?last=b",
        ["/v2/team/app/tags/list?last=b", "/v2/hosted/team/app/tags/list?last=b"]
      ),
      ("/cursor/7", ["/cursor/7"]), ("/v2/team/other/tags/list?last=b", ["/v2/team/other/tags/list?last=b"]),
      ("http://inner/v2/team/other/tags/list?last=b", []), ("http://inner/cursor/7", []),
      ("http://inner/v2/team/app/tags/list/more", []), ("http://inner/v2/team/app/tags/list", []),
      ("/v2/team/app/tags/list", ["/v2/team/app/tags/list"]),
      ("http://inner/v2/team/app/blobs/uploads/7", []),
      ("http://user@registry.example/v2/team/app/tags/list", nil), ("ftp://registry.example/", nil),
      ("http://", nil),
    ] as [(String, [String]?)])
  func `of a page is looked for at the registry's own origin`(_ text: String, _ paths: [String]?) throws {
    #expect(try meaning(text, tags) == paths?.map { "https://registry.example" + $0 })
  }

  @Test(
    arguments: [
      ("/v2/team/app/blobs/uploads/7?_state=x", ["/v2/team/app/blobs/uploads/7?_state=x"]),
      ("http://127.0.0.1:5000/v2/team/app/blobs/uploads/7?s", ["/v2/team/app/blobs/uploads/7?s"]),
      (
        "http://inner:5000/hub/v2/team/app/blobs/uploads/7?s",
        ["/hub/v2/team/app/blobs/uploads/7?s", "/v2/team/app/blobs/uploads/7?s"]
      ),
      ("/artifacts-uploads/7", ["/artifacts-uploads/7"]),
      ("/v2/team/other/blobs/uploads/7", ["/v2/team/other/blobs/uploads/7"]),
      ("https://storage.example/bucket/7", []), ("https://registry.example:8443/bucket/7", []),
      ("https://storage.example/v2/team/app/blobs/uploads/", []),
    ] as [(String, [String])])
  func `of an upload likewise`(_ text: String, _ paths: [String]) throws {
    #expect(
      try meaning(text, uploads, from: "team/app/blobs/uploads/")
        == paths.map { "https://registry.example" + $0 })
  }

  @Test func `is looked for first where the one before was found`() throws {
    let root = try HTTPURL(Self.root)
    let addresses = OwnAddresses(root)
    let from = try HTTPURL(Self.root + "team/app/tags/list")
    func place() throws -> OwnAddresses.Place {
      let meaning = addresses.meaning(of: "/inner/v2/team/app/tags/list?last=b", from: from, to: tags)
      guard case .own(let place) = meaning else { throw TestFailure("\(meaning)") }
      return place
    }
    let first = try place()
    addresses.learn(secondOf: first)
    #expect(try place().first == first.otherwise && place().otherwise == first.first)
    addresses.learn(secondOf: try place())
    #expect(try place() == first)
  }

  /// A registry that has led to TLS is asked there, and no other port of its host is taken for it.
  @Test func `of a host that has led to TLS is asked for by TLS`() throws {
    let addresses = OwnAddresses(try HTTPURL("http://registry.example/v2/"))
    let from = try HTTPURL(Self.root + "team/app/tags/list")
    for text in ["?n=1", "http://inner/v2/team/app/tags/list?n=1"] {
      guard case .own(let place) = addresses.meaning(of: text, from: from, to: tags) else {
        Issue.record("not its own")
        return
      }
      #expect(place.first.full == Self.root + "team/app/tags/list?n=1")
    }
    let other = "https://registry.example:9000/cursor"
    guard case .foreign = addresses.meaning(of: other, from: from, to: tags) else {
      Issue.record("another port")
      return
    }
  }
}
