import Foundation

/// A token one of the token servers gave.
struct StageToken: Sendable {
  struct Grant: Sendable {
    let name: String
    let actions: [String]
  }

  /// nil for an anonymous one.
  let account: StageAccount?
  let backEnd: NVIDIAStage.BackEnd
  let grants: [Grant]
  var uses = 0
  var isExpired = false

  func grants(_ action: String, on repository: String) -> Bool {
    grants.contains { $0.name == repository && $0.actions.contains(action) }
  }
}

extension StageState {
  /// Grants what of `scopes` the account may do, and answers with a token for it. As the token
  /// specification has it, granting less than was asked is no error.
  mutating func grant(
    _ scopes: [String], to account: StageAccount?, on backEnd: NVIDIAStage.BackEnd
  ) -> StageReply {
    let grants = scopes.flatMap { $0.split(separator: " ") }.compactMap { scope -> StageToken.Grant? in
      let parts = scope.split(separator: ":")
      guard parts.count == 3, parts[0] == "repository" else { return nil }
      let name = String(parts[1])
      let isPublic = content[backEnd]?[name]?.isPublic == true
      let access = account?.access(to: name, isPublic: isPublic) ?? (isPublic ? .pull : .none)
      let allowed = access == .push ? ["pull", "push"] : access == .pull ? ["pull"] : []
      return StageToken.Grant(
        name: name, actions: parts[2].split(separator: ",").map(String.init).filter(allowed.contains))
    }
    let text = behaviour.tokenForm == .jwt ? jwt(grants) : fresh("opaque-token-")
    tokens[text] = StageToken(account: account, backEnd: backEnd, grants: grants)
    var answer: [String: Any] = [behaviour.tokenKey: text]
    if behaviour.saysExpiresIn { answer["expires_in"] = behaviour.tokenLifetime }
    return .json(answer, type: behaviour.tokenContentType)
  }

  private mutating func jwt(_ grants: [StageToken.Grant]) -> String {
    let now = Int(Date().timeIntervalSince1970)
    let claims: [String: Any] = [
      "aud": "registry", "iss": "authn.nvidia.com", "jti": fresh("token-"), "iat": now,
      "exp": now + behaviour.tokenLifetime,
      "access": grants.map { ["type": "repository", "name": $0.name, "actions": $0.actions] },
    ]
    let part: (Any) -> String = { object in
      let data = (try? JSONSerialization.data(withJSONObject: object, options: [.sortedKeys])) ?? Data()
      return data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
        .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
    return [part(["alg": "none", "typ": "JWT"]), part(claims), "c2lnbmF0dXJl"].joined(separator: ".")
  }
}
