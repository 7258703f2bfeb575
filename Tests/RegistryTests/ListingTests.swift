import Registry
import TestSupport
import Testing

@Suite struct `A client that lists` {
  @Test func `follows every page, keeps the order and drops repetitions`() throws {
    let server = ScriptedServer { request in
      switch request.target {
      case "/v2/team/app/tags/list?n=1000":
        ScriptedResponse(
          headers: [("Link", #"</v2/team/app/tags/list?n=2&last=b>; rel="next""#)],
          json: #"{"tags":["b","a"]}"#)
      case "/v2/team/app/tags/list?n=2&last=b":
        ScriptedResponse(
          headers: [("Link", #"<list?n=2&last=c>; rel="next""#)], json: #"{"name":"x","tags":["a","c"]}"#)
      case "/v2/team/app/tags/list?n=2&last=c": ScriptedResponse(json: #"{"tags":null}"#)
      default: ScriptedResponse(400)
      }
    }
    #expect(try client(server.host).tags(of: "team/app") == ["b", "a", "c"])
    #expect(server.requests.count == 3)
  }

  @Test func `lists repositories`() throws {
    let realm = TokenRealm { _ in ScriptedResponse(json: #"{"repositories":["a/b","c"]}"#) }
    #expect(try client(realm.host, .user).catalog() == ["a/b", "c"])
    #expect(realm.server.lines.last == "GET /v2/_catalog?n=1000")
    #expect(realm.requests("/token").first?.queryValues("scope") == ["registry:catalog:*"])
  }

  @Test func `follows no page to another host or port`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(json: #"{"tags":["stolen"]}"#) }
    let realm = TokenRealm { _ in
      ScriptedResponse(headers: [("Link", "<\(other.url("/v2/next"))>; rel=next")], json: #"{"tags":["a"]}"#)
    }
    guard case .malformedResponse(_, "Link") = error({ _ = try client(realm.host, .user).tags(of: "a") })
    else {
      Issue.record("followed")
      return
    }
    #expect(other.requests.isEmpty)
  }

  @Test func `does not go round in circles`() throws {
    let server = ScriptedServer { request in
      ScriptedResponse(headers: [("Link", "<\(request.target)>; rel=next")], json: #"{"tags":["a"]}"#)
    }
    guard case .malformedResponse(_, "Link") = error({ _ = try client(server.host).tags(of: "a") }) else {
      Issue.record("not refused")
      return
    }
    #expect(server.requests.count == 1)
  }

  @Test(arguments: [
    #"{"tags":["../x"]}"#, #"{"tags":["a\u001b[2J"]}"#, #"{"tags":[5]}"#, #"{"tags":{}}"#, "[]", "<html>", "",
  ])
  func `takes no list that is none`(_ body: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(text: body) }
    let error = error { _ = try client(server.host).tags(of: "a") }
    guard case .malformedResponse(_, let what) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!what.contains("\u{1b}"))
  }
}
