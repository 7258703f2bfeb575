import Glibc
import Synchronization
import Transport

/// Fetches and keeps the tokens of one registry, one for each set of scopes.
final class Authenticator: Sendable {
  let origin: HTTPURL
  let configuration: RegistryConfiguration
  /// What the registry asks of who has a credential.
  let rootChallenge: RootChallenge
  private let http: HTTPClient
  private let listener: WarningListener
  private let slots = Mutex<[[Scope]: TokenSlot]>([:])
  /// The tokens that were given last, apart from their slots: whoever hides them must not wait for one that is being
  /// fetched.
  private let issued = Mutex<[String]>([])
  private static let mostIssued = 256

  init(origin: HTTPURL, configuration: RegistryConfiguration, http: HTTPClient) {
    self.origin = origin
    self.configuration = configuration
    self.http = http
    let listener = WarningListener(configuration.warned)
    self.listener = listener
    rootChallenge = RootChallenge(origin, http: http) {
      listener.take($0, hiding: configuration.credential?.spellings ?? [])
    }
  }

  /// Passes on what an answer warns of.
  func heed(_ response: HTTPResponse) { listener.take(response, hiding: secrets) }

  /// What is known of the way in for `scopes`.
  func slot(for scopes: [Scope]) -> TokenSlot {
    slots.withLock { slots in
      if let slot = slots[scopes] { return slot }
      let slot = TokenSlot()
      slots[scopes] = slot
      return slot
    }
  }

  /// What must not be shown though the registry should repeat it.
  var secrets: [String] { (configuration.credential?.spellings ?? []) + issued.withLock { $0 } }

  enum Outcome {
    case granted(Token)
    /// The token server says no: to who asks with 401, else to what is asked for.
    case refused([RegistryMessage], status: Int)
  }

  /// Asks for a token: once, or for as long as the client's retries allow. A redirect is followed on the token server's
  /// own host alone, for a credential goes only where it was checked that it may.
  func fetch(_ source: TokenSource, persistently: Bool) throws(RegistryError) -> Outcome {
    var (request, body) = request(to: source)
    request.sentBy = origin
    var response: HTTPResponse
    var redirects = 0
    repeat {
      do {
        response = try persistently ? http.sendRetrying(request, body: body) : http.send(request, body: body)
      } catch {
        throw .transport(error)
      }
      heed(response)
      guard let moved = moved(response, for: source), redirects < Self.mostRedirects else { break }
      request.url = moved
      redirects += 1
    } while true
    let url = response.url.description
    switch response.status {
    case 200..<300:
      guard let reply = TokenReply(bytes: response.body, now: Int64(time(nil))) else {
        throw .malformed(response, .token)
      }
      let token = Token(reply, from: source, at: .now)
      let given = [token.value] + (reply.refreshToken.map { [$0] } ?? [])
      configuration.confided?(given)
      issued.withLock { issued in
        issued += given
        if issued.count > Self.mostIssued { issued.removeFirst(issued.count - Self.mostIssued) }
      }
      return .granted(token)
    case 300..<400: throw .malformedResponse(url: url, .redirect)
    case _ where response.isRetryable:
      let secrets = configuration.credential?.spellings ?? []
      throw .overwhelmed(
        url: url, status: response.status,
        messages: RegistryMessage.list(in: response.body.hiding(secrets)))
    default:
      let secrets = configuration.credential?.spellings ?? []
      return .refused(
        RegistryMessage.list(in: response.body.hiding(secrets)), status: response.status)
    }
  }

  /// Where a token server has moved on its own host, by an answer of it; nil for any other answer. Whoever is sent for a
  /// token by another method was not sent on.
  private func moved(_ response: HTTPResponse, for source: TokenSource) -> HTTPURL? {
    guard let location = response.redirect, let target = try? response.url.resolving(location),
      target.belongs(to: source.realm), target.full != response.url.full,
      (try? configuration.realmRules.check(target, for: origin)) != nil,
      response.status != 303 || !isExchange
    else { return nil }
    return target
  }

  /// Token servers move once or twice.
  private static let mostRedirects = 5

  /// Whether an identity token is exchanged, by POST.
  private var isExchange: Bool {
    if case .identityToken = configuration.credential { true } else { false }
  }

  private func request(to source: TokenSource) -> (HTTPRequest, body: [UInt8]) {
    guard case .identityToken(_, let token) = configuration.credential else {
      var request = HTTPRequest(.get, source.realm.appendingQuery(source.query), followsRedirects: false)
      if let basic = configuration.credential?.basicAuthorization {
        request.headers.set("Authorization", basic)
      }
      return (request, [])
    }
    var request = HTTPRequest(.post, source.realm, followsRedirects: false)
    request.headers.set("Content-Type", "application/x-www-form-urlencoded")
    let form =
      [("grant_type", "refresh_token"), ("client_id", "ferry"), ("refresh_token", token)]
      + (source.service.map { [("service", $0)] } ?? [])
      + (source.scopes.isEmpty ? [] : [("scope", source.scopes.joined(separator: " "))])
    // A form is encoded as a query is, and the origin has none of its own.
    return (request, Array((origin.appendingQuery(form).query ?? "").utf8))
  }
}

/// The way in for one set of scopes. Its lock is held while a token is fetched, so that of many threads
/// that need the same one, one fetches and the others wait for it.
final class TokenSlot: Sendable {
  struct State {
    /// What the next request sends without being asked.
    var authorization: Authorization?
    /// The first source whose token the registry accepted.
    var working: TokenSource?
  }

  let state = Mutex(State())
}

/// What a request says of who sends it.
enum Authorization: Sendable {
  case basic(header: String)
  case bearer(Token)

  var header: String {
    switch self {
    case .basic(let header): header
    case .bearer(let token): "Bearer \(token.value)"
    }
  }
}
