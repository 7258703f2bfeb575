import Foundation

/// A token server as the distribution token specification has it, run within the tests: it answers
/// `GET /token` with a JSON Web Token that a ``RegistryProcess`` of ``RegistryProcess/Access/tokens(_:)`` trusts.
public final class TokenServer: Sendable {
  /// A request for a token.
  public struct Request: Hashable, Sendable {
    /// The user whose password was right; nil for an anonymous request.
    public let user: String?
    public let service: String?
    /// `repository:name:pull,push`, as asked for.
    public let scopes: [String]
    /// 200, or 401 when credentials were wrong.
    public let status: Int
  }

  /// Whether `user` (nil: nobody) may do `action` (`pull`, `push`, `delete`, `*`) in `repository`.
  public typealias Grant = @Sendable (_ user: String?, _ repository: String, _ action: String) -> Bool

  public let service = "ferry-tests"
  public let issuer = "ferry-tests-issuer"
  private let directory: TemporaryDirectory
  private let users: [String: String]
  private let server: ScriptedServer

  /// Starts the server.
  ///
  /// - Parameters:
  ///   - users: names and passwords. Wrong ones are refused with 401; none at all is anonymous.
  ///   - lifetime: of a token, in seconds. The registry accepts it a minute longer.
  ///   - field: the field of the answer that holds the token, `token` or `access_token`.
  ///   - grants: by default users may do everything and nobody may do nothing.
  public init(
    users: [String: String], lifetime: Int = 300, field: String = "token",
    grants: @escaping Grant = { user, _, _ in user != nil }
  ) throws {
    let directory = TemporaryDirectory()
    let keyFile = directory.file("key.pem")
    try CertificateAuthority.openssl(
      "-keyout", keyFile, "-out", directory.file("certificate.pem"), "-subj", "/CN=tokens")
    let key = try TokenKey(pem: keyFile)
    let chain = try String(contentsOfFile: directory.file("certificate.pem"), encoding: .utf8)
      .split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
    let signer = TokenSigner(key: key, chain: chain, issuer: issuer, service: service, lifetime: lifetime)
    self.directory = directory
    self.users = users
    server = ScriptedServer { request in
      let request = Request(request, users: users)
      guard request.status == 200 else {
        return .init(401, json: #"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#)
      }
      guard let token = try? signer.token(for: request, grants: grants) else { return .init(500, text: "") }
      return .init(json: #"{"\#(field)":"\#(token)","expires_in":\#(lifetime)}"#)
    }
  }

  /// The address that the registry's challenge names.
  public var realm: String { server.url("/token") }

  /// Every request for a token so far.
  public var requests: [Request] { server.requests.map { Request($0, users: users) } }

  /// The certificate that the registry trusts tokens by.
  var certificate: String { directory.file("certificate.pem") }
}

extension TokenServer.Request {
  fileprivate init(_ request: ScriptedRequest, users: [String: String]) {
    // A plus sign is a space in a query, and no scope or service has a plus sign of its own.
    let target = request.target.replacingOccurrences(of: "+", with: "%20")
    let query = URLComponents(string: target)?.queryItems ?? []
    let basic = request.header("Authorization")
      .flatMap { $0.lowercased().hasPrefix("basic ") ? Data(base64Encoded: String($0.dropFirst(6))) : nil }
      .map { String(decoding: $0, as: UTF8.self) }
    let name = basic.map { String($0.prefix { $0 != ":" }) }
    let password = basic.map { String($0.drop { $0 != ":" }.dropFirst()) }
    let isRight = name.map { users[$0] != nil && users[$0] == password } ?? true
    user = isRight ? name : nil
    service = query.first { $0.name == "service" }?.value
    scopes = query.filter { $0.name == "scope" }
      .flatMap { ($0.value ?? "").split(separator: " ").map(String.init) }
    status = isRight ? 200 : 401
  }
}
