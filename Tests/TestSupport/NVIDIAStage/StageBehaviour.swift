/// How the stage behaves where NVIDIA has been seen to behave in more than one way.
public struct StageBehaviour: Sendable {
  /// The forms of NGC's challenge that were seen.
  public enum Challenge: Sendable, CaseIterable {
    /// `Bearer realm="…"` (2020).
    case realmAlone
    /// `Bearer realm="…",scope=""` (2022).
    case emptyScope
    /// `Bearer realm="…",scope="repository:…:pull"`, no service (2026).
    case scope
    /// The scope in the realm's own query.
    case realmWithQuery
  }

  public enum TokenForm: Sendable {
    /// A JWT with `access` claims; its signature is none.
    case jwt
    case opaque
  }

  public var challenge = Challenge.scope
  public var tokenForm = TokenForm.jwt
  /// The token reply's Content-Type, which is not always JSON's.
  public var tokenContentType = "text/plain; charset=utf-8"
  /// The reply's key for the token: `token` or `access_token`.
  public var tokenKey = "token"
  /// Said as `expires_in`, and in a JWT's claims. In seconds.
  public var tokenLifetime = 600
  /// Whether `expires_in` is said at all.
  public var saysExpiresIn = true
  /// How many requests to the registry a token is good for; nil for any number.
  public var tokenUses: Int?
  /// After a token's end NGC's challenge names another realm, at authn.
  public var flipsRealm = true
  /// Whether authn gives registry tokens to who shows a key. It gives none to the anonymous.
  public var authnServesRegistry = true
  /// Whether `/proxy_auth` takes DGX keys too. If not, they must be shown to the registry as Basic, which
  /// answers with the legacy system's challenge.
  public var proxyAuthTakesDGXKeys = false
  /// Sent when a token does not grant what is tried: 401 with `insufficient_scope`, or 403.
  public var denialStatus = 401
  /// Blobs are fetched from another host by a signed URL.
  public var redirectsBlobs = true
  /// 302 or 307.
  public var redirectStatus = 302
  /// How many fetches a signed URL is good for; nil for any number.
  public var signatureUses: Int?
  /// Cross-repository mounts are made (201) or answered with an upload (202).
  public var mounts = true
  /// Tags on one page of `tags/list` at the most.
  public var pageSize = 1000

  public init() {}
}
