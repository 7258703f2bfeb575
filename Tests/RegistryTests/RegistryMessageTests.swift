import Registry
import Testing

@Suite struct `A registry's message` {
  static func list(_ text: String) -> [RegistryMessage] { RegistryMessage.list(in: Array(text.utf8)) }

  @Test func `is read from the errors of an answer`() {
    let json = #"""
      {"errors":[{"code":"DENIED","message":"no push here","detail":[{"Type":"repository","Name":"a","Action":"push"}]},
      {"code":"OTHER","message":"and this","detail":"text"},{"code":"BARE"}]}
      """#
    #expect(
      Self.list(json) == [
        RegistryMessage(
          code: "DENIED", message: "no push here", detail: "Action=push, Name=a, Type=repository"),
        RegistryMessage(code: "OTHER", message: "and this", detail: "text"),
        RegistryMessage(code: "BARE", message: ""),
      ])
  }

  @Test(arguments: [
    (#"{"details":"incorrect username or password"}"#, "", "incorrect username or password"),
    (#"{"message":"Invalid API key"}"#, "", "Invalid API key"),
    (#"{"error":"invalid_grant","error_description":"expired"}"#, "invalid_grant", "expired"),
    (#"{"error":"unauthorized"}"#, "", "unauthorized"),
    (#"{"errors":[],"message":"m"}"#, "", "m"),
    (#"{"errors":"no list","message":"m"}"#, "", "m"),
    ("upstream connect error", "", "upstream connect error"),
    (
      "<html>\r\n<head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>", "",
      "502 Bad Gateway nginx"
    ),
    // Pages say it once, and hold what nobody reads.
    (
      """
      <!DOCTYPE html><html><head><title>413 Request Entity Too Large</title><style type="text/css">h1 {color:red}</style>
      <script>if (1 < 2) { alert("x") }</script><!-- a > b --></head>
      <body><center><h1>413 Request Entity\n Too Large</h1></center><hr>nginx&#39;s &lt;edge&gt;</body></html>
      """, "", "413 Request Entity Too Large nginx's <edge>"
    ),
    (
      "\u{FEFF}<?xml version=\"1.0\"?><Error><Code>QuotaExceeded</Code><Message>m</Message></Error>", "",
      "QuotaExceeded m"
    ),
    // AWS, RFC 9457, Nexus, Artifactory, Go's frameworks.
    (#"{"__type":"com.amazonaws.ecr#LimitExceededException","message":"m"}"#, "LimitExceededException", "m"),
    (#"{"__type":"LimitExceededException","Message":"m"}"#, "LimitExceededException", "m"),
    (#"{"__type":"LimitExceededException"}"#, "LimitExceededException", ""),
    (#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"no"}"#, "", "no"),
    (#"{"title":"Forbidden","status":403}"#, "", "Forbidden"),
    (#"[{"id":"PARAMETER name","message":"bad"}]"#, "", "id=PARAMETER name, message=bad"),
    (#"{"errors":[{"status":403,"message":"forbidden"}]}"#, "", "forbidden"),
    (#"{"errors":[{"status":403,"reason":"because"}]}"#, "", "reason=because, status=403"),
    (#"{"errors":{"name":["is taken","is long"]}}"#, "", "name=is taken; is long"),
    (#"{"errors":{"code":"DENIED","message":"m"}}"#, "DENIED", "m"),
    (#"{"errors":["DENIED"]}"#, "DENIED", ""), (#"{"errors":"no more room"}"#, "", "no more room"),
    (
      #"{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}}"#, "",
      "code=403, message=m, status=PERMISSION_DENIED"
    ),
    (#"{"error_msg":"quota","error_code":7}"#, "", "error_code=7, error_msg=quota"),
    (#""just words""#, "", "just words"),
  ])
  func `is found in other forms too`(_ body: String, _ code: String, _ message: String) {
    #expect(Self.list(body) == [RegistryMessage(code: code, message: message)])
  }

  @Test(arguments: ["", "  \r\n", "<html></html>", "{}", "[]", "null", "\u{1F}\u{FFFD}\u{8}\u{0}\u{FFFD}x"])
  func `is missing where nothing was said`(_ body: String) {
    #expect(Self.list(body).isEmpty)
  }

  @Test func `holds nothing that a terminal would act on`() {
    let json = #"{"errors":[{"code":"A\u001b[2J","message":"x\u001b]0;title\u0007\r\n  y\u202ez\u009b1m"}]}"#
    #expect(Self.list(json) == [RegistryMessage(code: "A [2J", message: "x ]0;title y z 1m")])
    #expect(Self.list("a\u{1b}[31mred\u{0}\u{7f}")[0].message == "a [31mred")
  }

  @Test func `is cut, and so is their number`() {
    let long = Self.list(String(repeating: "word ", count: 100_000))
    #expect(long.count == 1)
    #expect(long[0].message.count <= 301)
    let many = "{\"errors\":[" + Array(repeating: #"{"code":"A"}"#, count: 1000).joined(separator: ",") + "]}"
    #expect(Self.list(many).count == 8)
    let deep = String(repeating: "[", count: 100_000)
    #expect(Self.list("{\"errors\":[{\"detail\":" + deep).count <= 1)
  }

  @Test func `survives any bytes`() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      for message in RegistryMessage.list(in: bytes) {
        #expect(message.message.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 })
      }
    }
  }
}
