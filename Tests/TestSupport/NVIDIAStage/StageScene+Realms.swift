import Foundation

/// The token servers.
extension StageScene {
  static let user = "$oauthtoken"

  /// nvcr.io/proxy_auth: NGC's realm.
  func proxyAuth(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    let scopes = request.queryItems.filter { $0.name == "scope" && !$0.value.isEmpty }.map(\.value)
    guard let key = Self.basicKey(request) else { return state.grant(scopes, to: nil, on: .ngc) }
    guard let account = state.account(key: key),
      account.backEnd == .ngc || state.behaviour.proxyAuthTakesDGXKeys
    else { return .error(401, "UNAUTHORIZED", "Authentication failed") }
    return state.grant(scopes, to: account, on: account.backEnd)
  }

  /// registry.nvidia.com/v2/auth: the legacy realm. It knows its service's name and DGX keys only.
  func legacyAuth(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    guard request.path == "/v2/auth" else { return .error(404, "NOT_FOUND") }
    guard request.queryValue("service") == "registry.nvidia.com" else {
      return .error(400, "UNSUPPORTED", "unknown service")
    }
    guard let account = Self.basicKey(request).flatMap(state.account(key:)), account.backEnd == .dgx else {
      return .error(401, "UNAUTHORIZED", "Authentication failed")
    }
    let scopes = request.queryItems.filter { $0.name == "scope" }.map(\.value)
    return state.grant(scopes, to: account, on: .dgx)
  }

  /// authn.nvidia.com/token: for the NGC API (`scope=group/ngc…`, by `ApiKey` or Basic), and as the realm
  /// of the registry after a token's end (`service=registry`, by Basic).
  func authn(_ request: ScriptedRequest, _ state: inout StageState) -> StageReply {
    guard request.path == "/token" else { return .error(404, "NOT_FOUND") }
    let scopes = request.queryItems.filter { $0.name == "scope" }.map(\.value)
    let isForAPI = scopes.contains { $0 == "group/ngc" || $0.hasPrefix("group/ngc:") }
    let key =
      isForAPI ? Self.key(request, scheme: "ApiKey") ?? Self.basicKey(request) : Self.basicKey(request)
    guard let account = key.flatMap(state.account(key:)), account.backEnd == .ngc,
      isForAPI ? account.mayList : state.behaviour.authnServesRegistry
    else {
      return .json(
        ["requestStatus": ["statusCode": "UNAUTHORIZED", "statusDescription": "Invalid credentials"]],
        status: 401)
    }
    return state.grant(isForAPI ? [] : scopes, to: account, on: .ngc)
  }

  /// The key of Basic authentication, if the user is the one for keys.
  static func basicKey(_ request: ScriptedRequest) -> String? {
    guard let text = key(request, scheme: "Basic"), text.hasPrefix(user + ":") else { return nil }
    return String(text.dropFirst(user.count + 1))
  }

  /// What stands in base64 after `scheme`, whose letters count.
  static func key(_ request: ScriptedRequest, scheme: String) -> String? {
    guard let header = request.header("Authorization"), header.hasPrefix(scheme + " ") else { return nil }
    return Data(base64Encoded: String(header.dropFirst(scheme.count + 1)))
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
