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
  ])
  func `leads to the next page`(_ header: String, _ target: String) {
    #expect(LinkHeader.next(in: [header]) == target)
  }

  @Test(arguments: [
    "", "<", "<>", "</a>", #"</a>; rel="prev""#, "rel=next", "</a; rel=next", #"</a>; x="rel=next""#,
  ])
  func `ends the list when there is no next`(_ header: String) {
    #expect(LinkHeader.next(in: [header]) == nil)
  }

  @Test func `may be on any of several lines`() {
    #expect(LinkHeader.next(in: ["</p>; rel=prev", "</n>; rel=next"]) == "/n")
    #expect(LinkHeader.next(in: []) == nil)
  }
}
