import Digests
import Registry
import TestSupport
import Testing

@Suite(.waiting) struct `A client that lists` {
  @Test func `follows every page, keeps the order and drops repetitions`() throws {
    let server = ScriptedServer { request in
      switch request.target {
      case "/v2/team/app/tags/list?n=1000":
        ScriptedResponse(
          headers: [("Link", #"</v2/team/app/tags/list?n=2&last=b>; rel="next""#)],
          json: #"{"tags":["b","a"]}"#)
      case "/v2/team/app/tags/list?n=2&last=b":
        ScriptedResponse(
          headers: [("Link", #"<list?n=2&last=c>; rel="next""#)], json: #"{"name":"x","tags":["a","c"]}"#)
      case "/v2/team/app/tags/list?n=2&last=c": ScriptedResponse(json: #"{"tags":null}"#)
      default: ScriptedResponse(400)
      }
    }
    #expect(try client(server.host).tags(of: "team/app") == ["b", "a", "c"])
    #expect(server.requests.count == 3)
  }

  @Test func `knows what no tag names where manifests are listed beside the tags`() throws {
    let hex = ["a", "b", "c", "d"].map { "sha256:" + String(repeating: $0, count: 64) }
    let pages = [
      #"{"tags":["1"],"manifest":{"\#(hex[0])":{"tag":["1"]},"\#(hex[1])":{"tag":[]},"\#(hex[2])":{"tag":[]}}}"#,
      // A page has those of its own tags, and a new manifest is news where no tag is.
      #"{"tags":[],"manifest":{"\#(hex[2])":{"tag":["2"]},"\#(hex[3])":{},"sha256:\u001b":{"tag":null}}}"#,
    ]
    let server = ScriptedServer { request in
      let number = request.queryValues("page").first.flatMap { Int($0) } ?? 0
      let link = number < 1 ? [("Link", #"<list?page=\#(number + 1)>; rel="next""#)] : []
      return ScriptedResponse(headers: link, json: pages[number])
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.failure == nil && list.names == ["1"] && list.unusable.names.isEmpty)
    #expect(list.untagged?.digests.map(\.description).sorted() == [hex[1], hex[3]])
    #expect(list.untagged?.unusable.names.count == 1)
  }

  @Test(arguments: [
    #"{"tags":["1"]}"#, #"{"tags":["1"],"manifest":null}"#, #"{"tags":["1"],"manifest":["sha256:a"]}"#,
  ])
  func `does not take a list of tags alone for one of manifests`(page: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(json: page) }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["1"] && list.failure == nil && list.untagged == nil)
  }

  @Test func `lists repositories`() throws {
    let realm = TokenRealm { _ in ScriptedResponse(json: #"{"repositories":["a/b","c"]}"#) }
    #expect(try client(realm.host, .user).catalog() == ["a/b", "c"])
    #expect(realm.server.lines.last == "GET /v2/_catalog?n=1000")
    #expect(realm.requests("/token").first?.queryValues("scope") == ["registry:catalog:*"])
  }

  /// A registry of `total` tags, `t0000` and on, whose pages have `most` names at the most and lead nowhere.
  private func unlinked(
    _ total: Int, most: Int = .max, honours: Set<String> = ["n", "last"], to last: Int? = nil
  ) -> ScriptedServer {
    let names = (0..<total).map { "t" + String(10_000 + $0) }
    return ScriptedServer { request in
      if let status = last, request.target.contains("last=") { return ScriptedResponse(status, text: "no") }
      let number = honours.contains("n") ? request.queryValues("n").first.flatMap { Int($0) } ?? .max : .max
      let start = honours.contains("last") ? request.queryValues("last").first ?? "" : ""
      let page = names.filter { $0 > start }.prefix(min(number, most)).map { "\"\($0)\"" }
      return ScriptedResponse(json: #"{"tags":[\#(page.joined(separator: ","))]}"#)
    }
  }

  @Test(arguments: [
    // Nexus: as many as were asked for, and no Link.
    (1005, Int.max, 2), (2000, .max, 3), (1000, .max, 2), (999, .max, 2),
    // Pages of the registry's own, smaller ones.
    (105, 100, 2), (60, 30, 3), (100, 50, 3),
  ])
  func `asks behind a full page that leads nowhere`(total: Int, most: Int, requests: Int) throws {
    let server = unlinked(total, most: most)
    #expect(try client(server.host).tags(of: "a").count == total)
    #expect(server.requests.count == requests)
  }

  @Test func `asks behind a full page in each repository, unless the registry leads from page to page`()
    throws
  {
    let server = unlinked(500)
    let first = try client(server.host)
    for _ in 0..<3 { #expect(try first.tags(of: "a").count == 500) }
    #expect(server.requests.count == 6)
    let names = (0..<41).map { "\"\($0)\"" }
    let linked = ScriptedServer { request in
      request.path.hasPrefix("/v2/big/") && !request.target.contains("from")
        ? ScriptedResponse(
          headers: [("Link", "<?from=2>; rel=next")],
          json: #"{"tags":[\#(names.joined(separator: ","))]}"#)
        : ScriptedResponse(
          json: request.target.contains("from")
            ? #"{"tags":["z"]}"# : #"{"tags":[\#(names.dropLast().joined(separator: ","))]}"#)
    }
    let other = try client(linked.host)
    for _ in 0..<3 { #expect(try other.tags(of: "big/a").count == 42) }
    for _ in 0..<3 { #expect(try other.tags(of: "small/a").count == 40) }
    #expect(linked.requests.count == 12)
  }

  @Test(arguments: [
    // All at once, whatever is asked for (distribution 2.8): asked behind each time.
    (1500, [], 4), (1000, [], 6), (50, [], 4),
    // It counts and cannot go on: it is asked for more at once.
    (1005, ["n"], 6),
  ])
  func `is content when a registry that does not know of pages repeats its list`(
    total: Int, honours: [String], requests: Int
  ) throws {
    let server = unlinked(total, honours: Set(honours))
    let client = try client(server.host)
    for _ in 0..<2 { #expect(try client.tags(of: "a").count == total) }
    #expect(server.requests.count == requests)
  }

  @Test(arguments: [400, 404, 405]) func `believes a page that is not full where last is not known`(
    status: Int
  ) throws {
    let server = unlinked(50, to: status)
    let asked = try client(server.host)
    #expect(try asked.tags(of: "a").count == 50)
    #expect(try asked.tags(of: "b").count == 50)
    #expect(server.requests.count == 4)
    // As many as were asked for may well be too few.
    let full = unlinked(1005, to: status)
    let list = try client(full.host).tagList(of: "a")
    #expect(list.names.count == 1000)
    guard case .listCutShort(_, .tags("a"), 1000, _) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
  }

  @Test(arguments: [401, 403, 404, 500, 429, 200, 204]) func `is not at its end where a page fails`(
    status: Int
  ) throws {
    let server = ScriptedServer { request in
      request.target.contains("from")
        ? ScriptedResponse(status, text: status == 200 ? "<html>" : "")
        : ScriptedResponse(headers: [("Link", "<?from=2>; rel=next")], json: #"{"tags":["b","a"]}"#)
    }
    let client = try client(server.host)
    let list = client.tagList(of: "team/app")
    #expect(list.names == ["b", "a"])
    guard case .listCutShort(server.host, .tags(of: "team/app"), 2, _) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
    #expect(error { _ = try client.tags(of: "team/app") } == list.failure)
  }

  /// A cache that does not look at the query, say.
  @Test(arguments: ["", "Link"]) func `is not at its end where a page it was led to brings nothing new`(
    _ header: String
  ) throws {
    let server = ScriptedServer { request in
      let query = request.query?.contains("from=2") == true ? "3" : "2"
      let isLed = request.query?.contains("from") != true || !header.isEmpty && query == "3"
      return ScriptedResponse(
        headers: isLed ? [("Link", "<?from=\(query)>; rel=next")] : [], json: #"{"tags":["b","a"]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["b", "a"])
    guard case .listCutShort(_, .tags("a"), 2, _) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
  }

  /// Where the registry did not lead, either: it knows `last` well, and says no to something else.
  @Test(arguments: [
    (404, #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#), (404, #"{"errors":[{"code":"DENIED"}]}"#),
    (400, #"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#), (200, #"{"errors":[{"code":"X"}],"tags":null}"#),
    (200, #"{"errors":{"a":1},"tags":null}"#), (200, #"{"error":"denied","tags":[]}"#),
  ]) func `is not at its end where the question for more is refused`(status: Int, body: String) throws {
    let names = (0..<50).map { "\"t\($0)\"" }
    let server = ScriptedServer { request in
      request.target.contains("last=")
        ? ScriptedResponse(status, json: body)
        : ScriptedResponse(json: #"{"tags":[\#(names.joined(separator: ","))]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names.count == 50)
    guard case .listCutShort(_, .tags("a"), 50, _) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
  }

  @Test func `is not at its end where the line fails`() throws {
    let server = ScriptedServer { request in
      request.target.contains("from")
        ? ScriptedResponse(body: Array(#"{"tags":["c"]}"#.utf8), declaredLength: 900)
        : ScriptedResponse(headers: [("Link", "<?from=2>; rel=next")], json: #"{"tags":["a"]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["a"])
    guard case .listCutShort(_, _, 1, .transport) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
  }

  @Test(arguments: ["<next", "/v2/a/tags/list?last=a", "</v2/a/tags/list?last=a>, </v2/a/tags/list?last=b>"])
  func `is not at its end where a Link cannot be read`(_ link: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(headers: [("Link", link)], json: #"{"tags":["a"]}"#) }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["a"])
    guard case .malformedResponse(_, .header("Link")) = list.failure else {
      Issue.record("\(String(describing: list.failure))")
      return
    }
  }

  @Test(arguments: [#""errors":null"#, #""errors":[]"#, #""error":null"#, #""error":"""#, #""error":false"#])
  func `is content with a list beside which there is no complaint`(_ nothing: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(json: #"{\#(nothing),"tags":["a"]}"#) }
    #expect(try client(server.host).tags(of: "a") == ["a"])
  }

  @Test func `names an entry that is no name, and reads the others`() throws {
    let server = ScriptedServer { request in
      request.target.contains("from")
        ? ScriptedResponse(json: #"{"tags":["c"]}"#)
        : ScriptedResponse(
          headers: [("Link", "<?from=2>; rel=next")], json: #"{"tags":["a","../x",7,null,"b"]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["a", "b", "c"] && list.failure == nil)
    #expect(list.unusable.names == [.text("../x"), .notText] && list.unusable.more == 0)
    #expect(try client(server.host).tags(of: "a") == ["a", "b", "c"])
  }

  @Test func `asks for no number that the registry does not give`() throws {
    let server = ScriptedServer { request in
      request.target.contains("n=1000")
        ? ScriptedResponse(400, json: #"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#)
        : ScriptedResponse(
          headers: request.target.contains("last=a") ? [] : [("Link", "<?n=1&last=a>; rel=next")],
          json: request.target.contains("last=a") ? #"{"repositories":["b"]}"# : #"{"repositories":["a"]}"#)
    }
    #expect(try client(server.host).catalog() == ["a", "b"])
  }

  @Test func `follows no page to another host or port`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(json: #"{"tags":["stolen"]}"#) }
    let realm = TokenRealm { _ in
      ScriptedResponse(headers: [("Link", "<\(other.url("/v2/next"))>; rel=next")], json: #"{"tags":["a"]}"#)
    }
    guard
      case .malformedResponse(_, .leadsElsewhere("Link", host: other.host)) = error({
        _ = try client(realm.host, .user).tags(of: "a")
      })
    else {
      Issue.record("followed")
      return
    }
    #expect(other.requests.isEmpty)
  }

  @Test func `does not go round in circles`() throws {
    let server = ScriptedServer { request in
      ScriptedResponse(headers: [("Link", "<\(request.target)>; rel=next")], json: #"{"tags":["a"]}"#)
    }
    guard case .malformedResponse(_, .header("Link")) = error({ _ = try client(server.host).tags(of: "a") })
    else {
      Issue.record("not refused")
      return
    }
    #expect(server.requests.count == 1)
  }

  @Test(arguments: [
    #"{"tags":{}}"#, "[]", "<html>", "",
    "{}", #"{"repositories":["a"]}"#, #"{"tags":["a"]"#, #"{"errors":[{"code":"DENIED"}]}"#,
    #"{"errors":{"code":"UNAUTHORIZED"},"tags":null}"#, #"{"Errors":[{"code":"DENIED"}],"tags":null}"#,
    #"{"error":"denied","tags":[]}"#, #"{"errors":"denied","tags":[]}"#,
    #"{"error":{"code":7},"tags":["a"]}"#,
  ])
  func `takes no list that is none`(_ body: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(text: body) }
    let error = error { _ = try client(server.host).tags(of: "a") }
    guard case .malformedResponse = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: [
    #"{"tags":["../x"]}"#, #"{"tags":["a\u001b[2J"]}"#, #"{"tags":[5]}"#, #"{"tags":[null]}"#,
  ])
  func `says that a list has entries that are no names, and nothing else`(_ body: String) throws {
    let server = ScriptedServer { _ in ScriptedResponse(text: body) }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == [] && list.failure == nil && list.unusable.names.count == 1)
    #expect(!"\(list.unusable)".contains("\u{1b}"))
  }

  @Test func `names the first of thousands of entries that are no names, and counts the others`() throws {
    let odd = (0..<1_000).map { #""-\#($0)""# }.joined(separator: ",")
    let server = ScriptedServer { request in
      ScriptedResponse(json: request.target.contains("last=") ? #"{"tags":[]}"# : #"{"tags":["a",\#(odd)]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    #expect(list.names == ["a"] && list.unusable.names.count == 50 && list.unusable.more == 950)
  }

  @Test func `ends with pages of nothing that lead on and on`() throws {
    for kind in ["tags", "_catalog", "referrers"] {
      let server = ScriptedServer { request in
        let next = (request.queryValues("last").first.flatMap { Int($0) } ?? 0) + 1
        return ScriptedResponse(
          headers: [
            ("Link", "<\(request.path)?last=\(next)>; rel=next"),
            ("Content-Type", "application/vnd.oci.image.index.v1+json"),
          ],
          json: kind == "referrers"
            ? #"{"schemaVersion":2,"manifests":[]}"# : #"{"\#(kind == "tags" ? kind : "repositories")":[]}"#)
      }
      let client = try client(server.host)
      let failure = error {
        switch kind {
        case "tags": _ = try client.tags(of: "a")
        case "_catalog": _ = try client.catalog()
        default: _ = try client.referrers(of: Digest(of: [1]), in: "a")
        }
      }
      guard case .listCutShort(_, _, read: 0, .malformedResponse(_, .emptyPages(16))) = failure else {
        Issue.record("\(kind): \(String(describing: failure))")
        continue
      }
      #expect(server.requests.filter { !["/v2/"].contains($0.path) }.count == 16)
    }
  }

  @Test func `bears some pages of nothing before there is something`() throws {
    let server = ScriptedServer { request in
      let number = request.queryValues("last").first.flatMap { Int($0) } ?? 0
      let link = [("Link", "<\(request.path)?last=\(number + 1)>; rel=next")]
      return ScriptedResponse(
        headers: number < 40 ? link : [],
        json: number % 15 == 14 ? #"{"tags":["\#(number)"]}"# : #"{"tags":[]}"#)
    }
    #expect(try client(server.host).tags(of: "a") == ["14", "29"])
  }

  @Test(arguments: [true, false]) func `reads no more names than it says`(isOnePage: Bool) throws {
    let server = ScriptedServer { request in
      let page = request.queryValues("page").first.flatMap { Int($0) } ?? 0
      let count = isOnePage ? 140_000 : 50_000
      let names = (0..<count).map { #""\#(page)-\#($0)""# }.joined(separator: ",")
      return ScriptedResponse(
        headers: isOnePage ? [] : [("Link", "<\(request.path)?page=\(page + 1)>; rel=next")],
        json: #"{"tags":[\#(names)]}"#)
    }
    let list = try client(server.host).tagList(of: "a")
    switch list.failure {
    case .malformedResponse(_, .tooManyNames(131_072)): #expect(isOnePage)
    case .listCutShort(_, _, _, .malformedResponse(_, .tooManyNames(131_072))): #expect(!isOnePage)
    default: Issue.record("\(String(describing: list.failure))")
    }
    #expect(server.requests.filter { $0.path.hasSuffix("/tags/list") }.count == (isOnePage ? 1 : 3))
  }
}
