import Digests
import Images
public import Transport

/// Speaks the distribution API (distribution-spec `spec.md`) to one registry. All calls block the thread
/// they are made on; a client may be used on many at once.
public final class RegistryClient: Sendable {
  /// As it stands in references, with its port where one was given.
  public let host: String
  public let configuration: RegistryConfiguration
  let http: HTTPClient
  let uploadHabits: UploadHabits
  let referrersAPI = ReferrersAPI()
  private let endpoint: Result<Endpoint, RegistryError>

  private struct Endpoint {
    /// `https://host/v2/`
    let root: HTTPURL
    let authenticator: Authenticator
  }

  /// A client for `host`. Docker Hub's name `docker.io` is spoken to where its registry is. A host that
  /// makes no URL is reported by the first call, as ``RegistryError/invalidHost(_:)``.
  public init(host: String, configuration: RegistryConfiguration, http: HTTPClient) {
    self.host = host
    self.configuration = configuration
    self.http = http
    uploadHabits = UploadHabits(configuration.uploads)
    let address = host == "docker.io" ? "registry-1.docker.io" : host
    let root = try? HTTPURL("\(configuration.plainHTTP ? "http" : "https")://\(address)/v2/")
    if let root, !root.hasUserInfo, root.path == "/v2/", root.query == nil {
      let authenticator = Authenticator(origin: root, configuration: configuration, http: http)
      endpoint = .success(Endpoint(root: root, authenticator: authenticator))
    } else {
      endpoint = .failure(.invalidHost(host.cut(to: 260)))
    }
  }

  /// The same client for a question that is not worth being repeated. Throws ``RegistryError/transport(_:)``.
  public func withoutRetries() throws(RegistryError) -> RegistryClient {
    var options = http.options
    options.retries = 0
    do {
      return RegistryClient(host: host, configuration: configuration, http: try HTTPClient(options))
    } catch {
      throw .transport(error)
    }
  }

  /// Asks whether the host speaks the distribution API and takes the credential.
  public func ping() throws(RegistryError) {
    let response = try exchange(HTTPRequest(.get, try root), for: .ping)
    guard response.isSuccess else { throw failure(response, for: .ping) }
  }

  /// `https://host/v2/`
  var root: HTTPURL {
    get throws(RegistryError) { try endpoint.get().root }
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
  func authentication(for errand: Errand) throws(RegistryError) -> RequestAuthentication {
    RequestAuthentication(try endpoint.get().authenticator, host: host, for: errand)
  }

  /// What must not be shown though the registry should repeat it.
  var secrets: [String] { (try? endpoint.get().authenticator.secrets) ?? [] }

  /// One request with its answer, authenticated and retried. Any status but a 401 that cannot be answered
  /// is returned.
  func exchange(
    _ request: HTTPRequest, body: [UInt8] = [], for errand: Errand
  ) throws(RegistryError) -> HTTPResponse {
    var authentication = try authentication(for: errand)
    while true {
      let authorized = try authentication.authorize(request)
      let response: HTTPResponse
      do { response = try http.sendRetrying(authorized, body: body) } catch { throw .transport(error) }
      if try authentication.answer(response) { continue }
      guard response.status != 401 else {
        throw failure(response, for: errand, after: authentication)
      }
      return response
    }
  }
}
