import Synchronization
import Transport

/// What a registry's root, `/v2/`, asks of who comes. With a credential in hand it is asked before anything else,
/// once for all threads: many registries answer a stranger's question with a shorter catalog, or with 404 or 403,
/// and never with the 401 that would tell a client to say who it is.
final class RootChallenge: Sendable {
  enum Answer: Sendable {
    /// Challenges, beside a 401 or beside any other status: zot lets strangers in and asks all the same.
    case challenges([Challenge], header: [String])
    /// It lets everybody in and asks for nothing.
    case nothing
    /// It speaks for another host, or does not speak HTTP as it is spoken to: nobody asks who comes, and the
    /// credential cannot be shown.
    case unknown(RegistryError)
  }

  private let root: HTTPURL
  private let http: HTTPClient
  /// Sees the root's answer.
  private let heed: @Sendable (HTTPResponse) -> Void
  /// nil until the root has answered. The lock is held while it is asked.
  private let answer = Mutex<Answer?>(nil)
  /// Apart from the answer: whoever asks for it must not wait for the root.
  private let secured = Mutex<HTTPURL?>(nil)

  init(_ root: HTTPURL, http: HTTPClient, heed: @escaping @Sendable (HTTPResponse) -> Void) {
    self.root = root
    self.http = http
    self.heed = heed
  }

  /// What the root asks for. Throws ``RegistryError/transport(_:)`` and
  /// ``RegistryError/overwhelmed(url:status:messages:)`` when it cannot be had after all retries; the next
  /// question then tries again.
  func get() throws(RegistryError) -> Answer {
    try answer.withLock { answer throws(RegistryError) in
      if let answer { return answer }
      let fresh = try ask()
      answer = fresh
      return fresh
    }
  }

  /// Where the root was found by TLS though it was asked for without; nil where it was not.
  var securedRoot: HTTPURL? { secured.withLock { $0 } }

  private func ask() throws(RegistryError) -> Answer {
    let response: HTTPResponse
    do { response = try http.sendRetrying(HTTPRequest(.get, root)) } catch { throw .transport(error) }
    heed(response)
    if response.isRetryable {
      throw .overwhelmed(
        url: response.url.description, status: response.status,
        messages: RegistryMessage.list(in: response.body))
    }
    guard response.url.belongs(to: root) else {
      return .unknown(.malformedResponse(url: root.description, .redirectedRoot))
    }
    if !response.url.hasSameOrigin(as: root) { secured.withLock { $0 = response.url } }
    let lines = response.headers.values(of: "WWW-Authenticate")
    let challenges = Challenge.parse(lines).map(Self.withoutRepository)
    if response.status == 401 || challenges.contains(where: { $0.isBasic || $0.isUsableBearer }) {
      return .challenges(challenges, header: lines)
    }
    // A port that wants TLS says so with 400.
    guard root.isPlain, response.status == 400 else { return .nothing }
    return .unknown(.refused(url: root.description, status: 400, messages: []))
  }

  /// The root is no repository: a scope that names one (`repository:user/image:pull` at ghcr.io) is an example,
  /// and a token server may refuse all for it.
  private static func withoutRepository(_ challenge: Challenge) -> Challenge {
    guard let scope = challenge.scope else { return challenge }
    var parameters = challenge.parameters
    let kept = scope.split { $0 == " " || $0 == "\t" }.filter {
      Scope($0)?.type.hasPrefix("repository") != true
    }
    parameters["scope"] = kept.joined(separator: " ")
    return Challenge(scheme: challenge.scheme, parameters: parameters)
  }
}
