import Foundation
import TestSupport
import Testing

/// A registry's catalog is a convenience: many cap it, refuse it, or have none.
@Suite(.waiting) struct `A catalog` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  private func registry(_ catalog: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse)
    -> ScriptedRegistry
  {
    let registry = ScriptedRegistry { request in request.path == "/v2/_catalog" ? catalog(request) : nil }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    return registry
  }

  @Test(arguments: [
    // distribution with catalog.maxentries; Nexus; Quay.
    (400, #"{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}"#), (400, ""), (416, ""),
    (422, #"{"errors":[{"code":"UNSUPPORTED","message":"n too large"}]}"#),
  ]) func `that takes no page size is asked for without one`(_ status: Int, _ text: String) throws {
    let registry = registry { request in
      request.query?.contains("n=") == true
        ? ScriptedResponse(status, json: text) : ScriptedResponse(json: #"{"repositories":["old/app"]}"#)
    }
    let result = try ferry.run(["list", "--plain-http", registry.host], exits: 0)
    #expect(result.lines == [registry.reference("old/app:1")])
  }

  @Test(arguments: [500, 502, 503, 504, 404, 405, 403, 401, 400])
  func `that cannot be had is nothing that a repository's tags wait for`(_ status: Int) throws {
    let registry = registry { _ in ScriptedResponse(status) }
    try ferry.run(
      [
        "export", "--plain-http", "--retries", "0", registry.reference("old/app"), "--all-tags", "-o",
        "a.tar",
      ], exits: 0)
    let listed = try ferry.run(
      ["list", "--plain-http", "--retries", "0", registry.reference("old/app")], exits: 0)
    #expect(listed.lines == [registry.reference("old/app:1")])
  }

  @Test(arguments: [404, 405, 501]) func `that a registry has none of is told with what to do`(_ status: Int)
    throws
  {
    let registry = registry { _ in ScriptedResponse(status, text: "404 page not found") }
    let result = try ferry.run(["list", "--plain-http", "--retries", "0", registry.host], exits: 12)
    result.complains("repositor")
    #expect(!result.standardError.contains("network"))
  }

  /// Slow is what the largest registries are: nobody waits for them for a repository.
  @Test func `that keeps silent holds up no repository, and is asked once`() throws {
    let gate = Gate()
    defer { gate.open() }
    let registry = registry { _ in .stall(gate) }
    let listed = try ferry.run(
      ["list", "--plain-http", "--stall-timeout", "1", registry.reference("old/app")], exits: 0)
    #expect(listed.lines == [registry.reference("old/app:1")])
    listed.complains("repositories below \(registry.reference("old/app")) are not looked for")
    #expect(registry.server.requests.count { $0.path == "/v2/_catalog" } == 1)
    // What lies below was asked for here.
    try ferry.run(
      [
        "export", "--plain-http", "--stall-timeout", "1", "--all-repositories", registry.reference("old"),
        "-o", "a.tar",
      ], exits: 13)
  }

  @Test func `of more names than are read is nothing that a repository's tags wait for`() throws {
    let names = (0..<140_000).map { "\"a/\($0)\"" }.joined(separator: ",")
    let registry = registry { _ in ScriptedResponse(json: #"{"repositories":[\#(names)]}"#) }
    let listed = try ferry.run(["list", "--plain-http", registry.reference("old/app")], exits: 0)
    #expect(listed.lines == [registry.reference("old/app:1")])
    listed.complains("repositories below \(registry.reference("old/app")) are not looked for")
    try ferry.run(["list", "--plain-http", registry.reference("old")], exits: 13)
    // What lies below a repository and was read is one of some that were not.
    let paged = self.registry { request in
      let last = request.query?.split(separator: "&").first { $0.hasPrefix("last=") }
      let page = last.flatMap { Int($0.dropFirst(5)) } ?? 0
      let names = ["old/app/part"] + (0..<50_000).map { "a/\(page)-\($0)" }
      return ScriptedResponse(
        headers: [("Link", "</v2/_catalog?last=\(page + 1)>; rel=next")],
        json: #"{"repositories":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}"#)
    }
    try ferry.run(["list", "--plain-http", paged.reference("old/app")], exits: 3)
  }

  /// A name that is no repository, beside a catalog that fails, is not all of anything.
  @Test(arguments: [500, 400]) func `that cannot be had is told where there is nothing else`(_ status: Int)
    throws
  {
    let registry = registry { _ in ScriptedResponse(status) }
    try ferry.run(["list", "--plain-http", "--retries", "0", registry.reference("old")], exits: 13)
  }

  /// ghcr.io: the login is good, and the catalog nobody's.
  @Test func `that is nobody's is told apart from a login that is wrong`() throws {
    let challenge = [("WWW-Authenticate", #"Basic realm="r""#)]
    let registry = ScriptedRegistry { request in
      let isKnown = request.header("Authorization") == "Basic dXNlcjpzZWNyZXQ="
      if request.path == "/v2/_catalog" || !isKnown {
        return ScriptedResponse(401, headers: challenge, json: "{}")
      }
      return nil
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    let login = ["--plain-http", "--username", "user", "--password-stdin"]
    try ferry.run(["list", registry.host] + login, exits: 10, input: "secret")
      .complains("shows no catalog", "ferry list HOST/REPOSITORY")
    let wrong = try ferry.run(["list", registry.host] + login, exits: 10, input: "wrong")
    wrong.complains("refuses the credentials", "Check that the key")
    let named = try ferry.run(
      ["list", registry.reference("old/app")] + login, exits: 0, input: "secret")
    #expect(named.lines == [registry.reference("old/app:1")])
  }

  /// What a registry does with `n`, `last` and `Link`.
  enum Paging: String, CaseIterable, CustomTestStringConvertible {
    case ignoresNumber, refusesNumber, withoutRelation, previousAndNext, twoHeaders
    case twoNext, toItself, roundAndRound, samePage, oddForEver

    /// Whether all of it comes.
    var isWhole: Bool {
      switch self {
      case .ignoresNumber, .refusesNumber, .withoutRelation, .previousAndNext, .twoHeaders: true
      case .twoNext, .toItself, .roundAndRound, .samePage, .oddForEver: false
      }
    }

    func answer(_ request: ScriptedRequest) -> ScriptedResponse {
      let query = request.query ?? ""
      let page = query.contains("page=2") ? 2 : query.contains("page=3") ? 3 : 1
      let path = request.path
      func tags(_ names: String..., links: String...) -> ScriptedResponse {
        ScriptedResponse(
          headers: links.map { ("Link", $0) },
          json: #"{"tags":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}"#)
      }
      switch self {
      case .ignoresNumber: return tags("1", "2", "3")
      case .refusesNumber:
        return query.contains("n=") ? ScriptedResponse(400, text: "bad n") : tags("1", "2", "3")
      case .withoutRelation:
        return page == 1 ? tags("1", "2", links: "<\(path)?page=2>") : tags("3")
      case .previousAndNext:
        return page == 1
          ? tags("1", "2", links: "<\(path)?page=9>; rel=prev, <\(path)?page=2>; rel=next") : tags("3")
      case .twoHeaders:
        return page == 1
          ? tags("1", "2", links: "<\(path)?page=9>; rel=\"first\"", "<\(path)?page=2>; rel=\"next\"")
          : tags("3")
      case .twoNext:
        return tags("1", "2", "3", links: "<\(path)?page=2>; rel=next, <\(path)?page=3>; rel=next")
      case .toItself: return tags("1", "2", "3", links: "<\(request.target)>; rel=next")
      case .roundAndRound:
        return tags(
          page == 1 ? "1" : "\(page)", links: "<\(path)?page=\(page == 3 ? 2 : page + 1)>; rel=next")
      case .samePage:
        let next = query.contains("page=") ? query.utf8.count : 0
        return tags(
          "1", "2", "3", links: "<\(path)?page=\(String(repeating: "7", count: next + 1))>; rel=next")
      case .oddForEver:
        return query.contains("page=")
          ? tags("-odd", links: "<\(request.target)0>; rel=next")
          : tags("1", "2", "3", links: "<\(path)?page=7>; rel=next")
      }
    }

    var testDescription: String { rawValue }
  }

  @Test(arguments: Paging.allCases)
  func `of a repository's tags is read to its end, or called less than whole`(
    _ paging: Paging
  ) throws {
    let registry = ScriptedRegistry { request in
      switch request.path {
      case "/v2/old/app/tags/list": paging.answer(request)
      case "/v2/_catalog": ScriptedResponse(404)
      default: nil
      }
    }
    for tag in ["1", "2", "3"] { registry.add(image: [Array(tag.utf8)], to: "old/app", tag: tag) }
    let listed = try ferry.run(
      ["list", "--plain-http", registry.reference("old/app")], exits: paging.isWhole ? 0 : 3)
    #expect(listed.lines == ["1", "2", "3"].map { registry.reference("old/app:\($0)") })
    #expect(registry.server.requests.count < 12)
    try ferry.run(
      ["export", "--plain-http", "--all-tags", registry.reference("old/app"), "-o", "a.tar"],
      exits: paging.isWhole ? 0 : 13)
  }
}
