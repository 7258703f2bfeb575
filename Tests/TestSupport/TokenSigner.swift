import Foundation

/// Makes the JSON Web Tokens that a registry accepts from its token server.
struct TokenSigner: Sendable {
  let key: TokenKey
  /// The key's certificate, as base64 of its DER form.
  let chain: String
  let issuer: String
  let service: String
  /// In seconds.
  let lifetime: Int

  /// A token for those of the actions asked for that are granted.
  func token(for request: TokenServer.Request, grants: TokenServer.Grant) throws -> String {
    let access = request.scopes.compactMap { scope -> [String: Any]? in
      // A name may hold colons, as a host's port does.
      guard let first = scope.firstIndex(of: ":"), let last = scope.lastIndex(of: ":"), first != last else {
        return nil
      }
      let name = String(scope[scope.index(after: first)..<last])
      let actions = scope[scope.index(after: last)...].split(separator: ",").map(String.init)
        .filter { grants(request.user, name, $0) }
      return ["type": String(scope[..<first]), "name": name, "actions": actions]
    }
    let now = Int(Date().timeIntervalSince1970)
    let claims: [String: Any] = [
      "iss": issuer, "aud": service, "sub": request.user ?? "", "jti": UUID().uuidString,
      "iat": now, "nbf": now - 5, "exp": now + lifetime, "access": access,
    ]
    let header: [String: Any] = ["typ": "JWT", "alg": "ES256", "x5c": [chain]]
    let signed = try [header, claims].map { base64url(try JSONSerialization.data(withJSONObject: $0)) }
      .joined(separator: ".")
    return try "\(signed).\(base64url(Data(key.signature(of: Array(signed.utf8)))))"
  }

  private func base64url(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }
}
