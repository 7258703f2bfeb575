import Foundation
import TestSupport
import Testing

/// Lists that are cut short, by a registry that does not know who asks or by a page that fails.
@Suite(.waiting) struct `A listing that is not all` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// A registry that holds one image, under every name and tag asked for.
  private func registry(
    _ intercept: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse?
  ) -> ScriptedRegistry {
    let registry = ScriptedRegistry { request in
      guard let answer = intercept(request) else { return nil }
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    for name in ["team", "team/a", "team/b", "other/c"] {
      registry.add(image: [[1]], diffIDs: [BlobDigest.of([1])], to: name, tag: "1")
    }
    return registry
  }

  private func list(_ names: [String], _ key: String = "repositories") -> ScriptedResponse {
    ScriptedResponse(json: "{\"\(key)\":[\(names.map { "\"\($0)\"" }.joined(separator: ","))]}")
  }

  /// Lets in who has the password, and shows `stranger` to everybody else but at its root.
  private func guarded(
    _ request: ScriptedRequest, root: Int, stranger: @autoclosure () -> ScriptedResponse
  ) -> ScriptedResponse? {
    let challenge = [("WWW-Authenticate", "basic realm=zot")]
    switch request.header("Authorization") {
    case "Basic \(Data("user:secret".utf8).base64EncodedString())":
      return request.path == "/v2/_catalog" ? list(["other/c", "team/a", "team/b"]) : nil
    case nil:
      return request.path == "/v2/" ? ScriptedResponse(root, headers: challenge, json: "{}") : stranger()
    default: return ScriptedResponse(401, headers: challenge, json: "{}")
    }
  }

  private let login = ["--plain-http", "--username", "user", "--password-stdin"]

  @Test(arguments: [200, 401]) func `is not what who has a password is shown`(root: Int) throws {
    let registry = registry { [self] request in
      guarded(request, root: root, stranger: list(["team/a"]))
    }
    let listed = try ferry.run(["list", registry.host] + login, exits: 0, input: "secret")
    #expect(listed.lines == ["other/c:1", "team/a:1", "team/b:1"].map(registry.reference))
    try ferry.run(
      ["export", "--all-repositories", "-o", "all.tar", registry.host] + login, exits: 0, input: "secret")
    #expect(try Report(ferry.run(["inspect", "--json", "all.tar"], exits: 0)).objects("archives").count == 1)
    let wrong = try ferry.run(["list", registry.host] + login, exits: 10, input: "wrong")
    #expect(wrong.lines.isEmpty)
  }

  @Test func `does not hide an image from who may see it`() throws {
    let unknown = ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
    let registry = registry { [self] request in guarded(request, root: 401, stranger: unknown) }
    let image = registry.reference("team/a:1")
    try ferry.run(["export", image, "-o", "a.tar"] + login, exits: 0, input: "secret")
    try ferry.run(["export", image, "-o", "b.tar"] + login, exits: 10, input: "wrong")
    try ferry.run(["export", image, "-o", "c.tar", "--plain-http"], exits: 12)
  }

  @Test func `names a repository whose tags break off, and exports nothing of it`() throws {
    let registry = registry { [self] request in
      switch (request.path, request.query) {
      case ("/v2/_catalog", _): list(["team/a", "team/b"])
      case ("/v2/team/b/tags/list", "n=1000"):
        ScriptedResponse(headers: [("Link", "<list?from=2>; rel=\"next\"")], json: #"{"tags":["1"]}"#)
      case ("/v2/team/b/tags/list", _): ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
      default: nil
      }
    }
    let listed = try ferry.run(["list", "--plain-http", registry.host], exits: 3)
    #expect(listed.lines == ["team/a:1", "team/b:1"].map(registry.reference))
    listed.complains("cannot read \(registry.reference("team/b"))", "breaks off after 1 name")

    let all = ["export", "--plain-http", "--all-repositories", registry.host, "-o", "all.tar"]
    try ferry.run(all, exits: 13)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("all.tar")))
    try ferry.run(all + ["--keep-going"], exits: 3).complains("failed: \(registry.reference("team/b"))")
    #expect(try carried("all.tar") == [registry.reference("team/a:1")])
    try ferry.run(
      ["export", "--plain-http", "--all-tags", registry.reference("team/b"), "-o", "b.tar"], exits: 13)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("b.tar")))
  }

  private func carried(_ archive: String) throws -> [String] {
    let report = try Report(ferry.run(["inspect", "--json", archive], exits: 0))
    let archive = try #require(report.objects("archives").first)
    return (archive["images"] as? [[String: Any]] ?? []).compactMap { $0["reference"] as? String }
  }

  @Test(arguments: [500, 503, 429]) func `names a catalog that fails on any page`(status: Int) throws {
    let registry = registry { request in
      switch (request.path, request.query) {
      case ("/v2/_catalog", "n=1000"):
        ScriptedResponse(
          headers: [("Link", "</v2/_catalog?from=2>; rel=next")], json: #"{"repositories":["team/a"]}"#)
      case ("/v2/_catalog", _): ScriptedResponse(status, text: "")
      default: nil
      }
    }
    let place = registry.reference("team")
    let listed = try ferry.run(["list", "--plain-http", "--retries", "0", place], exits: 3)
    // The namespace itself is a repository, too.
    #expect(listed.lines == ["team/a:1", "team:1"].map(registry.reference))
    listed.complains(
      "cannot read \(place)", "the catalog of \(registry.host) breaks off after 1 name", "\(status)")
    let arguments = [
      "export", "--plain-http", "--retries", "0", "--all-repositories", place, "-o", "all.tar",
    ]
    try ferry.run(arguments, exits: 13)
    try ferry.run(arguments + ["--keep-going"], exits: 3)
    #expect(try carried("all.tar") == ["team/a:1", "team:1"].map(registry.reference))
  }

  @Test func `names a catalog whose first page fails`() throws {
    let registry = registry { $0.path == "/v2/_catalog" ? ScriptedResponse(200, text: "<html>") : nil }
    let listed = try ferry.run(["list", "--plain-http", registry.reference("team")], exits: 3)
    #expect(listed.lines == [registry.reference("team:1")])
    listed.complains("cannot read \(registry.reference("team"))")
    // A mere namespace.
    let none = registry.reference("other")
    try ferry.run(["list", "--plain-http", none], exits: 13)
    try ferry.run(["export", "--plain-http", "--all-repositories", none, "-o", "a.tar"], exits: 13)
  }

  @Test(arguments: [401, 403, 404, 405, 501])
  func `is all of a repository where there is no catalog, and not all of what is below`(status: Int) throws {
    let registry = registry { request in
      request.path == "/v2/_catalog"
        ? ScriptedResponse(status, headers: [("WWW-Authenticate", "Basic realm=r")], json: "{}") : nil
    }
    let place = registry.reference("team")
    let listed = try ferry.run(["list", "--plain-http", place], exits: 0)
    #expect(listed.lines == [registry.reference("team:1")])
    listed.complains("\(registry.host) shows no catalog: repositories below \(place) are not looked for")
    let arguments = ["export", "--plain-http", "--all-repositories", place, "-o", "all.tar"]
    let stopped = try ferry.run(arguments, exits: [401: 10, 403: 11][status] ?? 12)
    stopped.complains("shows no catalog, so repositories below \(place) cannot be found")
    try ferry.run(arguments + ["--keep-going"], exits: 3)
  }

  @Test func `names a repository of the catalog that is not found, unless it has no tags`() throws {
    let registry = registry { [self] request in
      switch request.path {
      case "/v2/_catalog": list(["team/a", "gone", "empty"])
      case "/v2/gone/tags/list": ScriptedResponse(404, text: "404 page not found")
      case "/v2/empty/tags/list": ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
      default: nil
      }
    }
    let listed = try ferry.run(["list", "--plain-http", registry.host], exits: 3)
    #expect(listed.lines == [registry.reference("team/a:1")])
    listed.complains("cannot read \(registry.host)/gone", "\(registry.host)/empty has no tags")
    try ferry.run(
      ["export", "--plain-http", "--all-repositories", registry.host, "-o", "a.tar"], exits: 12
    ).complains("\(registry.host)/empty has no tags")
  }

  @Test func `has the location's own tags where the catalog shows only what lies below it`() throws {
    let registry = registry { [self] request in
      request.path == "/v2/_catalog" ? list(["team/a", "other/c"]) : nil
    }
    let listed = try ferry.run(["list", "--plain-http", registry.reference("team")], exits: 0)
    #expect(listed.lines == ["team/a:1", "team:1"].map(registry.reference))
    try ferry.run(
      ["export", "--plain-http", "--all-repositories", registry.reference("team"), "-o", "a.tar"], exits: 0)
    #expect(try carried("a.tar") == ["team/a:1", "team:1"].map(registry.reference))
  }

  /// Harbor's projects, say, are no repositories, and a token server may know none of their names.
  @Test(arguments: [404, 400, 401, 403, 500])
  func `is whole where the location is a mere namespace of what the catalog shows`(status: Int) throws {
    let registry = registry { [self] request in
      switch request.path {
      case "/v2/_catalog": list(["other/c", "team/a"])
      case "/v2/other/tags/list":
        ScriptedResponse(status, headers: [("WWW-Authenticate", "Basic realm=r")], json: "{}")
      default: nil
      }
    }
    let listed = try ferry.run(["list", "--plain-http", registry.reference("other")], exits: 0)
    #expect(listed.lines == [registry.reference("other/c:1")])
    #expect(listed.standardError.contains("cannot read") == [401, 403, 500].contains(status))
    try ferry.run(
      ["export", "--plain-http", "--all-repositories", registry.reference("other"), "-o", "a.tar"], exits: 0)
  }

  @Test func `does not take a name that is unknown and more for one without tags`() throws {
    let registry = registry { [self] request in
      switch request.path {
      case "/v2/_catalog": list(["team/a", "team/b", "empty"])
      case "/v2/team/b/tags/list":
        ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"},{"code":"UNAUTHORIZED"}]}"#)
      case "/v2/empty/tags/list": ScriptedResponse(404, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
      default: nil
      }
    }
    let listed = try ferry.run(["list", "--plain-http", registry.host], exits: 3)
    listed.complains(
      "cannot read \(registry.reference("team/b"))",
      "\(registry.host)/empty has no tags, or may not be shown to this key")
  }

  /// Nexus: as many as were asked for, and no word that there are more.
  @Test func `goes on behind a full page that leads nowhere`() throws {
    let registry = registry { [self] request in
      guard request.path == "/v2/team/a/tags/list" else { return nil }
      let last = request.query?.split(separator: "=").last.map(String.init) ?? ""
      let names = (0..<1005).map { "t" + String(10_000 + $0) }
      return list(Array(names.filter { !last.hasPrefix("t") || $0 > last }.prefix(1000)), "tags")
    }
    let listed = try ferry.run(["list", "--plain-http", registry.reference("team/a")], exits: 0)
    #expect(listed.lines.count == 1005)
  }
}

/// The same on Docker's own registry.
@Suite(.waiting) struct `A listing of Docker's own registry` {
  private let login = ["--plain-http", "--username", "user", "--password-stdin"]

  @Test func `asks no question as a stranger but the first`() throws {
    var options = RegistryProcess.Options()
    options.access = .basic(username: "user", password: "secret")
    options.holdsFixtures = true
    let registry = try RegistryProcess(options)
    let ferry = try FerryProcess()
    let listed = try ferry.run(["list", registry.host] + login, exits: 0, input: "secret")
    let names = try FixtureImages.shared().images.map(\.name).filter { !$0.contains("@") }
    #expect(listed.lines.sorted() == names.map(registry.reference).sorted())
    registry.stop()
    #expect(registry.requests.filter { $0.status == 401 }.map(\.path) == ["/v2/"])
    #expect(registry.requests.count { $0.path == "/v2/" } == 1)
  }

  @Test func `has a token for each repository at once, and is refused with a wrong password`() throws {
    let tokens = try TokenServer(users: ["user": "secret"]) { user, _, _ in user == "user" }
    var options = RegistryProcess.Options()
    options.access = .tokens(tokens)
    options.holdsFixtures = true
    let registry = try RegistryProcess(options)
    let ferry = try FerryProcess()
    let listed = try ferry.run(["list", "\(registry.host)/team"] + login, exits: 0, input: "secret")
    #expect(listed.lines.contains(registry.reference("team/app:1.0")))
    try ferry.run(["list", "\(registry.host)/team"] + login, exits: 10, input: "wrong")
    try ferry.run(["list", registry.reference("team/app")] + login, exits: 10, input: "wrong")
    try ferry.run(
      ["export", "-o", "a.tar", registry.reference("team/app:1.0")] + login, exits: 10, input: "wrong")
  }
}
