import TestSupport
import Testing

@testable import Transport

private struct Refusal: Error, Equatable { let number: Int }

@Suite(.waiting) struct `A download` {
  @Test func `shows its final head and lends its bytes in order`() throws {
    let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 8) }
    let server = ScriptedServer { request in
      guard request.path == "/blob" else { return ScriptedResponse(307, headers: [("Location", "/blob")]) }
      var response = ScriptedResponse(200, headers: [("ETag", "x")], body: content)
      response.steps.insert(.send(Array("HTTP/1.1 102 Processing\r\n\r\n".utf8)), at: 0)
      return response
    }
    var received: [UInt8] = []
    var heads: [Int] = []
    let response = try HTTPClient().receive(HTTPRequest(.get, HTTPURL(server.url("/start")))) { head in
      heads.append(head.status)
      #expect(head.headers["ETag"] == "x" && head.url.path == "/blob" && received.isEmpty)
      return true
    } sink: { bytes in
      bytes.withUnsafeBytes { received.append(contentsOf: $0) }
    }
    #expect(heads == [200] && received == content && response.body.isEmpty && response.status == 200)
  }

  @Test func `collects the start of what was not accepted`() throws {
    let server = ScriptedServer { request in
      let head = ScriptedResponse.head(500, [], length: nil)
      return ScriptedResponse(steps: [.send(head), .sendRepeated([65], count: 200_000), .close])
    }
    let response = try HTTPClient().receive(HTTPRequest(.get, HTTPURL(server.url()))) { head in
      head.isSuccess
    } sink: { _ in
      Issue.record("no byte is wanted")
    }
    #expect(response.status == 500 && response.body.count == 64 << 10)
  }

  @Test func `hands the caller's own error out and ends there`() throws {
    let server = ScriptedServer { _ in
      ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: 1 << 40)),
        .sendRepeated(Array(repeating: 7, count: 1 << 20), count: 1 << 40),
      ])
    }
    let client = try HTTPClient()
    let request = try HTTPRequest(.get, HTTPURL(server.url()))
    #expect(throws: Refusal(number: 1)) {
      try client.receive(request, accepts: { _ in throw Refusal(number: 1) }, sink: { _ in })
    }
    var pieces = 0
    #expect(throws: Refusal(number: 2)) {
      try client.receive(request, accepts: { _ in true }) { _ in
        pieces += 1
        throw Refusal(number: 2)
      }
    }
    #expect(pieces == 1)
  }

  @Test func `of any size takes bounded memory`() throws {
    let size = 256 << 20
    let server = ScriptedServer { _ in
      ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: size)),
        .sendRepeated([UInt8](repeating: 7, count: 1 << 20), count: size),
      ])
    }
    var received = 0
    var largest = 0
    _ = try HTTPClient().receive(HTTPRequest(.get, HTTPURL(server.url())), accepts: { _ in true }) { bytes in
      received += bytes.byteCount
      largest = max(largest, bytes.byteCount)
    }
    #expect(received == size && largest <= 512 << 10)
  }

  @Test func `under a rate limit comes in small pieces, whole`() throws {
    let content = [UInt8](repeating: 9, count: 1 << 20)
    let server = ScriptedServer { _ in ScriptedResponse(body: content) }
    let client = try HTTPClient(TransportOptions(limitRate: 4 << 20))
    var received: [UInt8] = []
    var largest = 0
    _ = try client.receive(HTTPRequest(.get, HTTPURL(server.url())), accepts: { _ in true }) { bytes in
      largest = max(largest, bytes.byteCount)
      bytes.withUnsafeBytes { received.append(contentsOf: $0) }
    }
    #expect(received == content && largest <= (4 << 20) / 10)
  }
}
