import Registry
import TestSupport
import Testing
import Transport

@testable import NVIDIA

@Suite(.waiting) struct `The DGX catalog` {
  let key = "0123456789abcdefghijABCDEFGHIJ0123456789"

  private func catalog(_ server: ScriptedServer) throws -> DGXCatalog {
    DGXCatalog(key: try apiKey(key), services: try NVIDIAServices(at: server), http: try client())
  }

  @Test func `asks as the service wants to be asked`() throws {
    let server = scripted(ScriptedResponse(json: #"{"repositories":[]}"#))
    _ = try catalog(server).repositories()
    let request = try #require(server.requests.first)
    #expect(request.line == "GET /rest/api/v1/repository?includePublic=true")
    #expect(
      request.header("Authorization") == "APIKey MDEyMzQ1Njc4OWFiY2RlZmdoaWpBQkNERUZHSElKMDEyMzQ1Njc4OQ==")
    #expect(request.header("Accept") == "application/json")
  }

  @Test func `reads repositories, with and without a description`() throws {
    let server = scripted(
      ScriptedResponse(
        json: """
          {"repositories":[
            {"isReadOnly":true,"isPublic":true,"namespace":"nvidia","name":"caffe2","description":"## Caffe2"},
            {"isReadOnly":false,"isPublic":false,"namespace":"olddept_vision","name":"trainer"},
            {"namespace":"olddept","name":"plain","description":null}]}
          """))
    let listed = try catalog(server).repositories()
    #expect(
      listed.entries == [
        NVIDIARepository(path: "nvidia/caffe2", description: "## Caffe2", isPublic: true, isReadOnly: true),
        NVIDIARepository(path: "olddept_vision/trainer", isPublic: false, isReadOnly: false),
        NVIDIARepository(path: "olddept/plain"),
      ])
    #expect(listed.skipped.isEmpty)
    #expect(listed.missingPages == 0)
  }

  @Test func `reads tags with sizes, dates and identifiers, and leaves out what cannot be one`() throws {
    let server = scripted(
      ScriptedResponse(
        json: """
          {"tags":[
            {"dockerImageId":"9c49","lastModified":"2017-03-27T18:48:21.000Z","name":"17.03","size":1244439426},
            {"name":"big","size":99999999999999999999999999},
            {"name":"small","size":-1,"lastModified":"\\u001b[31myesterday"},
            {"name":"text","size":"12","dockerImageId":"\\u0007"},
            {"name":"bare"}]}
          """))
    let listed = try catalog(server).tags(of: "nvidia/caffe2")
    #expect(server.lines == ["GET /rest/api/v1/repository/nvidia/caffe2"])
    #expect(
      listed.entries == [
        NVIDIATag(
          name: "17.03", size: 1_244_439_426, lastModified: "2017-03-27T18:48:21.000Z", imageID: "9c49"),
        NVIDIATag(name: "big"), NVIDIATag(name: "small"), NVIDIATag(name: "text"), NVIDIATag(name: "bare"),
      ])
  }

  @Test func `skips entries nothing can be called by, names them, and keeps the others`() throws {
    let server = scripted(
      ScriptedResponse(
        json: """
          {"repositories":[7,{"name":"x"},{"namespace":"../..","name":"etc"},
            {"namespace":"a","name":"b?c=d"},{"namespace":"a","name":"B"},{"namespace":"a","name":"\\u001b[2J"},
            {"namespace":"a","name":{"x":1}},{"namespace":"ok","name":"fine"},{"namespace":"ok","name":"fine"}]}
          """))
    let listed = try catalog(server).repositories()
    #expect(listed.entries.map(\.path) == ["ok/fine"])
    #expect(
      listed.skipped.map(\.reason) == [
        .notAnObject, .nameMissing, .nameInvalid("../../etc"), .nameInvalid("a/b?c=d"), .nameInvalid("a/B"),
        .nameInvalid("a/ [2J"), .nameMissing,
      ])
  }

  @Test func `skips tags that are none`() throws {
    let server = scripted(
      ScriptedResponse(json: #"{"tags":[{"name":"ok"},{"name":"../x"},{"name":""},{}]}"#))
    let listed = try catalog(server).tags(of: "a/b")
    #expect(listed.entries.map(\.name) == ["ok"])
    #expect(listed.skipped.map(\.reason) == [.nameInvalid("../x"), .nameInvalid(""), .nameMissing])
  }

  @Test(arguments: ["", "one", "../admin/x", "a/b?x", "a/../b", "A/b", "a//b"])
  func `asks for no path that is no repository`(_ name: String) throws {
    let server = scripted(ScriptedResponse(json: "{}"))
    let catalog = try catalog(server)
    #expect(throws: NVIDIAError.invalidRepository(.dgx, name)) { try catalog.tags(of: name) }
    #expect(server.requests.isEmpty)
  }

  @Test(arguments: [
    (401, "unauthorized"), (403, "denied"), (404, "notFound"), (418, "refused"), (302, "redirected"),
    (503, "overwhelmed"),
  ])
  func `tells refusals apart, and reads none as a list`(_ status: Int, _ expected: String) throws {
    let server = scripted(
      ScriptedResponse(
        status, headers: [("Location", "/elsewhere")], text: #"{"message":"computer says no"}"#))
    let catalog = try catalog(server)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories() }
    let url = "\(server.url("/rest/api/v1/repository"))?includePublic=…"
    let messages = [RegistryMessage(code: "", message: "computer says no")]
    let known: [String: NVIDIAError] = [
      "unauthorized": .unauthorized(.dgx, url: url, messages: messages),
      "denied": .denied(.dgx, url: url, messages: messages),
      "notFound": .notFound(.dgx, url: url, messages: messages),
      "refused": .refused(.dgx, url: url, status: 418, messages: messages),
      "redirected": .redirected(.dgx, url: url, to: server.url("/elsewhere")),
      "overwhelmed": .overwhelmed(.dgx, url: url, status: 503),
    ]
    #expect(error == known[expected])
  }

  @Test func `does not follow a redirect with the key`() throws {
    let other = scripted(ScriptedResponse(json: #"{"repositories":[]}"#))
    let server = scripted(ScriptedResponse(302, headers: [("Location", other.url("/x?sig=abc"))]))
    let catalog = try catalog(server)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories() }
    #expect(other.requests.isEmpty)
    #expect(!"\(error)".contains("abc"))
  }

  @Test(arguments: [
    "<html><body>Service moved</body></html>", "", "[]", "{", #"{"repositories":7}"#, #"{"requests":[]}"#,
    #"{"repositories":"# + String(repeating: "[", count: 4000),
  ])
  func `takes no other answer for an empty list`(_ text: String) throws {
    let server = scripted(ScriptedResponse(text: text))
    let catalog = try catalog(server)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories() }
    guard case .malformedResponse(.dgx, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test(arguments: ["{}", #"{"tags":null}"#, #"{"error":"try later"}"#])
  func `takes no answer without tags for a repository without any`(_ text: String) throws {
    let server = scripted(ScriptedResponse(json: text))
    let catalog = try catalog(server)
    #expect(throws: NVIDIAError.self) { try catalog.tags(of: "a/b") }
    let empty = scripted(ScriptedResponse(json: #"{"tags":[]}"#))
    #expect(try self.catalog(empty).tags(of: "a/b").entries.isEmpty)
  }

  @Test func `tries a busy service again`() throws {
    let count = Counter()
    let server = ScriptedServer { _ in
      count.next() < 2 ? ScriptedResponse(502) : ScriptedResponse(json: #"{"repositories":[]}"#)
    }
    #expect(try catalog(server).repositories().entries.isEmpty)
    #expect(server.requests.count == 3)
  }

  @Test func `bounds an answer`() throws {
    let server = scripted(
      ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: nil)),
        .sendRepeated(Array(repeating: 32, count: 1 << 16), count: 40 << 20), .close,
      ]))
    let catalog = try catalog(server)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories() }
    guard case .transport(.dgx, .tooLarge) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func `repeats no key that a service says back`() throws {
    let encoded = "MDEyMzQ1Njc4OWFiY2RlZmdoaWpBQkNERUZHSElKMDEyMzQ1Njc4OQ=="
    let server = scripted(ScriptedResponse(401, json: #"{"message":"\#(key) and \#(encoded) are no keys"}"#))
    let catalog = try catalog(server)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories() }
    #expect("\(error)".contains("… and … are no keys"))
    #expect(!"\(error)".contains(key))
    #expect(!"\(error)".contains(encoded))
  }
}
