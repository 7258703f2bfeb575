import Glibc
import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `A failing line` {
  @Test(arguments: [true, false])
  func `cuts a body that had a length`(isDownload: Bool) throws {
    let server = ScriptedServer { _ in ScriptedResponse(body: [1, 2, 3], declaredLength: 10) }
    let client = try HTTPClient()
    let request = try HTTPRequest(.get, HTTPURL(server.url("/b?sig=secret")))
    var received = 0
    #expect(throws: TransportError.cut(url: server.url("/b?sig=…"), received: 3, expected: 10)) {
      _ =
        try isDownload
        ? client.receive(request, accepts: { _ in true }, sink: { received += $0.byteCount })
        : client.send(request)
    }
    #expect(received == (isDownload ? 3 : 0))
  }

  @Test func `cuts a chunked body`() throws {
    let server = ScriptedServer { _ in
      .garbage("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5\r\nab")
    }
    #expect(throws: TransportError.cut(url: server.url(), received: 7, expected: nil)) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url())))
    }
  }

  @Test(arguments: ["before the answer", "in silence", "in the head", "in the body"])
  func `breaks`(when: String) throws {
    let server = ScriptedServer { _ in
      switch when {
      case "before the answer": .reset
      case "in silence": .silence
      case "in the head": .garbage("HTTP/1.1 200 OK\r\nContent-Le")
      default:
        ScriptedResponse(steps: [.send(ScriptedResponse.head(200, [], length: 10)), .send([1]), .reset])
      }
    }
    let error = #expect(throws: TransportError.self) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url())))
    }
    #expect(error?.isRetryable == true)
    switch error {
    case .reset, .cut: break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test(arguments: ["SSH-2.0-OpenSSH_9.2\r\n", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}", "HTTP/1.1 xyz\r\n\r\n"])
  func `may lead to something that is not HTTP`(text: String) throws {
    let server = ScriptedServer { _ in .garbage(text) }
    let error = #expect(throws: TransportError.self) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL(server.url())))
    }
    guard case .notHTTP("127.0.0.1", server.port, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `may lead to a port where nobody listens`() throws {
    // Bound but not listening: nobody else can take the port meanwhile.
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(socket, $0, length)
        getsockname(socket, $0, &length)
      }
    }
    let port = Int(UInt16(bigEndian: address.sin_port))
    #expect(throws: TransportError.connectionRefused(host: "127.0.0.1", port: port)) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL("http://127.0.0.1:\(port)/")))
    }
  }

  @Test(arguments: ["/head", "/body", "/upload"])
  func `stalls`(path: String) throws {
    let gate = Gate()
    defer { gate.open() }
    let server = ScriptedServer(reading: { $0.path == "/upload" ? .none : .all }) { request in
      let head = ScriptedResponse.head(200, [], length: 10)
      return ScriptedResponse(steps: (path == "/body" ? [.send(head), .send([1])] : []) + [.stall(gate)])
    }
    let client = try HTTPClient(TransportOptions(stallTimeout: .milliseconds(100)))
    let request = try HTTPRequest(path == "/upload" ? .put : .get, HTTPURL(server.url(path)))
    #expect(throws: TransportError.stalled(url: server.url(path), seconds: 0)) {
      _ =
        try path == "/upload"
        ? client.transmit(request, size: 1 << 30) { $0.count } : client.send(request)
    }
  }

  @Test func `is given time by a limit of its own after an upload`() throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(steps: [.pause(milliseconds: 300), .send(ScriptedResponse.head(201, [], length: 0))])
    }
    let client = try HTTPClient(TransportOptions(stallTimeout: .milliseconds(100)))
    let url = try HTTPURL(server.url())
    // Where the machine stands still elsewhere, that is a stall.
    #expect((0..<20).contains { _ in (try? client.send(HTTPRequest(.put, url), body: [1]))?.status == 201 })

    let gate = Gate()
    defer { gate.open() }
    let silent = ScriptedServer { _ in .stall(gate) }
    let hasty = try HTTPClient(
      TransportOptions(stallTimeout: .milliseconds(100), answerTimeout: .milliseconds(150)))
    #expect(throws: TransportError.stalled(url: silent.url(), seconds: 0)) {
      try hasty.send(HTTPRequest(.put, HTTPURL(silent.url())), body: [1])
    }
    // What a request says itself counts before that, and the time for bytes that move not at all before either.
    let patient = try HTTPClient(
      TransportOptions(stallTimeout: .milliseconds(100), answerTimeout: .seconds(86_400)))
    var request = HTTPRequest(.put, try HTTPURL(silent.url()))
    request.answerTimeout = .milliseconds(150)
    #expect(throws: TransportError.stalled(url: silent.url(), seconds: 0)) {
      try patient.send(request, body: [1])
    }
  }

  @Test(arguments: ["/head", "/interim", "/body"]) func `that comes byte by byte is not waited for`(
    path: String
  ) throws {
    let server = ScriptedServer { request in
      let endless = 1 << 20
      switch request.path {
      case "/head":
        let lines = (0..<20_000).map { "X-\($0): a\r\n" }.joined()
        return ScriptedResponse(steps: [.send(Array("HTTP/1.1 200 OK\r\n".utf8)), .drip(Array(lines.utf8))])
      case "/interim":
        let answers = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 2000)
        return ScriptedResponse(steps: [.send(Array(answers.utf8))])
      default:
        let pieces = Array(
          repeating: [ScriptedResponse.Step.send([1]), .pause(milliseconds: 20)], count: 2000)
        return ScriptedResponse(
          steps: [.send(ScriptedResponse.head(200, [], length: endless))] + pieces.flatMap(\.self))
      }
    }
    var options = TransportOptions(stallTimeout: .seconds(1))
    options.rateWindow = .seconds(1)
    let client = try HTTPClient(options)
    let url = try HTTPURL(server.url(path))
    do {
      _ = try client.send(HTTPRequest(.get, url, bodyLimit: 8 << 20))
      Issue.record("it came")
    } catch TransportError.stalled {
      #expect(path != "/interim")
    } catch TransportError.reset(_, .interimAnswers) {
      #expect(path == "/interim")
    }
  }

  @Test func `that drips does not stall`() throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: 300)), .drip(Array(repeating: 1, count: 300)),
      ])
    }
    let client = try HTTPClient(TransportOptions(stallTimeout: .milliseconds(250)))
    let url = try HTTPURL(server.url())
    // Where the machine stands still, that is a stall.
    #expect((0..<20).contains { _ in (try? client.send(HTTPRequest(.get, url)))?.body.count == 300 })
  }
}

@Suite(.waiting) struct `Retrying` {
  @Test func `repeats until the server recovers`() throws {
    let server = ScriptedServer { request in
      switch request.connection {
      case 0: ScriptedResponse(503, headers: [("Retry-After", "0")]).then(.close)
      case 1: .reset
      case 2: ScriptedResponse(429, headers: [("Retry-After", "0")]).then(.close)
      default: ScriptedResponse(text: "ok")
      }
    }
    let client = try HTTPClient(TransportOptions(retries: 3, backoff: .milliseconds(1)))
    let response = try client.sendRetrying(HTTPRequest(.put, HTTPURL(server.url())), body: [1])
    #expect(response.status == 200 && server.requests.count == 4)
    #expect(server.requests.allSatisfy { $0.body == [1] })
  }

  @Test func `ends with the last answer`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(502, headers: [("Retry-After", "0")]) }
    let client = try HTTPClient(TransportOptions(retries: 2))
    #expect(try client.sendRetrying(HTTPRequest(.get, HTTPURL(server.url()))).status == 502)
    #expect(server.requests.count == 3)
  }

  @Test(arguments: [400, 401, 403, 404, 416]) func `leaves final answers alone`(status: Int) throws {
    let server = ScriptedServer { _ in ScriptedResponse(status) }
    #expect(try HTTPClient().sendRetrying(HTTPRequest(.get, HTTPURL(server.url()))).status == status)
    #expect(server.requests.count == 1)
  }

  @Test func `gives up at once on a host that was never reached`() throws {
    let server = ScriptedServer { _ in ScriptedResponse() }
    let client = try HTTPClient()
    let url = try HTTPURL(server.url())
    let refused = TransportError.connectionRefused(host: "127.0.0.1", port: server.port)
    #expect(!client.isWorthRetrying(refused, to: url))
    _ = try client.send(HTTPRequest(.get, url))
    #expect(client.isWorthRetrying(refused, to: url))
    #expect(!client.isWorthRetrying(.cancelled, to: url))
  }
}
