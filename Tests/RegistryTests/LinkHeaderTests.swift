import Testing

@testable import Registry

@Suite struct `A Link header` {
  @Test(arguments: [
    (#"</v2/_catalog?n=2&last=b>; rel="next""#, "/v2/_catalog?n=2&last=b"),
    ("</next>;rel=next", "/next"),
    (#"</a,b>; rel="NEXT"; title="x""#, "/a,b"),
    (#"</p>; rel="prev", </n>; rel="next""#, "/n"),
    (#"</p>; title="a, </x>; rel=next", </n>; rel="last next""#, "/n"),
    (#"<https://host/n>; foo; rel = "next""#, "https://host/n"),
    ("</n>", "/n"), (#"</n>; title="x""#, "/n"), (#"</a>; x="rel=next""#, "/a"),
    ("</a>, </n>; rel=next", "/n"),
  ])
  func `leads to the next page`(_ header: String, _ target: String) {
    #expect(LinkHeader([header]) == .next(target))
  }

  @Test(arguments: [
    "", #"</a>; rel="prev""#, #"</a>; rel="first", </z>; rel="last""#,
    #"<https://cdn.example>; rel=preconnect; crossorigin"#,
  ])
  func `ends the list when there is no next`(_ header: String) {
    #expect(LinkHeader([header]) == .none)
  }

  @Test(arguments: [
    "<", "<>", "</a>, </b>", "rel=next", "</a; rel=next", "/v2/_catalog?last=b",
    #"</a>; rel="next"#, #"</a> rel="next""#, "</a>; rel=next, </b>; rel=next", #"</p>; rel="prev", /n"#,
    #"</a>; rel="""#,
  ])
  func `that cannot be read does not end it`(_ header: String) {
    #expect(LinkHeader([header]) == .unreadable)
  }

  @Test func `may be on any of several lines`() {
    #expect(LinkHeader(["</p>; rel=prev", "</n>; rel=next"]) == .next("/n"))
    #expect(LinkHeader(["</n>; REL='Next'; title", ","]) == .next("/n"))
    #expect(LinkHeader(["</n>; rel=next", "</n>; rel=next"]) == .next("/n"))
    #expect(LinkHeader([]) == .none)
  }
}
