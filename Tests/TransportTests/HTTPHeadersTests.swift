import Testing

@testable import Transport

@Suite struct `HTTP headers` {
  @Test func `are found without regard to case, the first of a name first`() {
    var headers: HTTPHeaders = ["Link": "one", "Content-Type": "text/plain"]
    headers.add("LINK", "two")
    #expect(headers["link"] == "one")
    #expect(headers.values(of: "Link") == ["one", "two"])
    #expect(headers["Content-Typ"] == nil)
    #expect(headers.names == ["Link", "Content-Type", "LINK"])
  }

  @Test func `are replaced and removed by name`() {
    var headers: HTTPHeaders = ["A": "1", "a": "2", "B": "3"]
    headers.set("a", "4")
    #expect(headers.values(of: "A") == ["4"])
    headers.remove("A")
    #expect(headers.names == ["B"])
  }

  @Test func `show no value when printed`() throws {
    let request = try HTTPRequest(
      .get, HTTPURL("https://example.org/"), headers: ["Authorization": "Bearer secret"])
    #expect(!"\(request)".contains("secret"))
    #expect(!String(reflecting: request).contains("secret"))
  }
}

@Suite struct `A response's head` {
  private func head(_ lines: String...) -> (ResponseHead, Bool) {
    var head = ResponseHead()
    var isSound = true
    for line in lines { isSound = head.take(Array((line + "\r\n").utf8).span.bytes) && isSound }
    return (head, isSound)
  }

  @Test func `is read line by line`() {
    let (head, isSound) = head("HTTP/1.1 206 Partial Content", "X-A:  b ", "x-a: c", "")
    #expect(isSound && head.isComplete && head.status == 206)
    #expect(head.headers.values(of: "X-A") == ["b", "c"])
  }

  @Test func `passes over interim answers`() {
    let (head, _) = head("HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/1.1 200 OK", "A: b", "")
    #expect(head.status == 200 && head.isComplete && head.headers.names == ["A"])
    #expect(!self.head("HTTP/1.1 100 Continue", "").0.isComplete)
  }

  @Test func `continues folded lines and ignores trailers`() {
    let (head, _) = head("HTTP/1.1 200 OK", "A: b", " c", "", "Trailer: x")
    #expect(head.headers["A"] == "b c" && head.headers["Trailer"] == nil)
  }

  @Test func `is refused when it is too long`() {
    var head = ResponseHead()
    let line = Array("X: \(String(repeating: "y", count: 60_000))\r\n".utf8)
    var taken = 0
    while taken < 100, head.take(line.span.bytes) { taken += 1 }
    #expect(taken == 4)
  }

  @Test(arguments: ["", ":", "HTTP/", "HTTP/1.1", "HTTP/1.1 abc", "HTTP/1.1 -12 x", "\u{0}", " x", "é: ü"])
  func `survives any line`(line: String) {
    #expect(!head(line, "").0.isComplete)
  }
}
