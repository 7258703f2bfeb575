import Digests
import Foundation
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A client of a registry with tokens` {
  let root = "/v2/"
  let tags = "/v2/team/app/tags/list"

  @Test func `answers the challenge once and then sends the token up front`() throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    #expect(try client.tags(of: "team/app") == ["a"])
    #expect(try client.tags(of: "team/app") == ["a"])
    #expect(realm.paths == [root, "/token", tags, tags])
    let request = try #require(realm.requests("/token").first)
    #expect(request.method == "GET")
    #expect(request.queryValues("service") == ["scripted"])
    #expect(request.queryValues("scope") == ["repository:team/app:pull"])
    #expect(request.authorization == Credential.userHeader)
    #expect(realm.requests(tags).map(\.authorization) == ["Bearer token-1", "Bearer token-1"])
  }

  @Test func `has a token for each repository and action`() throws {
    let realm = TokenRealm { request in
      request.method == "PUT" ? ScriptedResponse(201) : ScriptedResponse(json: #"{"tags":null}"#)
    }
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    _ = try client.tags(of: "team/other")
    try client.putManifest(try imageManifest(), to: "team/app", as: "1")
    _ = try client.tags(of: "team/app")
    #expect(
      realm.requests("/token").map { $0.queryValues("scope") } == [
        ["repository:team/app:pull"], ["repository:team/other:pull"], ["repository:team/app:pull,push"],
      ])
  }

  @Test func `looks as one who may push where it is about to`() throws {
    let realm = TokenRealm { _ in ScriptedResponse(404) }
    let client = try client(realm.host, .user)
    let digest = Digest(of: [])
    #expect(try client.resolve("1", of: "new/app", isForPush: true) == nil)
    #expect(try client.hasBlob(digest, size: 0, in: "new/app", isForPush: true) == false)
    #expect(
      realm.requests("/token").map { $0.queryValues("scope") } == [["repository:new/app:pull,push"]])
  }

  @Test func `asks anonymously without a credential`() throws {
    let realm = TokenRealm()
    #expect(try client(realm.host).tags(of: "team/app") == ["a"])
    #expect(realm.requests("/token").map(\.authorization) == [nil])
  }

  @Test(arguments: [200, 404]) func `takes no list from a registry to which a token cannot be shown`(
    status: Int
  ) throws {
    let server = ScriptedServer { request in
      ScriptedResponse(request.path == root ? 200 : status, json: #"{"tags":["a"]}"#)
    }
    let token = Credential.identityToken(username: "u", token: "t")
    #expect(throws: RegistryError.credentialNotShown(host: server.host)) {
      try client(server.host, token).tags(of: "team/app")
    }
    #expect(server.requests.map(\.path) == [root, tags])
    #expect(server.requests.allSatisfy { $0.authorization == nil })
  }

  @Test func `asks a registry that wants nothing without a token for what has a name`() throws {
    let server = ScriptedServer { request in ScriptedResponse(request.path == root ? 200 : 404) }
    let token = Credential.identityToken(username: "u", token: "t")
    #expect(throws: RegistryError.self) { try client(server.host, token).manifest("1", of: "team/app") }
    #expect(try client(server.host, token).manifestIfPresent("1", of: "team/app") == nil)
    #expect(server.requests.allSatisfy { $0.authorization == nil })
  }

  struct Query: Sendable, CustomTestStringConvertible {
    let challenge: String
    let scopes: [String]
    let services: [String]
    var extra: [String] = []
    var testDescription: String { challenge }
  }

  @Test(arguments: [
    // No service: none is sent. No scope: ours is.
    Query(challenge: #"Bearer realm="REALM""#, scopes: ["repository:team/app:pull"], services: []),
    Query(
      challenge: #"Bearer realm="REALM",scope="",service="""#, scopes: ["repository:team/app:pull"],
      services: []),
    Query(
      challenge: #"Bearer realm="REALM",scope="repository:team/app:pull""#,
      scopes: ["repository:team/app:pull"],
      services: []),
    // The challenge's own words go back as they are.
    Query(
      challenge:
        #"Bearer realm="REALM",service="a b&c=d",scope="repository:alias/app:pull repository:team/app:pull""#,
      scopes: ["repository:alias/app:pull", "repository:team/app:pull"], services: ["a b&c=d"]),
    // A scope that covers ours is enough; one that does not gets ours beside it.
    Query(
      challenge: #"Bearer realm="REALM",scope="repository:team/app:pull,push""#,
      scopes: ["repository:team/app:pull,push"], services: []),
    Query(
      challenge: #"Bearer realm="REALM",scope="strange""#, scopes: ["strange", "repository:team/app:pull"],
      services: []),
    Query(
      challenge: #"Bearer realm="REALM",service=legacy,scope=repository:team/app:pull"#,
      scopes: ["repository:team/app:pull"], services: ["legacy"]),
    // A realm's own query stays.
    Query(
      challenge: #"Bearer realm="REALM?account=x&y",service="s""#, scopes: ["repository:team/app:pull"],
      services: ["s"], extra: ["account=x&y&"]),
  ])
  func `asks for`(_ query: Query) throws {
    let realm = TokenRealm()
    realm.state.change {
      $0.challenge = query.challenge.replacingOccurrences(of: "REALM", with: "http://\(realm.host)/token")
    }
    // Who has no credential answers the challenge of what it asks for; the root's has no scope of a repository.
    _ = try client(realm.host).tags(of: "team/app")
    let request = try #require(realm.requests("/token").first)
    #expect(request.queryValues("scope") == query.scopes)
    #expect(request.queryValues("service") == query.services)
    for extra in query.extra { #expect(request.query?.hasPrefix(extra) == true) }
  }

  @Test func `asks for push when it pushes, though the challenge says pull`() throws {
    let realm = TokenRealm { _ in ScriptedResponse(201) }
    realm.state.change {
      $0.challenge = #"Bearer realm="http://\#(realm.host)/token",scope="repository:team/app:pull""#
    }
    try client(realm.host, .user).putManifest(try imageManifest(), to: "team/app", as: "1")
    #expect(realm.requests("/token").map { $0.queryValues("scope") } == [["repository:team/app:pull,push"]])
  }

  @Test func `renews a token at three quarters of its life`() throws {
    // Where the machine stands still, a token may grow old before its first use: once more.
    let isRenewed = try (0..<20).contains { _ in
      let realm = TokenRealm()
      realm.state.change { $0.lifetime = 1 }
      let client = try client(realm.host, .user)
      _ = try client.tags(of: "team/app")
      // The token lives a second by its own word; the registry would take it for ever.
      usleep(800_000)
      _ = try client.tags(of: "team/app")
      return realm.paths == [root, "/token", tags, "/token", tags]
        && realm.requests(tags).last?.authorization == "Bearer token-2"
    }
    #expect(isRenewed)
  }

  @Test func `refreshes a token that is refused before its time, once`() throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    realm.state.change { $0.accepted = [] }
    _ = try client.tags(of: "team/app")
    #expect(realm.paths == [root, "/token", tags, tags, "/token", tags])
    realm.state.change {
      $0.accepted = []
      $0.accepts = false
    }
    #expect(error { _ = try client.tags(of: "team/app") } != nil)
    #expect(realm.paths.count == 9)
    #expect(realm.requests("/token").count == 3)
  }

  @Test func `fetches one token for many threads`() async throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { _ = try await onThread { try client.tags(of: "team/app") } }
      }
      try await group.waitForAll()
    }
    #expect(realm.requests("/token").count == 1)
  }

  @Test func `says that credentials were refused, in the words of who refused them`() throws {
    let realm = TokenRealm()
    realm.state.change {
      $0.answers["/token"] = ScriptedResponse(401, json: #"{"details":"expired key"}"#)
    }
    let error = error { _ = try client(realm.host, .user).tags(of: "team/app") }
    guard case .unauthorized(realm.host, "team/app", true, let messages) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(messages.map(\.message) == ["authentication required", "expired key"])
    // What it asks for may bring a challenge that leads elsewhere.
    #expect(realm.paths == [root, "/token", tags])
  }

  @Test func `says that there was no credential to refuse`() throws {
    let realm = TokenRealm()
    realm.state.change { $0.accepts = false }
    guard case .unauthorized(_, _, false, _) = error({ _ = try client(realm.host).tags(of: "team/app") })
    else {
      Issue.record("not unauthorized")
      return
    }
  }

  @Test func `takes a token without the rights for denial`() throws {
    let realm = TokenRealm()
    realm.state.change {
      $0.accepts = false
      $0.challenge += #",error="insufficient_scope""#
    }
    let denied = error {
      try client(realm.host, .user).putManifest(try imageManifest(), to: "team/app", as: "1")
    }
    guard case .denied(realm.host, "team/app", .push, _) = denied else {
      Issue.record("\(String(describing: denied))")
      return
    }
  }

  @Test func `follows no redirect of a token server`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"t"}"#) }
    let realm = TokenRealm()
    realm.state.change {
      $0.answers["/token"] = ScriptedResponse(302, headers: [("Location", other.url("/token"))])
    }
    let error = error { _ = try client(realm.host, .user).tags(of: "team/app") }
    guard case .malformedResponse(let url, .redirect) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!url.contains("team/app"))
    #expect(other.requests.isEmpty)
  }

  @Test func `exchanges an identity token by POST`() throws {
    let realm = TokenRealm()
    _ = try client(realm.host, .identityToken(username: "u", token: "re/fresh+&=")).tags(of: "team/app")
    let request = try #require(realm.requests("/token").first)
    #expect(request.method == "POST")
    #expect(request.query == nil)
    #expect(request.authorization == nil)
    #expect(request.header("Content-Type") == "application/x-www-form-urlencoded")
    let form = try #require(URLComponents(string: "?" + request.text)?.queryItems)
    #expect(form.first { $0.name == "grant_type" }?.value == "refresh_token")
    #expect(form.first { $0.name == "refresh_token" }?.value == "re/fresh+&=")
    #expect(form.first { $0.name == "service" }?.value == "scripted")
    #expect(form.first { $0.name == "scope" }?.value == "repository:team/app:pull")
  }

  @Test func `asks again when a token server is overwhelmed`() throws {
    let realm = TokenRealm()
    realm.state.change { $0.answers["/token"] = ScriptedResponse(503, text: "busy") }
    let error = error { _ = try client(realm.host, .user, retries: 2).tags(of: "team/app") }
    guard case .overwhelmed(_, 503, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(realm.requests("/token").count == 3)
  }

  @Test(arguments: [
    #"Bearer realm="http://169.254.169.254/token""#, #"Bearer realm="http://user:pw@REGISTRY/token""#,
    #"Bearer realm="file:///etc/passwd""#, #"Bearer realm="relative/token""#,
  ])
  func `sends nothing to an untrusted realm`(_ challenge: String) throws {
    let realm = TokenRealm()
    realm.state.change { $0.challenge = challenge.replacingOccurrences(of: "REGISTRY", with: realm.host) }
    let error = error { _ = try client(realm.host, .user).tags(of: "team/app") }
    guard case .untrustedRealm(realm.host, let shown, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(!shown.contains("pw"))
    #expect(realm.paths == [root, tags])
    #expect(realm.server.requests.allSatisfy { $0.authorization == nil })
  }

  @Test(arguments: ["Negotiate", #"Bearer service="s""#]) func `says when it cannot answer`(
    _ challenge: String
  ) throws {
    let realm = TokenRealm()
    realm.state.change { $0.challenge = challenge }
    #expect(
      error { _ = try client(realm.host, .user).tags(of: "team/app") }
        == .noUsableChallenge(host: realm.host, header: challenge))
  }

  @Test func `gives the registry's words where it asks for no login`() throws {
    let realm = TokenRealm()
    realm.state.change { $0.challenge = "" }
    guard
      case .unauthorized(realm.host, _, hadCredential: true, _) = error({
        _ = try client(realm.host, .user).tags(of: "team/app")
      })
    else {
      Issue.record("no refusal")
      return
    }
  }
}
