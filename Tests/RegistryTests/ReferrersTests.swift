import Digests
import Images
import Registry
import TestSupport
import Testing

@Suite(.waiting) struct `A client that asks for referrers` {
  private let subject = Digest(of: [1])
  private let index = [("Content-Type", "application/vnd.oci.image.index.v1+json")]

  private func page(_ numbers: UInt8...) -> [UInt8] {
    let entries = numbers.map {
      #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(Digest(of: [$0]))","size":9}"#
    }
    return Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8)
  }

  @Test func `follows every page and drops repetitions`() throws {
    let server = ScriptedServer { [index, first = page(1, 2), second = page(2, 3)] request in
      request.query == nil
        ? ScriptedResponse(headers: index + [("Link", #"<?from=2>; rel="next""#)], body: first)
        : ScriptedResponse(headers: index, body: second)
    }
    let found = try client(server.host).referrers(of: subject, in: "team/app")
    #expect(found?.manifests.map(\.digest) == [Digest(of: [1]), Digest(of: [2]), Digest(of: [3])])
    #expect(
      server.lines == [1, 2].map { "GET /v2/team/app/referrers/\(subject)" + ($0 == 1 ? "" : "?from=2") })
  }

  @Test func `is told that there are none`() throws {
    let server = ScriptedServer { [index, none = page()] _ in ScriptedResponse(headers: index, body: none) }
    #expect(try client(server.host).referrers(of: subject, in: "team/app")?.manifests == [])
  }

  @Test(arguments: [(400, 2), (404, 2), (406, 2), (410, 2), (405, 1), (501, 1)])
  func `asks a registry without the API for two manifests a repository, or one if it says so`(
    _ status: Int, _ count: Int
  ) throws {
    let server = ScriptedServer { _ in ScriptedResponse(status, text: "404 page not found") }
    let client = try client(server.host)
    for repository in ["team/app", "team/other"] {
      for number in [1, 1, 2, 2, 3, 4] as [UInt8] {
        #expect(try client.referrers(of: Digest(of: [number]), in: repository) == nil)
      }
    }
    #expect(server.requests.count == 2 * count)
  }

  @Test func `goes on asking where the API has answered once`() throws {
    let server = ScriptedServer { [index, some = page(9), known = Digest(of: [3])] request in
      request.path.hasSuffix(known.description)
        ? ScriptedResponse(headers: index, body: some) : ScriptedResponse(404)
    }
    let client = try client(server.host)
    for number in [1, 3, 4, 5] as [UInt8] {
      _ = try client.referrers(of: Digest(of: [number]), in: "a")
    }
    #expect(server.requests.count == 4)
  }

  @Test func `names entries that cannot be read`() throws {
    let server = ScriptedServer { [index] _ in
      ScriptedResponse(headers: index, text: #"{"manifests":[{"digest":"md5:a\u001b"},7]}"#)
    }
    let found = try client(server.host).referrers(of: subject, in: "a")
    #expect(found?.manifests == [])
    // Without the escape.
    #expect(found?.unreadable == [.named("md5:a"), .notAnObject])
  }

  @Test func `takes a page for people for no API`() throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(headers: [("Content-Type", "text/html")], text: "<html>Welcome</html>")
    }
    #expect(try client(server.host).referrers(of: subject, in: "team/app") == nil)
  }

  @Test(arguments: [401, 403, 429, 500])
  func `takes no refusal for an answer`(_ status: Int) throws {
    let server = ScriptedServer { _ in ScriptedResponse(status, json: "{}") }
    #expect(
      error { _ = try client(server.host, retries: 0).referrers(of: subject, in: "team/app") } != nil)
  }

  @Test func `takes no list that is filtered or none`() throws {
    let filtered = ScriptedServer { [index, some = page(1)] _ in
      ScriptedResponse(headers: index + [("OCI-Filters-Applied", "artifactType")], body: some)
    }
    guard
      case .malformedResponse(_, .header("OCI-Filters-Applied")) = error({
        _ = try client(filtered.host).referrers(of: subject, in: "a")
      })
    else { throw TestFailure("not refused") }
    for text in [#"{"manifests":[{"size":1.5}]}"#, "{}", #"{"manifests":{}}"#] {
      let broken = ScriptedServer { [index] _ in ScriptedResponse(headers: index, text: text) }
      guard
        case .malformedResponse(_, .list) = error({
          _ = try client(broken.host).referrers(of: subject, in: "a")
        })
      else { throw TestFailure("not refused") }
    }
    let empty = ScriptedServer { [index] _ in ScriptedResponse(headers: index, text: #"{"manifests":null}"#) }
    #expect(try client(empty.host).referrers(of: subject, in: "a")?.manifests == [])
  }

  @Test(arguments: [400, 401, 403, 404, 500]) func `takes no page that fails for the end`(_ status: Int)
    throws
  {
    let server = ScriptedServer { [index, first = page(1, 2)] request in
      request.query == nil
        ? ScriptedResponse(headers: index + [("Link", #"<?from=2>; rel="next""#)], body: first)
        : ScriptedResponse(status, json: "{}")
    }
    let client = try client(server.host, retries: 0)
    for _ in 0..<2 {
      guard
        case .listCutShort(_, .referrers(subject, in: "a"), 2, _) = error({
          _ = try client.referrers(of: subject, in: "a")
        })
      else { throw TestFailure("believed") }
    }
  }

  @Test func `follows no page to another host`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(200) }
    let server = ScriptedServer { [index, some = page(1), url = other.url("/next")] _ in
      ScriptedResponse(headers: index + [("Link", "<\(url)>; rel=next")], body: some)
    }
    guard
      case .malformedResponse(_, .leadsElsewhere("Link", host: other.host)) = error({
        _ = try client(server.host).referrers(of: subject, in: "a")
      })
    else { throw TestFailure("not refused") }
    #expect(other.requests.isEmpty)
  }
}
