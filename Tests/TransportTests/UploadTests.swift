import TestSupport
import Testing

@testable import Transport

private struct Refusal: Error, Equatable {}

@Suite(.waiting) struct `An upload` {
  @Test(arguments: [HTTPMethod.put, .post, .patch])
  func `sends what its source gives, in order`(method: HTTPMethod) throws {
    let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 17 >> 7) }
    let server = ScriptedServer { _ in ScriptedResponse(201, headers: [("Location", "/x")], text: "done") }
    var offset = 0
    let request = try HTTPRequest(method, HTTPURL(server.url("/u")), headers: ["Content-Type": "a/b"])
    let response = try HTTPClient().transmit(request, size: Int64(content.count)) { buffer in
      let count = min(buffer.count, content.count - offset, 70_001)
      buffer.copyBytes(from: content[offset..<offset + count])
      offset += count
      return count
    }
    #expect(response.status == 201 && response.body == Array("done".utf8))
    let seen = try #require(server.requests.first)
    #expect(seen.body == content && seen.line == "\(method.rawValue) /u")
    #expect(seen.header("Content-Length") == "3000000" && seen.header("Expect") == nil)
    #expect(seen.header("Content-Type") == "a/b")
  }

  @Test func `of nothing asks its source nothing`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(201) }
    let response = try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 0) { _ in
      throw Refusal()
    }
    #expect(response.status == 201 && server.requests.first?.header("Content-Length") == "0")
  }

  @Test(arguments: [401, 413, 307])
  func `ends with an early answer`(status: Int) throws {
    let gate = Gate()
    defer { gate.open() }
    let server = ScriptedServer(reading: { _ in .none }) { _ in
      ScriptedResponse(status, headers: [("Location", "/x")], text: "no").then(.stall(gate))
    }
    let response = try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 1 << 40) {
      $0.count
    }
    #expect(response.status == status && response.body == Array("no".utf8))
    #expect(server.requests.count == 1)
  }

  @Test func `never hangs when the early answer is followed by a closed door`() throws {
    let server = ScriptedServer(reading: { _ in .none }) { _ in
      ScriptedResponse(401, text: "no").then(.close)
    }
    do {
      let response = try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 1 << 40) {
        $0.count
      }
      #expect(response.status == 401)
    } catch let error as TransportError {
      // The reset may overtake the answer.
      guard case .reset = error else { throw error }
    }
  }

  @Test func `hands its source's error out`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(201) }
    var calls = 0
    #expect(throws: Refusal()) {
      try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 1 << 30) { buffer in
        calls += 1
        guard calls < 3 else { throw Refusal() }
        return buffer.count
      }
    }
    #expect(calls == 3)
  }

  @Test(arguments: [0, -1, 1 << 40])
  func `does not trust its source's count`(count: Int) throws {
    let server = ScriptedServer { _ in ScriptedResponse(201) }
    #expect(throws: TransportError.sourceEnded(url: server.url(), sent: 0, expected: 100)) {
      try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 100) { _ in count }
    }
  }

  @Test func `is asked for no more than its size`() throws {
    let server = ScriptedServer { _ in ScriptedResponse(201) }
    var asked: [Int] = []
    _ = try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 10) { buffer in
      asked.append(buffer.count)
      return min(buffer.count, 4)
    }
    #expect(asked == [10, 6, 2] && server.requests.first?.bodyLength == 10)
  }

  @Test func `of any size takes bounded memory`() throws {
    let size = 256 << 20
    let server = ScriptedServer { _ in ScriptedResponse(201) }
    var largest = 0
    _ = try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: Int64(size)) { buffer in
      largest = max(largest, buffer.count)
      return buffer.count
    }
    #expect(server.requests.first?.bodyLength == size && largest <= 2 << 20)
  }

  @Test func `whose connection breaks says so`() throws {
    let server = ScriptedServer(reading: { _ in .none }) { _ in .reset }
    let error = #expect(throws: TransportError.self) {
      try HTTPClient().transmit(HTTPRequest(.put, HTTPURL(server.url())), size: 1 << 30) { $0.count }
    }
    guard case .reset = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
