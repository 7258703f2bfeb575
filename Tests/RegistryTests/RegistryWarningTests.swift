import Digests
import Images
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Registry

@Suite(.waiting) struct `What a registry warns of` {
  /// Lines of the header `Warning`, and what of them is for people.
  @Test(arguments: [
    // The specification's example.
    (
      [#"299 - "This registry endpoint is deprecated and will be removed soon.""#],
      ["This registry endpoint is deprecated and will be removed soon."]
    ),
    ([#"299 - "one", 299 - "two""#, #"299 - "three""#], ["one", "two", "three"]),
    ([#"299 registry.example:5000 "one" "Sat, 25 Aug 2012 23:34:45 GMT", 299 - "two""#], ["one", "two"]),
    (
      [#"299 "no agent""#, #"299 squid/6.1 "a product""#, #"299 [::1]:80 "an address""#],
      ["no agent", "a product", "an address"]
    ),
    ([#"299 - "say \"no\", or C:\\x, or 199 - \"it\"""#], [#"say "no", or C:\x, or 199 - "it""#]),
    // Without quotes, as many servers have it.
    ([#"299 - Use v3, not v2, 299 host.example Soon"#], ["Use v3, not v2", "Soon"]),
    (["299 Deprecated endpoint"], ["Deprecated endpoint"]),
    // Other codes speak to caches.
    ([#"110 - "Response is stale", 299 - "kept", 214 proxy "changed""#, #"199 - "once""#], ["kept"]),
    ([#"299 - "does not end"#], ["does not end"]),
    (["", " ", ",", "299", "299 ", "299 -", #"299 - """#, "2999 - \"x\"", "29 - \"x\"", "\"299 - x\""], []),
    (["299 - \"\u{1B}[31mred\u{7}\u{9B}1m\u{202E}x\""], ["[31mred 1m x"]),
    ([#"299 - "same", 299 - "same""#], ["same"]),
  ])
  func `is read from its header in every form`(_ lines: [String], _ texts: [String]) throws {
    var headers = HTTPHeaders()
    for line in lines { headers.add("Warning", line) }
    let response = try HTTPResponse(
      status: 200, headers: headers, body: [], url: HTTPURL("https://registry.example/v2/"))
    let warnings = RegistryWarning.list(in: response, hiding: [])
    #expect(warnings.map(\.text) == texts)
    #expect(warnings.allSatisfy { $0.host == "registry.example" })
  }

  @Test func `is cut, and so is its number, and holds no secret`() throws {
    var headers: HTTPHeaders = ["Warning": "299 - \"" + String(repeating: "long ", count: 10_000) + "\""]
    for number in 0..<100 { headers.add("Warning", "299 - \"hunter2 is number \(number)\"") }
    let response = try HTTPResponse(
      status: 200, headers: headers, body: [], url: HTTPURL("http://a.example:5000/"))
    let warnings = RegistryWarning.list(in: response, hiding: ["hunter2"])
    #expect(warnings.count == 16)
    #expect(warnings.allSatisfy { $0.text.count <= 301 && !$0.text.contains("hunter2") })
    #expect(warnings.allSatisfy { $0.host == "a.example:5000" })
  }

  @Test func `survives any bytes`() {
    var random = SeededGenerator(seed: 9)
    let alphabet = Array("299 -\",\\ a.:/\t".utf8)
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      _ = WarningField.texts(in: String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func `is heard with every kind of answer, its token server's too`() throws {
    let heard = Mutex<[String]>([])
    let server = ScriptedServer { request in
      let warning = ("Warning", "299 - \"\(request.method) \(request.path)\"")
      if request.path == "/token" { return ScriptedResponse(headers: [warning], text: #"{"token":"t"}"#) }
      guard request.header("Authorization") == "Bearer t" else {
        return ScriptedResponse(
          401,
          headers: [
            warning, ("WWW-Authenticate", #"Bearer realm="http://\#(request.header("Host") ?? "")/token""#),
          ])
      }
      return ScriptedResponse(request.path.hasSuffix("/uploads/") ? 403 : 404, headers: [warning])
    }
    var configuration = RegistryConfiguration(
      plainHTTP: true, credential: .basic(username: "u", password: "p"))
    configuration.warned = { warning in heard.withLock { $0.append(warning.text) } }
    let client = RegistryClient(
      host: server.host, configuration: configuration, http: try HTTPClient(TransportOptions(retries: 0)))
    let blob = descriptor(of: [1])
    _ = try? client.manifest("1", of: "a")
    _ = client.tagList(of: "a")
    _ = try? client.smallBlob(blob, of: "a")
    _ = try? client.hasBlob(blob.digest, size: 1, in: "a")
    _ = try? client.checkPush(to: "a", opensUpload: true)
    let texts = Set(heard.withLock { $0 })
    #expect(
      texts.isSuperset(of: [
        "GET /v2/", "GET /token", "GET /v2/a/manifests/1", "GET /v2/a/tags/list",
        "GET /v2/a/blobs/\(blob.digest)",
        "HEAD /v2/a/blobs/\(blob.digest)", "POST /v2/a/blobs/uploads/",
      ]), "\(texts)")
  }
}
