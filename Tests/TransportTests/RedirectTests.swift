import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `A redirect` {
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

  /// Whether it is followed, by method, status and where it leads from `http://a.org:80/x?q`.
  @Test(
    arguments: [
      ("POST", 307, "/y", true), ("PUT", 308, "http://a.org/y", true), ("PATCH", 307, "?r", true),
      ("DELETE", 308, "/y", true), ("POST", 301, "/y", true), ("POST", 302, "/y", false),
      ("PUT", 303, "/y", false),
      ("POST", 307, "https://a.org/y", true), ("POST", 301, "https://a.org/x?q", true),
      ("PUT", 302, "https://a.org/x?q", true), ("PUT", 302, "https://a.org/login", false),
      ("POST", 301, "https://a.org/login", false), ("POST", 307, "http://b.org/x?q", false),
      ("PUT", 308, "http://a.org:81/x?q", false), ("PATCH", 307, "https://b.org/x?q", false),
      ("POST", 307, "https://u@a.org/x", false), ("POST", 307, "ftp://a.org/", false),
      ("GET", 303, "http://b.org/", true),
      ("HEAD", 307, "https://b.org/", true), ("GET", 304, "/y", false),
    ] as [(String, Int, String, Bool)])
  func `is followed by its own method on its own host`(
    _ method: String, _ status: Int, _ location: String, _ isFollowed: Bool
  ) throws {
    let request = HTTPRequest(
      try #require(HTTPMethod(rawValue: method)), try HTTPURL("http://a.org/x?q"), headers: secret)
    let answer = HTTPResponse(status: status, headers: ["Location": location], body: [], url: request.url)
    let next = try request.redirected(by: answer)
    #expect((next != nil) == isFollowed)
    guard let next else { return }
    let target = try request.url.resolving(location)
    #expect(next.method == request.method && next.url == target)
    #expect((next.headers["Authorization"] != nil) == (next.url.host == "a.org"))
  }

  @Test func `brings a small body with it, and leaves a large one to who has it`() throws {
    let server = ScriptedServer { request in
      request.path == "/a" ? ScriptedResponse(307, headers: [("Location", "/b")]) : ScriptedResponse(201)
    }
    let client = try HTTPClient()
    let request = HTTPRequest(.put, try HTTPURL(server.url("/a")))
    #expect(try client.send(request, body: [1, 2, 3]).status == 201)
    #expect(server.requests.map(\.body) == [[1, 2, 3], [1, 2, 3]])
    let answer = try client.transmit(request, size: 3) { buffer in
      buffer[0] = 7
      return 1
    }
    #expect(answer.status == 307 && server.requests.count == 3)
  }
}
