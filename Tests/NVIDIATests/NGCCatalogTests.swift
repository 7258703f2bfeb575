import Registry
import TestSupport
import Testing

@testable import NVIDIA

@Suite(.waiting) struct `The NGC catalog` {
  private func catalog(_ server: ScriptedServer) throws -> NGCCatalog {
    NGCCatalog(key: try apiKey(Keys.ngc), services: try NVIDIAServices(at: server), http: try client())
  }

  /// Gives a token to who asks, and `answer` to everything else.
  private func server(_ answer: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse) -> ScriptedServer {
    let count = Counter()
    return ScriptedServer { request in
      request.path == "/token"
        ? ScriptedResponse(headers: [("Content-Type", "text/html")], text: #"{"token":"t\#(count.next())"}"#)
        : answer(request)
    }
  }

  @Test func `exchanges the key for a token once, and asks with that`() throws {
    let server = server { _ in ScriptedResponse(json: #"{"organizations":[{"name":"acme"},{"id":3}]}"#) }
    let catalog = try catalog(server)
    #expect(try catalog.organizations().entries == ["acme"])
    #expect(try catalog.organizations().skipped.map(\.reason) == [.nameMissing])
    #expect(server.lines == ["GET /token?scope=group/ngc", "GET /v2/orgs", "GET /v2/orgs"])
    let encoded = try #require(server.requests.first?.header("Authorization"))
    #expect(encoded.hasPrefix("ApiKey bnZhcGkt"))
    #expect(server.requests[0].header("Accept") == "application/json")
    #expect(server.requests[1].header("Authorization") == "Bearer t0")
    #expect(server.requests[1].header("Accept") == "application/json")
  }

  @Test func `authenticates once more when a token has ended, and repeats the request`() throws {
    let server = server { request in
      request.header("Authorization") == "Bearer t0"
        ? ScriptedResponse(401, json: #"{"requestStatus":{"statusCode":"UNAUTHORIZED"}}"#)
        : ScriptedResponse(json: #"{"organizations":[{"name":"acme"}]}"#)
    }
    #expect(try catalog(server).organizations().entries == ["acme"])
    #expect(server.lines.count == 4)
    #expect(server.requests.last?.header("Authorization") == "Bearer t1")
  }

  @Test func `gives up after the second refusal, with what the service said`() throws {
    let server = server { _ in
      ScriptedResponse(
        401,
        json: #"{"requestStatus":{"statusCode":"UNAUTHORIZED","statusDescription":"no t1 and no t0"}}"#)
    }
    let catalog = try catalog(server)
    let expected = NVIDIAError.unauthorized(
      .ngc, url: server.url("/v2/orgs"),
      messages: [RegistryMessage(code: "UNAUTHORIZED", message: "no … and no t0")])
    #expect(throws: expected) { try catalog.organizations() }
    #expect(server.lines.count == 4)
  }

  @Test func `reads repositories of an organisation and of its teams`() throws {
    let server = server { _ in
      ScriptedResponse(
        json: """
          {"requestStatus":{"statusCode":"SUCCESS","requestId":"x"},"repositories":[
            {"namespace":"acme","name":"base","isPublic":false},
            {"namespace":"acme/vision","name":"trainer","description":"# T"}]}
          """)
    }
    let listed = try catalog(server).repositories(of: "acme")
    #expect(listed.entries.map(\.path) == ["acme/base", "acme/vision/trainer"])
    #expect(server.lines.last == "GET /v2/org/acme/repos?include-teams=true&include-public=true")
  }

  @Test(arguments: [
    ("acme/base", "/v2/org/acme/repos/base/images"),
    ("acme/vision/trainer", "/v2/org/acme/team/vision/repos/trainer/images"),
  ])
  func `reads the tags of a repository`(_ repository: String, _ path: String) throws {
    let server = server { _ in
      ScriptedResponse(
        json: """
          {"images":[{"updatedDate":"2017-12-04T05:56:41.1440512Z","tag":"17.12","user":{},"size":1350502380},
            {"tag":"17.11","size":null,"updatedDate":3}]}
          """)
    }
    let listed = try catalog(server).tags(of: repository)
    #expect(
      listed.entries == [
        NVIDIATag(name: "17.12", size: 1_350_502_380, lastModified: "2017-12-04T05:56:41.1440512Z"),
        NVIDIATag(name: "17.11"),
      ])
    #expect(server.lines.last == "GET \(path)")
  }

  @Test func `takes an answer without images for a repository without any`() throws {
    let server = server { _ in ScriptedResponse(json: #"{"requestStatus":{"statusCode":"SUCCESS"}}"#) }
    #expect(try catalog(server).tags(of: "acme/empty").entries.isEmpty)
  }

  @Test(arguments: [
    "{}", #"{"images":null}"#, #"{"requestStatus":{"statusCode":"INTERNAL_ERROR"}}"#,
    #"{"requestStatus":{"statusCode":"UNAUTHORIZED"},"images":[]}"#, #"{"message":"try later"}"#,
  ])
  func `takes no answer without success for a repository without images`(_ text: String) throws {
    let server = server { _ in ScriptedResponse(json: text) }
    let catalog = try catalog(server)
    let error = #expect(throws: NVIDIAError.self) { try catalog.tags(of: "acme/empty") }
    guard case .malformedResponse(.ngc, _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [202, 206]) func `takes no other success for an answer`(_ status: Int) throws {
    let server = server { _ in ScriptedResponse(status, json: #"{"organizations":[]}"#) }
    let catalog = try catalog(server)
    #expect(throws: NVIDIAError.self) { try catalog.organizations() }
  }

  @Test(arguments: [
    #"{"totalPages":2}"#, #"{"totalResults":2}"#, #"{"totalPages":"2"}"#, "[2]",
    #"{"totalPages":1,"totalResults":9}"#,
  ])
  func `misses a page where there are more entries than it has, or nobody can tell`(_ info: String) throws {
    let server = server { _ in
      ScriptedResponse(json: #"{"repositories":[{"namespace":"a","name":"b"}],"paginationInfo":\#(info)}"#)
    }
    #expect(try catalog(server).repositories(of: "a").missingPages == 1)
  }

  @Test(arguments: [#"{"totalPages":1,"totalResults":1}"#, #"{"index":0}"#, "null"])
  func `misses none where all entries are there`(_ info: String) throws {
    let server = server { _ in
      ScriptedResponse(json: #"{"repositories":[{"namespace":"a","name":"b"}],"paginationInfo":\#(info)}"#)
    }
    #expect(try catalog(server).repositories(of: "a").missingPages == 0)
  }

  @Test func `says when the service has more pages`() throws {
    let server = server { _ in
      ScriptedResponse(
        json: #"{"repositories":[{"namespace":"a","name":"b"}],"paginationInfo":{"totalPages":3}}"#)
    }
    let listed = try catalog(server).repositories(of: "a")
    #expect(listed.entries.count == 1)
    #expect(listed.missingPages == 2)
  }

  @Test(arguments: ["", "one", "a/b/c/d", "../b", "a/b/..", "a/B"])
  func `asks for no path that is no repository`(_ name: String) throws {
    let server = server { _ in ScriptedResponse(json: "{}") }
    let catalog = try catalog(server)
    #expect(throws: NVIDIAError.invalidRepository(.ngc, name)) { try catalog.tags(of: name) }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: ["<html>login</html>", "{}", #"{"token":"a b"}"#, #"{"token":"x\r\nEvil: 1"}"#])
  func `takes no token from an answer without a usable one`(_ text: String) throws {
    let server = scripted(ScriptedResponse(text: text))
    let catalog = try catalog(server)
    let expected = NVIDIAError.malformedResponse(
      .ngc, url: server.url("/token?scope=…"), .noToken)
    #expect(throws: expected) { try catalog.organizations() }
    #expect(server.requests.count == 1)
  }
}
