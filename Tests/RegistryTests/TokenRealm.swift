import Registry
import TestSupport

/// A registry and its token servers behind one scripted server: `/v2/` wants a token that one of the realms
/// gave, and every answer can be set.
final class TokenRealm: Sendable {
  struct State: Sendable {
    /// What `/v2/` says to a request without a good token.
    var challenge = ""
    /// The tokens `/v2/` takes.
    var accepted: Set<String> = []
    /// The tokens given so far, by the path of the realm.
    var given: [String: Int] = [:]
    /// What each realm's path answers instead of a token.
    var answers: [String: ScriptedResponse] = [:]
    /// `expires_in` of new tokens.
    var lifetime = 600
    /// Whether new tokens are taken.
    var accepts = true
  }

  let state: Noted<State>
  let server: ScriptedServer

  init(
    _ state: State = State(),
    serve: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse = { _ in
      ScriptedResponse(json: #"{"tags":["a"]}"#)
    }
  ) {
    let state = Noted(state)
    self.state = state
    server = ScriptedServer { request in
      guard !request.path.hasPrefix("/v2/") else {
        let refusal: String? = state.change { state in
          let token = request.authorization.map { String($0.dropFirst("Bearer ".count)) }
          return token.map(state.accepted.contains) == true ? nil : state.challenge
        }
        guard let refusal else { return serve(request) }
        let answer = ScriptedResponse(
          401, headers: refusal.split(separator: "\n").map { ("WWW-Authenticate", String($0)) },
          json: #"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
        // What stands behind an answer to HEAD would be taken for the next one.
        return request.method == "HEAD" ? answer.withoutBody : answer
      }
      return state.change { state in
        if let answer = state.answers[request.path] { return answer }
        state.given[request.path, default: 0] += 1
        let token = "\(request.path.dropFirst())-\(state.given[request.path, default: 0])"
        if state.accepts { state.accepted.insert(token) }
        // NVIDIA's Content-Type is not always JSON's.
        return ScriptedResponse(
          headers: [("Content-Type", "text/html")],
          text: #"{"token":"\#(token)","expires_in":\#(state.lifetime)}"#)
      }
    }
    let host = server.host
    state.change { $0.challenge = #"Bearer realm="http://\#(host)/token",service="scripted""# }
  }

  var host: String { server.host }

  /// The requests to `path`.
  func requests(_ path: String) -> [ScriptedRequest] { server.requests.filter { $0.path == path } }

  /// The paths of all requests, in order.
  var paths: [String] { server.requests.map(\.path) }
}
