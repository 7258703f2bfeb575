import Digests
import Images
import Transport

/// The way to one registry, which all parts of its client share: its addresses, exchanges past its challenges, and what
/// an answer means that is no success.
final class RegistryConnection: Sendable {
  let host: String
  let configuration: RegistryConfiguration
  let http: HTTPClient
  /// What is left of the patience with what it does not show yet.
  let patience: SettlingPatience
  /// What it has said of repositories that it does not know.
  let unknown = UnknownRepositories()
  private let endpoint: Result<Endpoint, RegistryError>

  private struct Endpoint {
    /// `https://host/v2/`
    let root: HTTPURL
    let authenticator: Authenticator
    let addresses: OwnAddresses
  }

  /// The way to `host`. Docker Hub's name `docker.io` is spoken to where its registry is. A host that makes no URL is
  /// reported by the first call, as ``RegistryError/invalidHost(_:)``.
  init(host: String, configuration: RegistryConfiguration, http: HTTPClient) {
    self.host = host
    self.configuration = configuration
    self.http = http
    patience = SettlingPatience(configuration.settling)
    let address = host == "docker.io" ? "registry-1.docker.io" : host
    let root = try? HTTPURL("\(configuration.plainHTTP ? "http" : "https")://\(address)/v2/")
    if let root, !root.hasUserInfo, root.path == "/v2/", root.query == nil {
      let authenticator = Authenticator(origin: root, configuration: configuration, http: http)
      endpoint = .success(
        Endpoint(root: root, authenticator: authenticator, addresses: OwnAddresses(root)))
    } else {
      endpoint = .failure(.invalidHost(host.cut(to: 260)))
    }
  }

  /// `https://host/v2/`
  var root: HTTPURL {
    get throws(RegistryError) { try endpoint.get().root }
  }

  /// What addresses in the registry's answers mean.
  var addresses: OwnAddresses {
    get throws(RegistryError) { try endpoint.get().addresses }
  }

  /// Whether `url` is the registry's own: what is for it may go there, and what comes from there is its word.
  func isOwn(_ url: HTTPURL) -> Bool { (try? root).map { url.belongs(to: $0) } ?? false }

  /// Whether an answer sends who asks to another host.
  func leadsAway(_ response: HTTPResponse) -> Bool {
    response.redirect.flatMap { try? response.url.resolving($0) }.map { !isOwn($0) } ?? false
  }

  /// The URL of `path` in `repository`, both in the characters of names, tags and digests; `isDirectory` adds
  /// the slash that uploads want.
  func url(
    _ repository: String, _ path: String, isDirectory: Bool = false
  ) throws(RegistryError) -> HTTPURL {
    let root = try root
    let name = "\(repository)/\(path)"
    guard Self.isPath(name), let url = try? HTTPURL("\(root.full)\(name)\(isDirectory ? "/" : "")") else {
      throw .invalidName(name.cut())
    }
    return url
  }

  /// Whether `text` means the same as a path as it does as a name.
  static func isPath(_ text: some StringProtocol) -> Bool {
    text.split(separator: "/", omittingEmptySubsequences: false)
      .allSatisfy { part in
        !part.isEmpty && part != "." && part != ".."
          && part.utf8.allSatisfy { byte in
            byte < 128 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber)
              || "._-:+=@".utf8.contains(byte)
          }
      }
  }

  /// The way past challenges for one request.
  func authentication(for purpose: Purpose) throws(RegistryError) -> RequestAuthentication {
    RequestAuthentication(try endpoint.get().authenticator, host: host, for: purpose)
  }

  /// One request with its answer, authenticated and retried. Any status but a 401 that cannot be answered
  /// is returned; where not `persistently`, the first. With `outlastsStalls` false a registry that keeps silent is not
  /// asked again.
  func exchange(
    _ request: HTTPRequest, body: [UInt8] = [], for purpose: Purpose, persistently: Bool = true,
    outlastsStalls: Bool = true
  ) throws(RegistryError) -> HTTPResponse {
    var authentication = try authentication(for: purpose)
    while true {
      let authorized = try authentication.authorize(request)
      let response: HTTPResponse
      do {
        response =
          try persistently
          ? http.sendRetrying(authorized, body: body, outlastsStalls: outlastsStalls)
          : http.send(authorized, body: body)
      } catch {
        throw .transport(error)
      }
      if let missing = missingProject(response, for: purpose) { throw missing }
      if try authentication.answer(response) { continue }
      guard response.status != 401 else {
        throw failure(response, for: purpose, after: authentication)
      }
      return response
    }
  }

  /// Asks for a page of a list at `place`, and where else it may be while what comes is no page: a registry that does not
  /// know itself by the name it is asked by may have given an address that means nothing here. Also gives where the
  /// answer came from, as far as it is the registry's own.
  func exchange(
    at place: OwnAddresses.Place, for purpose: Purpose, outlastsStalls: Bool = true,
    _ request: (HTTPURL) -> HTTPRequest, isPage: (HTTPResponse) -> Bool
  ) throws(RegistryError) -> (HTTPResponse, from: HTTPURL) {
    func ask(_ address: HTTPURL) throws(RegistryError) -> (HTTPResponse, from: HTTPURL) {
      let response = try exchange(request(address), for: purpose, outlastsStalls: outlastsStalls)
      return (response, isOwn(response.url) ? response.url : address)
    }
    guard let otherwise = place.otherwise else { return try ask(place.first) }
    do throws(RegistryError) {
      let answer = try ask(place.first)
      if answer.0.status == 200, isPage(answer.0) { return answer }
    } catch {
      // What has another way in is no list of this question's.
      switch error {
      case .unauthorized, .denied, .noUsableChallenge, .untrustedRealm: break
      default: throw error
      }
    }
    let answer = try ask(otherwise)
    if answer.0.status == 200, isPage(answer.0) { try addresses.learn(secondOf: place) }
    return answer
  }

  /// Waits before another attempt, after one that failed by `fault`; false when it was the last. Throws
  /// ``RegistryError/transport(_:)`` when the registry asks for too long a wait, or the task is cancelled meanwhile.
  func again(
    _ retrying: inout Retrying, after fault: ExchangeFault, progressed: Bool = false
  ) throws(RegistryError) -> Bool {
    do { return try retrying.again(after: fault, progressed: progressed) } catch { throw .transport(error) }
  }

  /// Waits before another question. Throws ``RegistryError/transport(_:)`` when the task is cancelled meanwhile.
  func wait(_ duration: Duration) throws(RegistryError) {
    do { try http.wait(duration) } catch { throw .transport(error) }
  }

  /// What a registry's answer says against what was asked, without the secrets that it may repeat.
  func messages(in response: HTTPResponse) -> [RegistryMessage] {
    // What is compressed is nobody's words.
    let isText = response.encoding == nil || response.body.first.map { $0 < 0x80 && $0 != 0x1F } == true
    guard isText else { return [] }
    let secrets = (try? endpoint.get().authenticator.secrets) ?? []
    return RegistryMessage.list(in: response.body.hiding(secrets))
  }

  /// What an answer that is no success means for `purpose`, after `authentication` has done what it could.
  func failure(
    _ response: HTTPResponse, for purpose: Purpose, after authentication: RequestAuthentication? = nil
  ) -> RegistryError {
    let url = response.url.description
    let messages = messages(in: response)
    // It may well stay full or read-only for as long as it is asked.
    if let refusal = writeRefusal(response, for: purpose, messages) { return refusal }
    if response.isRetryable {
      return .overwhelmed(url: url, status: response.status, messages: messages)
    }
    // A storage host behind a redirect knows no codes and no credentials of ours.
    guard isOwn(response.url) else {
      if [404, 410].contains(response.status), case .blob(let digest) = purpose.item,
        purpose.action == .pull, let repository = purpose.repository
      {
        return .blobNotFound(host: host, repository: repository, digest: digest)
      }
      return .refused(url: url, status: response.status, messages: messages)
    }
    // Harbor says so of what a repository lies in, to who reads it with a token that it gave for that.
    if response.status == 401, purpose.repository != nil, messages.contains(where: \.saysProjectIsMissing) {
      return notFound(purpose, url: url, messages)
    }
    if response.status == 401, authentication?.isInsufficient == true {
      // That authentication is required, as such an answer has it, is not what is wrong.
      return .denied(
        host: host, repository: purpose.repository, action: purpose.action,
        messages: messages.filter { $0.code != "UNAUTHORIZED" })
    }
    if purpose.action == .push, let location = response.redirect,
      let target = try? response.url.resolving(location), !isOwn(target)
    {
      return .movedElsewhere(url: url, target: target.authority)
    }
    let refusals = authentication?.refusals ?? []
    // A token server that knows the credential may be the one that says what it may not do.
    let isDenied =
      response.status == 403 || (messages + refusals).contains { $0.code == "DENIED" }
    switch response.status {
    case _ where isDenied:
      return .denied(
        host: host, repository: purpose.repository, action: purpose.action, messages: messages + refusals)
    case 401: return unauthorized(purpose, messages + refusals)
    case 404: return notFound(purpose, url: url, messages)
    case 400 where configuration.plainHTTP && messages.contains(where: Self.speaksOfTLS):
      return .tlsExpected(host: host)
    default: return .refused(url: url, status: response.status, messages: messages)
    }
  }

  /// The error for an answer that says why something is not taken; nil for any other.
  private func writeRefusal(
    _ response: HTTPResponse, for purpose: Purpose, _ messages: [RegistryMessage]
  ) -> RegistryError? {
    guard purpose.action == .push, let repository = purpose.repository,
      let reason = RefusedWrite(status: response.status, messages, to: purpose.item)
    else { return nil }
    let identifier = if case .manifest(let name) = purpose.item { name } else { "" }
    return switch reason {
    case .quota: .quotaExceeded(host: host, repository: repository, messages: messages)
    case .manifestTooLarge:
      .manifestTooLarge(host: host, repository: repository, identifier: identifier, messages: messages)
    case .immutable:
      .immutable(host: host, repository: repository, identifier: identifier, messages: messages)
    case .byStatus:
      .writeRefused(url: response.url.description, status: response.status, messages: messages)
    }
  }

  /// The error for who is not let in.
  func unauthorized(_ purpose: Purpose, _ messages: [RegistryMessage]) -> RegistryError {
    .unauthorized(
      host: host, repository: purpose.repository, hadCredential: configuration.credentialInHand,
      messages: messages)
  }

  /// The error for a blob that is not what its digest says.
  func wrongContent(_ error: DigestError, _ digest: Digest, _ repository: String) -> RegistryError {
    .wrongContent(host: host, repository: repository, what: digest.description, error)
  }

  /// The error for an answer that breaks the protocol.
  func malformed(_ response: HTTPResponse, _ breach: RegistryError.Breach) -> RegistryError {
    .malformed(response, breach)
  }

  /// The error for a blob or manifest that came in an encoding that was not asked for, and is not what it should be.
  func encoded(_ encoding: String, _ what: String, _ repository: String) -> RegistryError {
    .encodedContent(host: host, repository: repository, what: what, encoding: encoding)
  }

  /// The error for who is about to push and is turned away because what the repository would lie in is not there: Harbor
  /// says so by 401, with a challenge that nobody can answer.
  private func missingProject(_ response: HTTPResponse, for purpose: Purpose) -> RegistryError? {
    guard response.status == 401, let repository = purpose.repository,
      purpose.scopes.contains(.push(repository)), isOwn(response.url)
    else { return nil }
    let messages = messages(in: response)
    guard messages.contains(where: \.saysProjectIsMissing) else { return nil }
    unknown.note(repository, messages)
    return .repositoryNotFound(host: host, repository: repository, messages: messages)
  }

  private func notFound(_ purpose: Purpose, url: String, _ messages: [RegistryMessage]) -> RegistryError {
    guard let repository = purpose.repository else {
      return .refused(url: url, status: 404, messages: messages)
    }
    switch purpose.item {
    case _ where messages.contains { $0.code == "NAME_UNKNOWN" || $0.saysProjectIsMissing },
      .none where purpose.action != .push:
      unknown.note(repository, messages)
      return .repositoryNotFound(host: host, repository: repository, messages: messages)
    case .manifest(let identifier) where purpose.action == .pull:
      return .manifestNotFound(
        host: host, repository: repository, identifier: identifier, messages: messages)
    case .blob(let digest) where purpose.action == .pull:
      return .blobNotFound(host: host, repository: repository, digest: digest)
    default: return .refused(url: url, status: 404, messages: messages)
    }
  }

  /// What Go's server and nginx say to plain HTTP on their TLS port.
  private static func speaksOfTLS(_ message: RegistryMessage) -> Bool {
    let text = message.message.lowercased()
    return text.contains("http request to an https server")
      || text.contains("plain http request was sent to https port")
  }
}

extension RegistryError {
  /// The error for an answer that breaks the protocol. A body that somebody has encoded on its way cannot be read, and
  /// that says more.
  static func malformed(_ response: HTTPResponse, _ breach: Breach) -> RegistryError {
    let url = response.url.description
    switch breach {
    case .list, .token, .content:
      return .malformedResponse(url: url, response.encoding.map { .encoding($0) } ?? breach)
    default: return .malformedResponse(url: url, breach)
    }
  }
}

extension HTTPResponse {
  /// What its body was encoded with though every request asks for it as it is (`Accept-Encoding: identity`), fit to be
  /// printed; nil where it says nothing of that. It need not be true: some stores call a compressed layer so that has
  /// its right bytes.
  var encoding: String? {
    let names = headers.values(of: "Content-Encoding").joined(separator: ", ").printedAsProse(limit: 60)
    return names.isEmpty || names.lowercased() == "identity" ? nil : names
  }
}

extension ExchangeFault {
  /// How an attempt failed at `url`, by the error for it.
  init(_ error: RegistryError, at url: HTTPURL, retryAfter: Duration? = nil) {
    let cause: Cause =
      switch error {
      case .transport(let error): .line(error)
      case .overwhelmed(_, let status, _): .status(status)
      default: .content
      }
    self.init(cause, at: url, retryAfter: retryAfter)
  }
}
