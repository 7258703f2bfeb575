import FoundationEssentials
import Images

/// What a token server answers (distribution, "Token Authentication Specification"), read from the bytes
/// alone: the Content-Type is not asked, since NVIDIA's is not always JSON's.
public struct TokenReply: Sendable {
  public let token: String
  /// What a new token could be had for, which is not used: a secret all the same.
  let refreshToken: String?
  /// How long the token lives from now on.
  let lifetime: Duration
  /// What was granted, from the token's own `access` claim; nil when the token is opaque, or the claim is none. The signature
  /// is the registry's to check: this only says what to expect.
  let grants: [Scope]?

  /// Tokens of JWTs with many grants reach some kilobytes; headers beyond this are refused by servers.
  static let longestToken = 64 << 10
  /// What the specification supposes where nothing is said.
  static let defaultLifetime = 60
  static let longestLifetime = 24 * 60 * 60

  /// Reads an answer. `now` is the time of day in seconds since 1970, against which a JWT's `exp` is held.
  /// Returns nil when it holds no token that can stand in a header.
  public init?(bytes: [UInt8], now: Int64) {
    // A token that is there twice is two: one may be a stranger's, to whom a registry shows less.
    guard let answer = try? DocumentShape.token.decode(Answer.self, from: bytes),
      let token = [answer.token, answer.accessToken].compactMap({ $0 }).first(where: { !$0.isEmpty }),
      token.utf8.count <= Self.longestToken, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else { return nil }
    let claims = Self.claims(of: token)
    let seconds = Self.seconds(answer.expiresIn) ?? claims?.remaining(at: now) ?? Self.defaultLifetime
    self.token = token
    refreshToken = answer.refreshToken?.text
    self.lifetime = .seconds(min(seconds, Self.longestLifetime))
    self.grants = claims?.grants
  }

  /// When a token is replaced: at ¾ of its life, as NVIDIA's own client does.
  var renewal: Duration { lifetime * 3 / 4 }

  private struct Answer: Decodable {
    var token: String?
    var accessToken: String?
    /// A number, or as some servers have it a number in quotes.
    var expiresIn: JSONText?
    var refreshToken: JSONText?

    private enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
      case expiresIn = "expires_in"
      case refreshToken = "refresh_token"
    }
  }

  private static func seconds(_ text: JSONText?) -> Int? {
    guard let number = text.flatMap({ Double($0.text) }), number >= 1 else { return nil }
    return Int(min(number, Double(longestLifetime)))
  }

  private struct Claims: Decodable {
    var exp: Double?
    var iat: Double?
    /// nil where they are not spelled as distribution has them, whatever they say.
    let grants: [Scope]?

    private struct Access: Decodable {
      var type: String
      var name: String
      var actions: [String]
    }

    private enum CodingKeys: CodingKey { case exp, iat, access }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      exp = try? container.decodeIfPresent(Double.self, forKey: .exp)
      iat = try? container.decodeIfPresent(Double.self, forKey: .iat)
      let access = try? container.decodeIfPresent([Access].self, forKey: .access)
      grants = access?.map { Scope(type: $0.type, name: $0.name, actions: $0.actions) }
    }

    /// Seconds left by our clock, held within the token's own span in case the clocks disagree.
    func remaining(at now: Int64) -> Int? {
      guard let exp, exp.isFinite else { return nil }
      let left = exp - Double(now)
      guard let iat, exp > iat else { return left >= 1 ? Int(min(left, Double(longestLifetime))) : nil }
      return Int(min(left >= 1 ? min(left, exp - iat) : exp - iat, Double(longestLifetime)))
    }
  }

  private static func claims(of token: String) -> Claims? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var payload = parts[1].map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
    while payload.count % 4 != 0 { payload.append("=") }
    return Data(base64Encoded: String(payload)).flatMap {
      try? DocumentShape.loose.decode(Claims.self, from: [UInt8]($0))
    }
  }
}

extension TokenReply: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "a token for \(lifetime)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A bearer token in use: what it says to the registry, and until when.
struct Token: Sendable {
  let value: String
  let source: TokenSource
  /// What it allows, by its own claims; nil when it is opaque.
  let grants: [Scope]?
  /// When another is fetched in its place.
  private(set) var renewal: ContinuousClock.Instant
  let expiry: ContinuousClock.Instant

  init(_ reply: TokenReply, from source: TokenSource, at now: ContinuousClock.Instant) {
    value = reply.token
    self.source = source
    grants = reply.grants
    renewal = now.advanced(by: reply.renewal)
    expiry = now.advanced(by: reply.lifetime)
  }

  /// Keeps the token for a while longer, after its renewal failed.
  mutating func postponeRenewal() {
    renewal = min(expiry, .now.advanced(by: .seconds(15)))
  }
}
