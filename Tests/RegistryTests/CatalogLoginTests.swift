import Registry
import TestSupport
import Testing

/// A registry whose root asks in one of several ways, and whose token server refuses the catalog's scope, or has moved:
/// all of it at once.
struct CatalogLogin: CustomTestStringConvertible, Sendable {
  /// How the challenges stand in the headers; `@` is the registry's host.
  enum Form: String, CaseIterable {
    case basic = #"Basic realm="r""#
    case bearer = #"Bearer realm="http://@/token",service="s""#
    case both = #"Bearer realm="http://@/token",service="s", Basic realm="r""#
    case basicFirst = #"Basic realm="r", Bearer realm="http://@/token",service="s""#
    // zot, beside a 200.
    case twoHeaders = "Bearer realm=\"http://@/token\",service=\"s\"\nbasic realm=\"r\""
    case scoped = #"Bearer realm="http://@/token",service="s",scope="registry:catalog:*""#

    var asksForToken: Bool { self != .basic }
  }

  let root: Int
  let form: Form
  /// What the token server says of the catalog's scope: Quay 400, others 403 and 404; 200 gives the token.
  let scope: Int
  /// How it says that it has moved on its own host; nil when it has not.
  let moved: Int?
  /// Whether a token without the scope is taken; else the registry wants the password after all.
  let takesToken: Bool

  var testDescription: String {
    "\(root), \(form), scope \(scope), moved \(moved.map(String.init) ?? "no"), token \(takesToken)"
  }

  static let all: [Self] = [200, 401].flatMap { root in
    Form.allCases.flatMap { form in
      [200, 400, 403, 404].flatMap { scope in
        [nil, 301, 302, 307, 308].map { moved in
          Self(root: root, form: form, scope: scope, moved: moved, takesToken: true)
        }
      } + [
        Self(root: root, form: form, scope: 400, moved: nil, takesToken: form == .bearer || form == .scoped)
      ]
    }
  }
}

@Suite(.waiting) struct `A catalog behind a login` {
  private static let whole = #"{"repositories":["a","b"]}"#

  @Test(arguments: CatalogLogin.all) func `is what who has the password is shown`(_ login: CatalogLogin)
    throws
  {
    let host = Noted("")
    let server = ScriptedServer { request in
      let challenges = login.form.rawValue.replacing("@", with: host.now).split(separator: "\n").map {
        ("WWW-Authenticate", String($0))
      }
      switch request.path {
      case "/v2/": return ScriptedResponse(login.root, headers: challenges, json: "{}")
      case "/token":
        guard let moved = login.moved else { return Self.token(request, login) }
        let query = request.query.map { "?\($0)" } ?? ""
        return ScriptedResponse(moved, headers: [("Location", "/auth/v2/token\(query)")])
      case "/auth/v2/token": return Self.token(request, login)
      default:
        switch request.authorization {
        case "Bearer known" where login.takesToken && login.form.asksForToken:
          return ScriptedResponse(json: Self.whole)
        case Credential.userHeader where login.form != .bearer && login.form != .scoped:
          return ScriptedResponse(json: Self.whole)
        case nil: return ScriptedResponse(json: #"{"repositories":["a"]}"#)
        default: return ScriptedResponse(401, headers: challenges, json: "{}")
        }
      }
    }
    host.change { $0 = server.host }
    #expect(try client(server.host, .user).catalog() == ["a", "b"])
    #expect(server.requests.filter { $0.path == "/v2/_catalog" }.allSatisfy { $0.authorization != nil })
    #expect(server.requests.filter { $0.path.hasSuffix("token") }.allSatisfy { $0.authorization != nil })
  }

  private static func token(_ request: ScriptedRequest, _ login: CatalogLogin) -> ScriptedResponse {
    let isScoped = request.queryValues("scope").contains("registry:catalog:*")
    guard login.scope == 200 || !isScoped else {
      return ScriptedResponse(login.scope, json: #"{"error":"Invalid scope"}"#)
    }
    let name = request.authorization == Credential.userHeader ? "known" : "stranger"
    return ScriptedResponse(json: #"{"token":"\#(name)"}"#)
  }

  @Test(arguments: [301, 302, 307, 308])
  func `has its identity token exchanged where the token server is now`(
    _ status: Int
  ) throws {
    let realm = TokenRealm()
    realm.state.change {
      $0.answers["/token"] = ScriptedResponse(status, headers: [("Location", "/auth/token")])
    }
    _ = try client(realm.host, .identityToken(username: "u", token: "t")).tags(of: "team/app")
    let request = try #require(realm.requests("/auth/token").first)
    #expect(request.method == "POST" && request.text.contains("refresh_token=t"))
  }

  @Test(arguments: ["/token", "http://%/token", "https://%/token", "//user:pw@%/token", "ftp://x/", ""])
  func `is not had by way of a token server that moves for ever, or to where no password may go`(
    _ target: String
  )
    throws
  {
    let other = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"t"}"#) }
    let realm = TokenRealm()
    realm.state.change {
      $0.answers["/token"] = ScriptedResponse(
        307, headers: [("Location", target.replacing("%", with: other.host))])
    }
    let error = error { _ = try client(realm.host, .user, retries: 0).tags(of: "team/app") }
    switch error {
    case .malformedResponse(_, .redirect): break
    // By TLS on another port of the same host, where nobody speaks it.
    case .transport where target.hasPrefix("https"): break
    default: Issue.record("\(String(describing: error))")
    }
    #expect(other.requests.isEmpty && realm.server.requests.count < 10)
  }

  @Test func `is not gone to for ever`() throws {
    let count = Noted(0)
    let realm = TokenRealm()
    let server = ScriptedServer { request in
      let number = count.change { count in
        count += 1
        return count
      }
      return ScriptedResponse(302, headers: [("Location", "/token?round=\(number)")])
    }
    realm.state.change { $0.challenge = #"Bearer realm="\#(server.url("/token"))",service="s""# }
    guard
      case .malformedResponse(_, .redirect) = error({
        _ = try client(realm.host, .user).tags(of: "team/app")
      })
    else {
      Issue.record("not bounded")
      return
    }
    #expect(server.requests.count == 6)
  }
}
