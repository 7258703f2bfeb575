import FoundationEssentials

/// What proves to a registry who asks. Prints without its secret, however it is printed.
public enum Credential: Hashable, Sendable {
  /// A user name with a password or an API key (NVIDIA's user is `$oauthtoken`).
  case basic(username: String, password: String)
  /// A refresh token that `docker login` stored in place of a password.
  case identityToken(username: String, token: String)

  /// The value of a Basic `Authorization` header (RFC 7617); nil for an identity token.
  var basicAuthorization: String? {
    guard case .basic(let username, let password) = self else { return nil }
    return "Basic " + Data("\(username):\(password)".utf8).base64EncodedString()
  }
}

extension Credential {
  public var username: String {
    switch self {
    case .basic(let username, _), .identityToken(let username, _): username
    }
  }

  /// The secret by itself, and as a server gets to see it. In what spelling it may come back, ``Secrets`` knows.
  public var spellings: [String] {
    switch self {
    case .basic(let username, let password):
      [password, "\(username):\(password)"]
    case .identityToken(_, let token): [token]
    }
  }
}

extension Credential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String {
    switch self {
    case .basic(let username, _): "user '\(username)' with a password"
    case .identityToken: "an identity token"
    }
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
