import Digests
import Images
import Registry
import TestSupport
import Testing

/// Registries whose answers to strangers are no answers to who has a credential.
@Suite(.waiting) struct `A client with a credential` {
  private let root = "/v2/"
  private let all = #"{"repositories":["a","b","c"]}"#

  /// A registry that shows strangers `shown` of its catalog, and answers its root with `challenge`.
  private func registry(
    root status: Int, _ challenge: [(String, String)], showing shown: ScriptedResponse
  ) -> ScriptedServer {
    ScriptedServer { [all] request in
      switch (request.path, request.authorization) {
      case ("/v2/", Credential.userHeader), ("/v2/", nil):
        ScriptedResponse(status, headers: challenge, json: "{}")
      case (_, Credential.userHeader): ScriptedResponse(json: all)
      case (_, nil): shown
      default: ScriptedResponse(401, headers: challenge, json: "{}")
      }
    }
  }

  @Test(arguments: [
    (401, [("WWW-Authenticate", #"Basic realm="r""#)]), (200, [("Www-Authenticate", "basic realm=zot")]),
    (
      200,
      [
        ("WWW-Authenticate", #"Bearer realm="http://169.254.169.254/t""#),
        ("WWW-Authenticate", "Basic realm=r"),
      ]
    ),
    (401, [("WWW-Authenticate", #"Negotiate, Basic realm="r""#)]), (200, []), (404, []), (405, []),
  ])
  func `is shown no stranger's catalog`(status: Int, challenge: [(String, String)]) throws {
    let short = ScriptedResponse(json: #"{"repositories":["a"]}"#)
    let server = registry(root: status, challenge, showing: short)
    #expect(try client(server.host, .user).catalog() == ["a", "b", "c"])
    #expect(server.requests.map(\.authorization) == [nil, Credential.userHeader])
    // And who has none sees what strangers see, without a question more.
    #expect(try client(server.host).catalog() == ["a"])
    #expect(server.requests.count == 3)
  }

  @Test(arguments: [403, 404]) func `is told what is there where strangers are told that nothing is`(
    status: Int
  ) throws {
    let manifest = try imageManifest()
    let server = ScriptedServer { request in
      if request.path == "/v2/" {
        return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=r")], json: "{}")
      }
      let answer =
        request.authorization == nil
        ? ScriptedResponse(status, json: #"{"errors":[{"code":"NAME_UNKNOWN"}]}"#)
        : ScriptedResponse(
          headers: [
            ("Docker-Content-Digest", "\(manifest.digest)"), ("Content-Type", manifest.mediaType.rawValue),
          ],
          body: manifest.bytes)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    let client = try client(server.host, .user)
    #expect(try client.manifest("1", of: "team/app").digest == manifest.digest)
    #expect(try client.resolve("1", of: "team/app", isForPush: true)?.digest == manifest.digest)
    #expect(try client.hasBlob(manifest.digest, size: nil, in: "team/app"))
    #expect(server.requests.count == 4)
  }

  @Test(arguments: [200, 404]) func `that is wrong is refused, whatever strangers are told`(status: Int)
    throws
  {
    let server = ScriptedServer { request in
      let isRoot = request.path == "/v2/"
      let answer =
        request.authorization != nil || isRoot
        ? ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=r")], json: "{}")
        : ScriptedResponse(status, json: #"{"tags":["a"],"repositories":["a"]}"#)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    let client = try client(server.host, .user)
    let questions: [() throws -> Void] = [
      { _ = try client.tags(of: "a") }, { _ = try client.catalog() },
      { _ = try client.manifest("1", of: "a") },
      { _ = try client.resolve("1", of: "a") },
      { _ = try client.hasBlob(Digest(of: []), size: 0, in: "a") },
      { _ = try client.referrers(of: Digest(of: []), in: "a") },
    ]
    for question in questions {
      guard case .unauthorized(_, _, true, _) = error(question) else {
        Issue.record("believed")
        return
      }
    }
    #expect(server.requests.count { $0.path == root } == 1)
  }

  @Test func `that a token server refuses is not put aside for what strangers are told`() throws {
    let host = Noted("")
    let server = ScriptedServer { request in
      switch request.path {
      case "/v2/":
        ScriptedResponse(
          401, headers: [("WWW-Authenticate", #"Bearer realm="http://\#(host.now)/token""#)], json: "{}")
      case "/token": ScriptedResponse(401, json: #"{"details":"expired key"}"#)
      default: ScriptedResponse(json: #"{"tags":["a"],"repositories":["a"]}"#)
      }
    }
    host.change { $0 = server.host }
    let client = try client(server.host, .user)
    for question in [{ _ = try client.tags(of: "a") }, { _ = try client.catalog() }] {
      guard case .unauthorized(server.host, _, true, let messages) = error(question) else {
        Issue.record("believed")
        return
      }
      #expect(messages.map(\.message) == ["expired key"])
    }
    #expect(server.requests.allSatisfy { ($0.path == "/token") == ($0.authorization != nil) })
  }

  /// Quay's token server knows no scope of the catalog, and gives everybody a token.
  @Test func `has a token without the catalog's scope where the token server has none`() throws {
    let host = Noted("")
    let server = ScriptedServer { [all] request in
      switch request.path {
      case "/token":
        request.queryValues("scope").contains("registry:catalog:*")
          ? ScriptedResponse(400, text: "Invalid scope")
          : ScriptedResponse(json: #"{"token":"\#(request.authorization == nil ? "stranger" : "known")"}"#)
      case "/v2/_catalog":
        switch request.authorization {
        case "Bearer known": ScriptedResponse(json: all)
        default: ScriptedResponse(json: #"{"repositories":["a"]}"#)
        }
      default:
        ScriptedResponse(
          401, headers: [("WWW-Authenticate", #"Bearer realm="http://\#(host.now)/token",service="quay""#)],
          json: "{}")
      }
    }
    host.change { $0 = server.host }
    #expect(try client(server.host, .user).catalog() == ["a", "b", "c"])
    #expect(server.requests.map(\.path) == [root, "/token", "/token", "/v2/_catalog"])
  }

  /// ghcr.io's root names an example, which its token server gives to nobody.
  @Test func `asks for no repository that the root's challenge names`() throws {
    let realm = TokenRealm()
    realm.state.change { $0.challenge += #",scope="repository:user/image:pull aws""# }
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    #expect(
      realm.requests("/token").map { $0.queryValues("scope") } == [["aws", "repository:team/app:pull"]])
  }

  @Test func `asks the root once for many threads`() async throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask { _ = try await onThread { try client.tags(of: "team/app\(number)") } }
      }
      try await group.waitForAll()
    }
    #expect(realm.paths.count { $0 == root } == 1)
    #expect(realm.paths.first == root)
    // None is turned away.
    #expect(realm.server.requests.count == 1 + 2 * 8)
  }

  @Test func `fails with its question while the root cannot be asked, and asks it again`() throws {
    let isDown = Noted(true)
    let server = ScriptedServer { request in
      if request.path == "/v2/", isDown.now { return ScriptedResponse(503, text: "busy") }
      return ScriptedResponse(json: #"{"tags":["a"]}"#)
    }
    let client = try client(server.host, .user, retries: 2)
    guard case .overwhelmed(_, 503, _) = error({ _ = try client.tags(of: "a") }) else {
      Issue.record("no error")
      return
    }
    #expect(server.requests.map(\.path) == [root, root, root])
    isDown.change { $0 = false }
    #expect(try client.tags(of: "a") == ["a"])
  }

  @Test func `shows it to the registry's own origin alone`() throws {
    let other = ScriptedServer { request in
      request.path == "/v2/"
        ? ScriptedResponse(200, headers: [("WWW-Authenticate", "Basic realm=r")])
        : ScriptedResponse(body: [1])
    }
    // A root elsewhere speaks for another host: what strangers are told here is not for who has a credential.
    let sent = ScriptedServer { request in
      request.path == "/v2/"
        ? ScriptedResponse(307, headers: [("Location", other.url("/v2/"))])
        : ScriptedResponse(json: #"{"tags":["a"]}"#)
    }
    guard case .malformedResponse = error({ _ = try client(sent.host, .user).tags(of: "a") }) else {
      Issue.record("a stranger's answer was believed")
      return
    }
    #expect(try client(sent.host).tags(of: "a") == ["a"])
    #expect(sent.requests.allSatisfy { $0.authorization == nil })
    // So does a store of blobs.
    let stored = ScriptedServer { request in
      request.path == "/v2/"
        ? ScriptedResponse(200) : ScriptedResponse(307, headers: [("Location", other.url("/blob"))])
    }
    var sink = MemoryReceiver(descriptor(of: [1]))
    try client(stored.host, .user).pullBlob(descriptor(of: [1]), from: "a", into: &sink)
    #expect(stored.requests.map(\.authorization) == [nil, Credential.userHeader])
    #expect(other.requests.allSatisfy { $0.authorization == nil })
    // And a port that wants TLS is sent nothing in the clear.
    let secure = ScriptedServer { _ in
      ScriptedResponse(400, text: "Client sent an HTTP request to an HTTPS server.\n")
    }
    guard case .tlsExpected = error({ _ = try client(secure.host, .user).tags(of: "a") }) else {
      Issue.record("not noticed")
      return
    }
    #expect(secure.requests.allSatisfy { $0.authorization == nil })
  }
}
