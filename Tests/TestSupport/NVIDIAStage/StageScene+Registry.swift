import Foundation

/// nvcr.io: who asks decides which back end answers.
extension StageScene {
  /// What a request to the distribution API is about.
  struct Call {
    let request: ScriptedRequest
    let backEnd: NVIDIAStage.BackEnd
    let account: StageAccount?
    let repository: String
    /// What follows the kind in the path: a tag, digest or upload.
    let rest: String
  }

  private enum Kind { case tags, manifests, uploads, blobs }

  func registry(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    guard request.path.hasPrefix("/v2/") else { return Self.page(404) }
    let route = Self.route(request.path)
    let action = ["GET", "HEAD"].contains(request.method) ? "pull" : "push"
    let token: StageToken
    switch admit(request, to: route?.repository, action, &state) {
    case .success(let admitted): token = admitted
    case .failure(let refusal): return refusal.reply
    }
    guard let route else {
      return request.path == "/v2/" ? .json([String: String]()) : .error(404, "UNSUPPORTED")
    }
    let call = Call(
      request: request, backEnd: token.backEnd, account: token.account, repository: route.repository,
      rest: route.rest)
    return switch route.kind {
    case .tags: tags(call, state)
    case .manifests: manifest(call, &state)
    case .uploads: upload(call, &state)
    case .blobs: blob(call, &state)
    }
  }

  private static func route(_ path: String) -> (kind: Kind, repository: String, rest: String)? {
    let kinds: [(String, Kind)] = [
      ("/tags/list", .tags), ("/manifests/", .manifests), ("/blobs/uploads/", .uploads), ("/blobs/", .blobs),
    ]
    for (marker, kind) in kinds {
      guard let range = path.range(of: marker, options: .backwards) else { continue }
      let repository = path[..<range.lowerBound].dropFirst("/v2/".count)
      return (kind, String(repository), String(path[range.upperBound...]))
    }
    return nil
  }

  private struct Refusal: Error { let reply: StageReply }

  private func admit(
    _ request: ScriptedRequest, to repository: String?, _ action: String, _ state: inout StageState
  ) -> Result<StageToken, Refusal> {
    let scope = repository.map { "repository:\($0):\(action == "push" ? "pull,push" : "pull")" }
    let refuse: (String) -> Result<StageToken, Refusal> = { challenge in
      .failure(
        Refusal(
          reply: .error(
            401, "UNAUTHORIZED", "authentication required", headers: [("Www-Authenticate", challenge)])))
    }
    if let key = Self.basicKey(request), state.account(key: key)?.backEnd == .dgx {
      return refuse(legacyChallenge(scope))
    }
    let header = request.header("Authorization") ?? ""
    guard header.hasPrefix("Bearer "), let token = state.tokens[String(header.dropFirst(7))] else {
      return refuse(challenge(scope, state.behaviour))
    }
    let uses = token.uses + 1
    state.tokens[String(header.dropFirst(7))]?.uses = uses
    if token.isExpired || uses > state.behaviour.tokenUses ?? .max {
      if token.backEnd == .dgx { return refuse(legacyChallenge(scope)) }
      return refuse(
        state.behaviour.flipsRealm
          ? flippedChallenge(scope) : challenge(scope, state.behaviour) + ",error=\"invalid_token\"")
    }
    guard let repository, !token.grants(action, on: repository) else { return .success(token) }
    if state.behaviour.denialStatus == 401 {
      let challenge = token.backEnd == .dgx ? legacyChallenge(scope) : challenge(scope, state.behaviour)
      return refuse(challenge + ",error=\"insufficient_scope\"")
    }
    return .failure(
      Refusal(reply: .error(state.behaviour.denialStatus, "DENIED", "requested access is denied")))
  }

  /// NGC's challenge, in one of the forms that were seen.
  private func challenge(_ scope: String?, _ behaviour: StageBehaviour) -> String {
    let realm = url(.registry, "/proxy_auth")
    return switch behaviour.challenge {
    case .realmAlone: "Bearer realm=\"\(realm)\""
    case .emptyScope: "Bearer realm=\"\(realm)\",scope=\"\""
    case .scope: "Bearer realm=\"\(realm)\"" + (scope.map { ",scope=\"\($0)\"" } ?? "")
    case .realmWithQuery: "Bearer realm=\"\(realm)" + (scope.map { "?scope=\($0)" } ?? "") + "\""
    }
  }

  /// The legacy system's: the scope stands without quotes, colons and all.
  private func legacyChallenge(_ scope: String?) -> String {
    "Bearer realm=\"\(url(.legacyRealm, "/v2/auth"))\",service=\"registry.nvidia.com\""
      + (scope.map { ",scope=\($0)" } ?? "")
  }

  /// NGC's after a token's end.
  private func flippedChallenge(_ scope: String?) -> String {
    "Bearer realm=\"\(url(.authn, "/token"))\",service=\"registry\""
      + (scope.map { ",scope=\"\($0)\"" } ?? "") + ",error=\"invalid_token\""
  }

  static func page(_ status: Int) -> StageReply {
    StageReply(
      status, headers: [("Content-Type", "text/html")],
      body: Array("<html><body><h1>\(status)</h1><hr>nginx/1.14.2</body></html>\r\n".utf8))
  }
}
