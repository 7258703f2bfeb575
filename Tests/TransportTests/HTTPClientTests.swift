import Synchronization
import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `An HTTP client` {
  @Test func `sends and receives whole messages`() throws {
    let server = ScriptedServer { request in
      ScriptedResponse(201, headers: [("X-Echo", request.header("X-Ask") ?? "")], body: request.body)
    }
    let client = try HTTPClient(TransportOptions(userAgent: "ferry/test"))
    let request = try HTTPRequest(
      .put, HTTPURL(server.url("/a?b=c")), headers: ["X-Ask": "x", "X-Empty": ""])
    let response = try client.send(request, body: Array("hello".utf8))
    #expect(response.status == 201 && response.body == Array("hello".utf8))
    #expect(response.headers["x-echo"] == "x" && response.url == request.url)
    let seen = try #require(server.requests.first)
    #expect(seen.line == "PUT /a?b=c" && seen.header("User-Agent") == "ferry/test")
    #expect(seen.header("Content-Length") == "5" && seen.header("Accept-Encoding") == "identity")
    #expect(seen.header("Expect") == nil && seen.header("X-Empty") == "")
    #expect(seen.header("Transfer-Encoding") == nil && seen.header("Content-Type") == nil)
  }

  @Test(arguments: [HTTPMethod.get, .head, .post, .put, .patch, .delete])
  func `speaks every method`(method: HTTPMethod) throws {
    let server = ScriptedServer { request in
      request.method == "HEAD" ? .headOnly(length: 1 << 40) : ScriptedResponse(404, text: "no")
    }
    let response = try HTTPClient().send(HTTPRequest(method, HTTPURL(server.url())))
    #expect(response.status == (method == .head ? 200 : 404))
    #expect(server.lines == ["\(method.rawValue) /"])
    let length = server.requests.first?.header("Content-Length")
    #expect(length == (method.carriesBody ? "0" : nil))
  }

  @Test func `keeps its connection from call to call`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(text: "x") }
    let client = try HTTPClient()
    for _ in 0..<5 { _ = try client.send(HTTPRequest(.get, HTTPURL(server.url()))) }
    _ = try client.transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 1) { buffer in
      buffer[0] = 1
      return 1
    }
    #expect(server.connections == 1 && server.requests.count == 6)
  }

  @Test func `sends again what an idle connection lost when it closed`() throws {
    let server = ScriptedServer { request in
      ScriptedResponse(text: "x").then(.close)
    }
    let client = try HTTPClient()
    for _ in 0..<3 {
      let response = try client.send(HTTPRequest(.post, HTTPURL(server.url())), body: [1, 2, 3])
      #expect(response.status == 200)
    }
    #expect(server.requests.allSatisfy { $0.body == [1, 2, 3] })
  }

  @Test func `refuses a body beyond the limit`() throws {
    let server = ScriptedServer { request in
      request.path == "/declared"
        ? ScriptedResponse(body: [], declaredLength: 1 << 50)
        : ScriptedResponse(steps: [
          .send(ScriptedResponse.head(200, [], length: nil)), .sendRepeated([0, 1, 2, 3], count: 4096),
          .close,
        ])
    }
    let client = try HTTPClient()
    for path in ["/declared", "/endless"] {
      let url = try HTTPURL(server.url(path))
      #expect(throws: TransportError.tooLarge(url: url.description, limit: 1000)) {
        try client.send(HTTPRequest(.get, url, bodyLimit: 1000))
      }
    }
  }

  @Test func `says of which part of an answer there is too much`() throws {
    let server = ScriptedServer { request in
      let trailers = Array(
        repeating: Array("X-T: \(String(repeating: "y", count: 1000))\r\n".utf8), count: 400)
      return request.path == "/trailers"
        ? ScriptedResponse(
          steps: [
            .send(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n".utf8)),
            .send(trailers.flatMap(\.self)), .close,
          ])
        : ScriptedResponse(404, body: [UInt8](repeating: 0x20, count: 2000))
    }
    let client = try HTTPClient()
    for (path, limit, part) in [
      ("/trailers", 256 << 10, AnswerPart.head), ("/error", 1000, .errorBody),
    ] {
      let url = try HTTPURL(server.url(path))
      #expect(throws: TransportError.tooLarge(url: url.description, limit: limit, part)) {
        try client.send(HTTPRequest(.get, url, bodyLimit: 1000))
      }
    }
  }

  @Test func `takes no answer of two lengths`() throws {
    let server = ScriptedServer { request in
      let second = request.path == "/same" ? 2 : 5
      return ScriptedResponse(steps: [
        .send(Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: \(second)\r\n\r\n{}".utf8)),
        .close,
      ])
    }
    let client = try HTTPClient()
    #expect(try client.send(HTTPRequest(.get, HTTPURL(server.url("/same")))).body == Array("{}".utf8))
    let url = try HTTPURL(server.url("/other"))
    #expect(throws: TransportError.reset(url: url.description, reason: .twoLengths)) {
      try client.send(HTTPRequest(.get, url))
    }
  }

  @Test func `refuses a head beyond all bounds`() throws {
    let field = ("X-Long", String(repeating: "y", count: 60_000))
    let server = ScriptedServer { request in
      let fields = request.path == "/many" ? Array(repeating: field, count: 10) : []
      let huge = ("X-Huge", String(repeating: "y", count: 300_000))
      return ScriptedResponse(headers: request.path == "/many" ? fields : [huge])
    }
    let client = try HTTPClient()
    for path in ["/many", "/huge"] {
      let url = try HTTPURL(server.url(path))
      #expect(throws: TransportError.tooLarge(url: url.description, limit: 256 << 10, .head)) {
        try client.send(HTTPRequest(.get, url))
      }
    }
  }

  @Test(arguments: [
    ("X-A", "b\r\nX-Injected: c"), ("X-A", "b\nc"), ("X A", "b"), ("X-A:", "b"), ("", "b"), ("X", "\u{0}"),
  ])
  func `sends no header that breaks out of its line`(name: String, value: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse() }
    var headers = HTTPHeaders()
    headers.add(name, value)
    let request = try HTTPRequest(.get, HTTPURL(server.url()), headers: headers)
    #expect(throws: TransportError.invalidHeader(name: name)) { try HTTPClient().send(request) }
    #expect(server.requests.isEmpty)
  }

  @Test func `logs exchanges without secrets`() throws {
    let lines = Mutex<[String]>([])
    let server = ScriptedServer { request in
      request.path == "/a" ? ScriptedResponse(302, headers: [("Location", "/b?sig=secret")]) : .reset
    }
    let client = try HTTPClient(TransportOptions(log: { line in lines.withLock { $0.append(line) } }))
    let request = try HTTPRequest(
      .get, HTTPURL(server.url("/a?key=secret")), headers: ["Authorization": "secret"])
    let error = #expect(throws: TransportError.self) { try client.send(request) }
    let log = lines.withLock { $0 }
    #expect(log.count == 3 && log[0] == "GET \(server.url("/a?key=…")) → 302")
    #expect(log[1] == "redirected to \(server.url("/b?sig=…"))")
    #expect(!log.joined().contains("secret") && !String(describing: error).contains("secret"))
  }

  @Test func `passes compressed content through as it is`() throws {
    let bytes: [UInt8] = [0x1f, 0x8b, 8, 0, 1, 2, 3]
    let server = ScriptedServer { _ in ScriptedResponse(headers: [("Content-Encoding", "gzip")], body: bytes)
    }
    #expect(try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url()))).body == bytes)
  }

  @Test func `reads chunked bodies`() throws {
    let server = ScriptedServer { _ in
      .garbage(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n")
    }
    let response = try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url())))
    #expect(response.body == Array("abcde".utf8) && response.headers["X"] == nil)
  }

  @Test func `refuses a certificate file it cannot read`() {
    #expect(throws: TransportError.unreadableCAFile(path: "/nonexistent/ca.pem")) {
      try HTTPClient(TransportOptions(caFile: "/nonexistent/ca.pem"))
    }
  }
}
