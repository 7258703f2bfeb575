import TestSupport
import Testing

@testable import Transport

@Suite struct `A redirect` {
  private let secret: HTTPHeaders = ["Authorization": "Bearer t", "Cookie": "c", "Range": "bytes=5-"]

  @Test(arguments: [301, 302, 303, 307, 308])
  func `on the same origin keeps the credentials`(status: Int) throws {
    let server = ScriptedServer { request in
      request.path == "/a"
        ? ScriptedResponse(status, headers: [("Location", "b?x=1")], text: "moved")
        : ScriptedResponse(text: "b")
    }
    let response = try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url("/a")), headers: secret))
    #expect(response.url.full == server.url("/b?x=1") && response.body == [UInt8(ascii: "b")])
    #expect(server.requests.last?.header("Authorization") == "Bearer t")
    #expect(server.connections == 1)
  }

  @Test(arguments: [HTTPMethod.get, .head])
  func `to another port drops the credentials alone`(method: HTTPMethod) throws {
    let other = ScriptedServer { _ in .headOnly(length: 0) }
    let target = other.url("/b")
    let server = ScriptedServer { _ in ScriptedResponse(307, headers: [("Location", target)]) }
    _ = try HTTPClient().send(HTTPRequest(method, HTTPURL(server.url("/a")), headers: secret))
    let seen = try #require(other.requests.first)
    #expect(seen.header("Authorization") == nil && seen.header("Cookie") == nil)
    #expect(seen.header("Range") == "bytes=5-" && seen.method == method.rawValue)
    #expect(server.requests.first?.header("Authorization") == "Bearer t")
  }

  @Test func `back to where it began does not bring the credentials back`() throws {
    let request = try HTTPRequest(.get, HTTPURL("https://a.org/"), headers: secret)
    let there = try request.redirected(to: "https://b.org/")
    #expect(try there.redirected(to: "https://a.org/").headers["Authorization"] == nil)
  }

  @Test(arguments: [
    ("http://a.org/", RedirectRefusal.downgrade), ("//user@a.org/", .userInfo),
    ("https://u:p@b.org/", .userInfo), ("ftp://a.org/", .scheme), ("file:///etc/passwd", .scheme),
    ("https://a.org:99999/", .malformed), ("", .malformed),
  ])
  func `is refused`(location: String, reason: RedirectRefusal) throws {
    let request = try HTTPRequest(.get, HTTPURL("https://a.org/x?sig=secret"))
    let error = #expect(throws: TransportError.self) { try request.redirected(to: location) }
    guard case .redirectRefused(let from, _, reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(from == "https://a.org/x?sig=…")
  }

  @Test func `in a circle ends`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(302, headers: [("Location", "/again")]) }
    #expect(throws: TransportError.tooManyRedirects(url: server.url())) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url())))
    }
    #expect(server.requests.count == 11)
  }

  @Test func `is an answer to a request that does not follow it`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(302, headers: [("Location", "/b")], text: "moved") }
    let client = try HTTPClient()
    let url = try HTTPURL(server.url("/a"))
    #expect(try client.send(HTTPRequest(.get, url, followsRedirects: false)).status == 302)
    #expect(try client.send(HTTPRequest(.post, url)).headers["Location"] == "/b")
    #expect(server.lines == ["GET /a", "POST /a"])
  }

  @Test func `without a location is an answer`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(304) }
    #expect(try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url()))).status == 304)
  }
}
