import Digests
import Images
import Registry
import TestSupport
import Testing

@Suite struct `A client that asks for referrers` {
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
    #expect(found?.map(\.digest) == [Digest(of: [1]), Digest(of: [2]), Digest(of: [3])])
    #expect(
      server.lines == [1, 2].map { "GET /v2/team/app/referrers/\(subject)" + ($0 == 1 ? "" : "?from=2") })
  }

  @Test func `is told that there are none`() throws {
    let server = ScriptedServer { [index, none = page()] _ in ScriptedResponse(headers: index, body: none) }
    #expect(try client(server.host).referrers(of: subject, in: "team/app") == [])
  }

  @Test(arguments: [400, 404, 405, 406, 410, 501])
  func `asks a registry without the API once a repository`(_ status: Int) throws {
    let server = ScriptedServer { _ in ScriptedResponse(status, text: "404 page not found") }
    let client = try client(server.host)
    for _ in 0..<3 { #expect(try client.referrers(of: subject, in: "team/app") == nil) }
    #expect(server.requests.count == 1)
    #expect(try client.referrers(of: subject, in: "team/other") == nil)
    #expect(server.requests.count == 2)
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
      case .malformedResponse(_, "OCI-Filters-Applied") = error({
        _ = try client(filtered.host).referrers(of: subject, in: "a")
      })
    else { throw TestFailure("not refused") }
    for text in [#"{"manifests":[{"digest":"x"}]}"#, "{}", #"{"manifests":{}}"#] {
      let broken = ScriptedServer { [index] _ in ScriptedResponse(headers: index, text: text) }
      guard
        case .malformedResponse(_, "list") = error({
          _ = try client(broken.host).referrers(of: subject, in: "a")
        })
      else { throw TestFailure("not refused") }
    }
    let empty = ScriptedServer { [index] _ in ScriptedResponse(headers: index, text: #"{"manifests":null}"#) }
    #expect(try client(empty.host).referrers(of: subject, in: "a") == [])
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
      case .malformedResponse(_, "Link") = error({
        _ = try client(server.host).referrers(of: subject, in: "a")
      })
    else { throw TestFailure("not refused") }
    #expect(other.requests.isEmpty)
  }

  @Test func `hears from the registry what it lists by itself`() throws {
    let manifest = try imageManifest()
    for header in [subject.description, nil] {
      let server = ScriptedServer { _ in
        ScriptedResponse(201, headers: header.map { [("OCI-Subject", $0)] } ?? [])
      }
      let told = try client(server.host).putManifest(
        manifest, to: "team/app", as: manifest.digest.description)
      #expect(told == (header == nil ? nil : subject))
    }
  }
}
