import Testing

@testable import Transport

@Suite struct `An HTTP URL` {
  @Test func `has parts`() throws {
    let url = try HTTPURL("https://NVCR.io/v2/a/b?n=1&last=x#frag")
    #expect(url.scheme == "https" && url.host == "nvcr.io" && url.port == 443 && url.path == "/v2/a/b")
    #expect(url.query == "n=1&last=x" && !url.hasUserInfo && !url.isPlain)
    #expect(url.full == "https://nvcr.io/v2/a/b?n=1&last=x")
    let plain = try HTTPURL("http://[::1]:5000")
    #expect(plain.host == "[::1]" && plain.port == 5000 && plain.path == "/" && plain.query == nil)
    #expect(plain.full == "http://[::1]:5000/" && plain.isPlain)
  }

  @Test(arguments: [
    "", "nvcr.io", "//nvcr.io/", "ftp://nvcr.io/", "file:///etc/passwd", "gopher://x/", "https://",
    "https:///", "https://a b/", "https://a/\u{1}", "https://a/x\r\ny", "https://a\u{0}.evil.org/",
    "https://host:0/", "https://host:65536/", "https://host:-1/", "https://host:80x/", "https://[::1/",
    "https://[fe80::1%25eth0]/", "https://exa\u{301}mple.org/", "javascript:alert(1)",
    "https://a/" + String(repeating: "x", count: 40_000),
  ])
  func `is nothing else`(text: String) {
    #expect(throws: TransportError.self) { try HTTPURL(text) }
  }

  /// What is checked must be what is connected to.
  @Test(arguments: [
    ("https://nvcr.io@evil.org/", "evil.org"), ("https://nvcr.io:443@evil.org/", "evil.org"),
    ("https://evil.org#@nvcr.io/", "evil.org"), ("https://evil.org?@nvcr.io/", "evil.org"),
    ("http://2130706433/", "127.0.0.1"), ("http://0x7f.1/", "127.0.0.1"), ("http://127.1/", "127.0.0.1"),
    ("http://EXAMPLE.org./", "example.org."),
  ])
  func `names the host that is spoken to`(text: String, host: String) throws {
    let url = try HTTPURL(text)
    #expect(url.host == host)
    #expect(url.hasUserInfo == text.prefix { $0 != "#" && $0 != "?" }.contains("@"))
    #expect(!url.full.contains("@") || url.query?.contains("@") == true)
  }

  @Test(arguments: [
    ("/x", "https://a.org:8443/x"), ("x", "https://a.org:8443/p/x"), ("?y=2", "https://a.org:8443/p/q?y=2"),
    ("//b.org/z", "https://b.org/z"), ("http://c.org", "http://c.org/"),
    ("../../../z", "https://a.org:8443/z"), ("/with blank", "https://a.org:8443/with%20blank"),
    ("/keeps%2Fcase%2f?sig=a%2Bb%2b", "https://a.org:8443/keeps%2Fcase%2f?sig=a%2Bb%2b"),
  ])
  func `resolves a location`(location: String, expected: String) throws {
    let base = try HTTPURL("https://a.org:8443/p/q?x=1")
    #expect(try base.resolving(location).full == expected)
  }

  @Test func `gains a query and keeps its own`() throws {
    let items = [(name: "digest", value: "sha256:ab"), (name: "a b", value: "&=é")]
    let encoded = "digest=sha256%3Aab&a%20b=%26%3D%C3%A9"
    #expect(try HTTPURL("https://a/u").appendingQuery(items).query == encoded)
    #expect(try HTTPURL("https://a/u?").appendingQuery(items).query == encoded)
    #expect(try HTTPURL("https://a/u?s=%2f").appendingQuery(items).query == "s=%2f&" + encoded)
    #expect(try HTTPURL("https://a/u").appendingQuery([]).query == nil)
  }

  @Test func `tells origins apart by scheme, host and port`() throws {
    let url = try HTTPURL("https://a.org/x")
    #expect(try url.hasSameOrigin(as: HTTPURL("https://A.org:443/y")))
    for other in ["http://a.org/x", "https://a.org:444/x", "https://b.org/x", "https://a.org./x"] {
      #expect(try !url.hasSameOrigin(as: HTTPURL(other)))
    }
  }

  @Test func `shows neither query values nor users`() throws {
    let url = try HTTPURL("https://user:pass@a.org/b?X-Sig=secret&flag&bare+secret&e=")
    #expect(url.description == "https://a.org/b?X-Sig=…&…&…&e=…")
    #expect("\([url])" == "[https://a.org/b?X-Sig=…&…&…&e=…]")
    #expect(String(reflecting: url) == url.description)
  }

  @Test(arguments: ["ftp://user:secret@h/p?secret", "ht!tp://secret@h", "https://h:99999/p?k=secret#secret"])
  func `shows no secret when it is none`(text: String) {
    let error = #expect(throws: TransportError.self) { try HTTPURL(text) }
    #expect(!"\(String(describing: error))".contains("secret"))
  }

  @Test func `is cut to be seen where it is long and none`() {
    let long = "ftp://h/" + String(repeating: "é", count: 300)
    #expect(HTTPURL.redacting(long) == long.prefix(200) + "…")
    #expect(HTTPURL.redacting("ftp://h/é") == "ftp://h/é")
  }
}
