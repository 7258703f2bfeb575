import Images
import Synchronization
import Transport

/// One request's way past the registry's challenges: what it sends, and what it has tried already, so that
/// every source is asked at most once for it.
///
/// With a credential in hand the challenge of the registry's root is answered first, so that no question is asked
/// as a stranger's. Where the root asks for nothing, the credential itself is shown, to the registry's own origin
/// alone and as it is spoken to (TLS, unless the user said that this is a host without): it was given for that
/// host, which could have it by asking; and a registry that shows strangers less often does not ask.
struct RequestAuthentication {
  private let authenticator: Authenticator
  private let host: String
  private let purpose: Purpose
  private let slot: TokenSlot
  private var sent: Authorization?
  private var tried: Set<TokenSource> = []
  private var hasTriedBasic = false
  private var answers = 0
  /// Whether it fetched a token that the registry has not been seen to take.
  private var hasFetched = false
  /// Why a request goes as a stranger's though there is a credential: it may bring a challenge that can be
  /// answered, and any other answer is not for us.
  private var unanswered: RegistryError?
  /// What token servers said against it.
  private(set) var refusals: [RegistryMessage] = []
  /// Whether a token was given and does not allow what was tried: the credential is right, its rights are not.
  private(set) var isInsufficient = false

  /// More rounds than Basic, two realms and a token of another thread's need.
  private static let mostAnswers = 6

  init(_ authenticator: Authenticator, host: String, for purpose: Purpose) {
    self.authenticator = authenticator
    self.host = host
    self.purpose = purpose
    slot = authenticator.slot(for: purpose.scopes)
  }

  /// What the token that requests of this kind send now says it allows; nil when they send none, or it does
  /// not say.
  var grants: [Scope]? {
    slot.state.withLock { state in
      if case .bearer(let token) = state.authorization { token.grants } else { nil }
    }
  }

  /// Whether requests of this kind say who sends them.
  var isUsed: Bool { slot.state.withLock { $0.authorization != nil } }

  private var credential: Credential? { authenticator.configuration.credential }
  private var origin: HTTPURL { authenticator.origin }
  private var scopes: [Scope] { purpose.scopes }

  /// `request` with what authenticates it, which only the registry's own origin gets to see. A token past
  /// ¾ of its life is replaced before. Throws ``RegistryError``.
  mutating func authorize(_ request: HTTPRequest) throws(RegistryError) -> HTTPRequest {
    guard request.url.belongs(to: origin) else { return request }
    unanswered = nil
    sent = try slot.state.withLock { state throws(RegistryError) in
      if case .bearer(var token) = state.authorization, token.renewal <= .now {
        if let other = try renewed(token, working: state.working) {
          state.authorization = .bearer(other)
        } else if token.expiry > .now {
          token.postponeRenewal()
          state.authorization = .bearer(token)
        } else {
          state.authorization = nil
        }
      }
      if state.authorization == nil, credential != nil {
        state.authorization = try introduction(working: state.working)
      }
      return state.authorization
    }
    var request = request
    // A registry that leads to TLS is spoken to so at once: what is secret is not sent on the way there.
    if let secured = authenticator.rootChallenge.securedRoot, request.url.hasSameOrigin(as: origin) {
      request.url = request.url.at(originOf: secured)
    }
    if let sent { request.headers.set("Authorization", sent.header) }
    return request
  }

  /// What answers the challenge of the registry's root; nil when nothing does.
  private mutating func introduction(working: TokenSource?) throws(RegistryError) -> Authorization? {
    switch try authenticator.rootChallenge.get() {
    case .unknown(let reason):
      unanswered = reason
      return nil
    case .nothing:
      guard let header = credential?.basicAuthorization else {
        // An identity token is shown to a token server alone, and none was named. What is asked by name is not less
        // true for it; a list may be a stranger's.
        if purpose.action == .list { unanswered = .credentialNotShown(host: host) }
        return nil
      }
      guard !hasTriedBasic else { return nil }
      hasTriedBasic = true
      return .basic(header: header)
    case .challenges(let challenges, let header):
      do throws(RegistryError) {
        if let found = try authorization(for: challenges, header, working: working) { return found }
        unanswered = refusal
      } catch {
        switch error {
        case .untrustedRealm, .noUsableChallenge: unanswered = error
        default: throw error
        }
      }
      return nil
    }
  }

  /// What it means that no token server took the credential.
  private var refusal: RegistryError {
    refusals.contains { $0.code == "DENIED" }
      ? .denied(host: host, repository: purpose.repository, action: purpose.action, messages: refusals)
      : .unauthorized(host: host, repository: purpose.repository, hadCredential: true, messages: refusals)
  }

  /// A token in place of `token`; nil when there is none to be had.
  private mutating func renewed(_ token: Token, working: TokenSource?) throws(RegistryError) -> Token? {
    let lives = token.expiry > .now
    for source in [working, token.source].compactMap({ $0 }) where !tried.contains(source) {
      do {
        switch try authenticator.fetch(source, persistently: !lives) {
        case .granted(let token):
          tried.insert(source)
          return token
        case .refused: tried.insert(source)
        }
      } catch RegistryError.transport(.cancelled) {
        throw .transport(.cancelled)
      } catch {
        // The request itself will meet the same fault, or a challenge that leads elsewhere.
      }
    }
    return nil
  }

  /// Takes note of the registry's answer. True when it was a challenge that was met: the request is to be
  /// authorized and sent once more. Throws the reason when a stranger's answer came to who has a credential.
  mutating func answer(_ response: HTTPResponse) throws(RegistryError) -> Bool {
    authenticator.heed(response)
    let isOwn = response.url.belongs(to: origin)
    guard isOwn, response.status == 401 else {
      // What says no to everybody says why itself.
      if let unanswered, response.status != 400 { throw unanswered }
      if isOwn { confirm(response) }
      if isOwn, response.status == 404 { try expectGrant() }
      return false
    }
    answers += 1
    guard answers <= Self.mostAnswers else { return false }
    let lines = response.headers.values(of: "WWW-Authenticate")
    let challenges = Challenge.parse(lines)
    if credential != nil, case .bearer(let token) = sent { isInsufficient = isTooLittle(token, challenges) }
    return try slot.state.withLock { state throws(RegistryError) in
      // Another thread may have found the way in meanwhile.
      if let other = state.authorization, other.header != sent?.header { return true }
      state.authorization = nil
      state.authorization = try authorization(for: challenges, lines, working: state.working)
      return state.authorization != nil
    }
  }

  /// "Not there" is no answer to who may not look: throws ``RegistryError/denied(host:repository:action:messages:)`` when
  /// the token itself says that it does not allow what was asked.
  private func expectGrant() throws(RegistryError) {
    guard credential != nil, let repository = purpose.repository, scopes == [.pull(repository)],
      case .bearer(let token) = sent, let grants = token.grants,
      scopes.contains(where: { [.withheld, .absent].contains($0.word(of: grants)) })
    else { return }
    throw .denied(host: host, repository: purpose.repository, action: purpose.action, messages: [])
  }

  /// Whether the token itself, or the challenge, says that its rights do not suffice.
  private func isTooLittle(_ token: Token, _ challenges: [Challenge]) -> Bool {
    if isInsufficient || challenges.contains(where: { $0.error == "insufficient_scope" }) { return true }
    guard let grants = token.grants, !challenges.contains(where: { $0.error == "invalid_token" }) else {
      return false
    }
    return !scopes.allSatisfy { scope in grants.contains { $0.covers(scope) } }
  }

  /// Remembers the source of a token that the registry took.
  private func confirm(_ response: HTTPResponse) {
    guard hasFetched, response.status < 500, case .bearer(let token) = sent else { return }
    slot.state.withLock { state in
      if state.working == nil { state.working = token.source }
    }
  }

  private mutating func authorization(
    for challenges: [Challenge], _ lines: [String], working: TokenSource?
  ) throws(RegistryError) -> Authorization? {
    var failure: RegistryError?
    var sources = [working].compactMap { $0 }
    for challenge in challenges where challenge.isUsableBearer {
      do {
        sources.append(
          try TokenSource(
            challenge, wanting: scopes, origin: origin, rules: authenticator.configuration.realmRules))
      } catch {
        failure = failure ?? error
      }
    }
    for source in sources where tried.insert(source).inserted {
      do {
        if let token = try token(from: source) { return .bearer(token) }
      } catch RegistryError.transport(.cancelled) {
        throw .transport(.cancelled)
      } catch {
        failure = failure ?? error
      }
    }
    if let basic = basicAuthorization(for: challenges) { return basic }
    if let failure { throw failure }
    // A 401 that asks for nothing says in its body what it means, or nowhere.
    let header = lines.joined(separator: ", ").printedAsProse()
    if sources.isEmpty, !challenges.contains(where: \.isBasic), !hasTriedBasic, !header.isEmpty {
      throw .noUsableChallenge(host: origin.authority, header: header)
    }
    return nil
  }

  /// A token; nil when the server refuses.
  private mutating func token(from source: TokenSource) throws(RegistryError) -> Token? {
    switch try authenticator.fetch(source, persistently: true) {
    case .granted(let token):
      hasFetched = true
      return token
    case .refused(let messages, let status):
      if status != 401, let other = source.withoutCatalog, tried.insert(other).inserted,
        let token = try token(from: other)
      {
        return token
      }
      refusals += messages
      return nil
    }
  }

  /// The credential itself, when the registry asks for it, or when it is one that chooses by it what is asked next
  /// (``RegistryQuirks/choosesByCredential``) and its realm turned it down.
  private mutating func basicAuthorization(for challenges: [Challenge]) -> Authorization? {
    let quirks = authenticator.configuration.realmRules.quirks
    let isUnasked = quirks.choosesByCredential && quirks.apply(to: origin) && !tried.isEmpty
    guard !hasTriedBasic, let header = credential?.basicAuthorization,
      challenges.contains(where: \.isBasic) || isUnasked
    else { return nil }
    if case .basic = sent { return nil }
    hasTriedBasic = true
    return .basic(header: header)
  }
}
