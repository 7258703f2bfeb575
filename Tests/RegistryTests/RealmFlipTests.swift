import Foundation
import Registry
import TestSupport
import Testing
import Transport

@Suite(.waiting) struct `A client whose registry changes its mind` {
  let root = "/v2/"
  let tags = "/v2/team/app/tags/list"

  /// A challenge that names another realm of the same server.
  func challenge(_ realm: TokenRealm, _ path: String) -> String {
    #"Bearer realm="http://\#(realm.host)\#(path)",service="registry",error="invalid_token""#
  }

  @Test func `asks the first realm that worked before the one it is now sent to`() throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    realm.state.change {
      $0.accepted = []
      $0.challenge = challenge(realm, "/flipped")
    }
    _ = try client.tags(of: "team/app")
    #expect(realm.paths == [root, "/token", tags, tags, "/token", tags])
  }

  @Test func `asks the new realm when the first refuses`() throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    realm.state.change {
      $0.accepted = []
      $0.challenge = challenge(realm, "/flipped")
      $0.answers["/token"] = ScriptedResponse(401, text: "gone")
    }
    _ = try client.tags(of: "team/app")
    #expect(realm.paths == [root, "/token", tags, tags, "/token", "/flipped", tags])
    #expect(realm.requests(tags).last?.authorization == "Bearer flipped-1")
  }

  @Test func `asks the new realm when the first one's token is refused, and each only once`() throws {
    let realm = TokenRealm()
    let client = try client(realm.host, .user)
    _ = try client.tags(of: "team/app")
    realm.state.change {
      $0.accepted = []
      $0.accepts = false
      $0.challenge = challenge(realm, "/flipped")
    }
    #expect(error { _ = try client.tags(of: "team/app") } != nil)
    #expect(realm.paths == [root, "/token", tags, tags, "/token", tags, "/flipped", tags])
  }

  @Test func `asks the new realm when the first is gone`() throws {
    let gone = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"old","expires_in":600}"#) }
    let realm = TokenRealm()
    realm.state.change {
      $0.challenge = #"Bearer realm="\#(gone.url("/token"))""#
      $0.accepted = ["old"]
    }
    let client = try client(realm.host, .user, retries: 0)
    _ = try client.tags(of: "team/app")
    gone.stop()
    realm.state.change {
      $0.accepted = []
      $0.challenge = challenge(realm, "/flipped")
    }
    _ = try client.tags(of: "team/app")
    #expect(realm.paths == [root, tags, tags, "/flipped", tags])
  }

  /// NVIDIA's host: its proxy sends everyone to one realm, and only who shows a key of the legacy system is
  /// sent to that system's, by a challenge of its own spelling.
  @Test func `goes the way of the legacy registry`() throws {
    let legacy = Noted<Set<String>>([])
    let registry = Noted("")
    let server = ScriptedServer { request in
      let host = registry.now
      switch request.path {
      case "/proxy_auth": return ScriptedResponse(401, text: "<html>unauthorized</html>")
      case "/v2/auth":
        guard request.authorization == Credential.userHeader else { return ScriptedResponse(401) }
        return ScriptedResponse(headers: [("Content-Type", "text/plain")], text: #"{"token":"legacy"}"#)
      default: break
      }
      _ = legacy.change { $0.insert(request.authorization ?? "none") }
      switch request.authorization {
      case "Bearer legacy": return ScriptedResponse(json: #"{"tags":["17.03"]}"#)
      case Credential.userHeader:
        return ScriptedResponse(
          401,
          headers: [
            (
              "Www-Authenticate",
              #"Bearer realm="http://\#(host)/v2/auth",service="registry.nvidia.com",scope=repository:nvidia/theano:pull"#
            )
          ])
      default:
        return ScriptedResponse(
          401, headers: [("Www-Authenticate", #"Bearer realm="http://\#(host)/proxy_auth",scope="""#)],
          text: "<html>nginx/1.14.2</html>")
      }
    }
    registry.change { $0 = server.host }
    let rules = RealmRules(
      RegistryQuirks(hosts: [server.host], realmHosts: [server.host], choosesByCredential: true))
    let client = try client(server.host, .user, rules: rules)
    #expect(try client.tags(of: "nvidia/theano") == ["17.03"])
    #expect(try client.tags(of: "nvidia/theano") == ["17.03"])
    let tags = "/v2/nvidia/theano/tags/list"
    #expect(server.requests.map(\.path) == [root, "/proxy_auth", tags, "/v2/auth", tags, tags])
    let request = try #require(server.requests.first { $0.path == "/v2/auth" })
    #expect(request.queryValues("scope") == ["repository:nvidia/theano:pull"])
    #expect(request.queryValues("service") == ["registry.nvidia.com"])
  }

  @Test func `shows its key to no registry that did not ask, unless it is NVIDIA's`() throws {
    let realm = TokenRealm()
    realm.state.change { $0.answers["/token"] = ScriptedResponse(401) }
    #expect(error { _ = try client(realm.host, .user).tags(of: "team/app") } != nil)
    #expect(realm.requests(tags).map(\.authorization) == [nil])
  }

  @Test func `keeps NVIDIA's keys from realms that are not NVIDIA's`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"t"}"#) }
    let realm = TokenRealm()
    realm.state.change { $0.challenge = #"Bearer realm="\#(other.url("/token"))""# }
    let rules = RealmRules(RegistryQuirks(hosts: [realm.host], realmHosts: [], choosesByCredential: true))
    let error = error { _ = try client(realm.host, .user, rules: rules).tags(of: "team/app") }
    guard case .untrustedRealm(_, _, .unknownHost) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(other.requests.isEmpty)
  }
}

@Suite(.waiting) struct `A client of a registry with passwords` {
  static func registry(_ challenge: String = #"Basic realm="r""#) -> ScriptedServer {
    ScriptedServer { request in
      request.authorization == Credential.userHeader
        ? ScriptedResponse(json: #"{"tags":["a"]}"#)
        : ScriptedResponse(401, headers: [("WWW-Authenticate", challenge)])
    }
  }

  @Test func `answers the challenge once and then sends the password up front`() throws {
    let server = Self.registry()
    let client = try client(server.host, .user)
    _ = try client.tags(of: "team/app")
    _ = try client.tags(of: "team/app")
    // The root is asked as a stranger would ask it, and nothing else is.
    #expect(server.requests.map(\.authorization) == [nil, Credential.userHeader, Credential.userHeader])
  }

  @Test func `tries a wrong password once`() throws {
    let server = Self.registry()
    let wrong = Credential.basic(username: "u", password: "wrong")
    let error = error { _ = try client(server.host, wrong).tags(of: "team/app") }
    guard case .unauthorized(_, "team/app", true, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(server.requests.count == 2)
  }

  @Test func `has none to give`() throws {
    let server = Self.registry()
    for credential in [nil, Credential.identityToken(username: "u", token: "t")] {
      guard case .unauthorized = error({ _ = try client(server.host, credential).tags(of: "team/app") })
      else {
        Issue.record("not unauthorized")
        return
      }
    }
    #expect(server.requests.allSatisfy { $0.authorization == nil })
  }

  @Test func `gives it when the Bearer beside it cannot be trusted`() throws {
    let server = Self.registry(#"Bearer realm="http://169.254.169.254/t", Basic realm="r""#)
    #expect(try client(server.host, .user).tags(of: "team/app") == ["a"])
  }
}
