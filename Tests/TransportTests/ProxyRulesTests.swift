import Testing

@testable import Transport

@Suite struct `The rules for proxies` {
  private static let proxy = Configured("http://user:secret@proxy.example:3128", by: "https_proxy")

  /// Exceptions, URLs and whether the first that counts is for the second.
  @Test(arguments: [
    ("r.example", "https://r.example/", true), ("r.example", "https://a.r.example/", true),
    ("r.example", "https://ar.example/", false), (".r.example", "https://r.example/", true),
    (".r.example", "https://a.b.r.example:5000/", true), ("*.r.example", "https://a.r.example/", true),
    ("R.Example", "https://r.EXAMPLE/", true), ("r.example.", "https://r.example/", true),
    ("r.example:5000", "https://r.example:5000/", true), ("r.example:5000", "https://r.example:5001/", false),
    ("r.example:5000", "https://r.example/", false), ("r.example:443", "https://r.example/", true),
    (".r.example:5000", "https://a.r.example:5000/", true), ("r.example:port", "https://r.example/", false),
    ("*", "https://r.example/", true), ("a.example, * ", "https://r.example/", true),
    ("a.example,r.example", "https://r.example/", true), ("a.example r.example", "https://r.example/", true),
    ("", "https://r.example/", false), (",,", "https://r.example/", false),
    (".", "https://r.example/", false),
    ("localhost", "https://localhost:5000/", true), ("localhost:5000", "https://localhost:5000/", true),
    ("127.0.0.1", "https://127.0.0.1:5000/", true), ("127.0.0.1:5000", "https://127.0.0.1:5000/", true),
    ("127.0.0.1:5000", "https://127.0.0.1:5001/", false), ("0.0.1", "https://127.0.0.1/", false),
    ("10.0.0.0/8", "https://10.1.2.3/", true), ("10.0.0.0/8", "https://11.1.2.3/", false),
    ("10.1.2.0/23", "https://10.1.3.9/", true), ("10.1.2.0/23", "https://10.1.4.9/", false),
    ("10.1.2.3/32", "https://10.1.2.3/", true), ("0.0.0.0/0", "https://10.1.2.3/", true),
    ("10.0.0.0/33", "https://10.1.2.3/", false), ("10.0.0.0/8", "https://r10.example/", false),
    ("::1", "https://[::1]:5000/", true), ("[::1]", "https://[::1]:5000/", true),
    ("[::1]:5000", "https://[::1]:5000/", true), ("[::1]:5000", "https://[::1]:5001/", false),
    ("0:0:0:0:0:0:0:1", "https://[::1]/", true), ("fd00::/8", "https://[fd12::3]/", true),
    ("[fd00::]/8", "https://[fd12::3]/", true), ("fd00::/8", "https://[fe80::3]/", false),
    ("::/0", "https://127.0.0.1/", false),
  ])
  func `know exceptions`(_ exceptions: String, _ url: String, _ isExempt: Bool) throws {
    let rules = ProxyRules(secure: Self.proxy, exceptions: Configured(exceptions, by: "no_proxy"))
    let choice = rules.choice(for: try HTTPURL(url))
    if case .exempt(_, "no_proxy") = choice {
      #expect(isExempt)
    } else {
      #expect(choice == .proxy(Self.proxy))
    }
    if isExempt { #expect(choice != .proxy(Self.proxy)) }
  }

  @Test func `are by the scheme of the URL`() throws {
    let rules = ProxyRules(secure: Self.proxy)
    #expect(rules.choice(for: try HTTPURL("http://r.example/")) == .direct)
    #expect(rules.choice(for: try HTTPURL("https://r.example/")) == .proxy(Self.proxy))
    #expect(
      ProxyRules(secure: Configured("", by: "x")).choice(for: try HTTPURL("https://r.example/")) == .direct)
  }

  @Test(arguments: [
    ("http://user:secret@p.example:3128", "http://…@p.example:3128"), ("p.example:3128", "p.example:3128"),
    ("user:se@cret@p.example", "…@p.example"), ("socks5h://p.example", "socks5h://p.example"),
    ("http://user:se/cret@p.example", "http://…@p.example"),
  ])
  func `are told without the login`(_ address: String, _ shown: String) {
    #expect(Configured(address, by: "x").withoutLogin == shown)
  }
}
