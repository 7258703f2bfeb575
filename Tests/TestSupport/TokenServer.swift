import Crypto
import Foundation
import Synchronization

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
  private let users: [String: String]
  private let lifetime: Int
  private let field: String
  private let grants: Grant
  private let listener: LoopbackListener
  private let key: P256.Signing.PrivateKey
  private let chain: String
  private let directory: TemporaryDirectory
  private let heard = Mutex<[Request]>([])

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
    self.users = users
    self.lifetime = lifetime
    self.field = field
    self.grants = grants
    directory = try TemporaryDirectory()
    let keyFile = "\(directory.path)/key.pem"
    let certificateFile = "\(directory.path)/certificate.pem"
    try CertificateAuthority.openssl("-keyout", keyFile, "-out", certificateFile, "-subj", "/CN=tokens")
    key = try P256.Signing.PrivateKey(pemRepresentation: String(contentsOfFile: keyFile, encoding: .utf8))
    chain = try String(contentsOfFile: certificateFile, encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("-----") }.joined()
    listener = try LoopbackListener()
    let descriptor = listener.descriptor
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        if connection < 0 && errno == EINTR { continue }
        guard connection >= 0 else { break }
        Thread.detachNewThread { [weak self] in
          self?.answer(connection)
          close(connection)
        }
      }
      close(descriptor)
    }
  }

  deinit { shutdown(listener.descriptor, Int32(SHUT_RDWR)) }

  /// The address that the registry's challenge names.
  public var realm: String { "http://\(listener.host)/token" }

  /// Every request for a token so far.
  public var requests: [Request] { heard.withLock { $0 } }

  /// The certificate that the registry trusts tokens by.
  var certificate: String { "\(directory.path)/certificate.pem" }

  private func answer(_ connection: Int32) {
    var head: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while !head.contains("\r\n\r\n".utf8) && head.count < 256 << 10 {
      let count = read(connection, &buffer, buffer.count)
      guard count > 0 else { return }
      head += buffer[..<count]
    }
    let request = parse(String(decoding: head, as: UTF8.self))
    heard.withLock { $0.append(request) }
    var body = #"{"errors":[{"code":"UNAUTHORIZED","message":"wrong user name or password"}]}"#
    if request.status == 200, let token = try? token(for: request) {
      body = #"{"\#(field)":"\#(token)","expires_in":\#(lifetime)}"#
    }
    let response = """
      HTTP/1.1 \(request.status) Answer\r\nContent-Type: application/json\r\n\
      Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)
      """
    _ = send(connection, response, response.utf8.count, Int32(MSG_NOSIGNAL))
  }

  private func parse(_ head: String) -> Request {
    let lines = head.components(separatedBy: "\r\n")
    let target = lines[0].split(separator: " ").dropFirst().first.map(String.init) ?? ""
    // A plus sign is a space in a query, and no scope or service has a plus sign of its own.
    let query = URLComponents(string: target.replacingOccurrences(of: "+", with: "%20"))?.queryItems ?? []
    let basic = lines.first { $0.lowercased().hasPrefix("authorization: basic ") }
      .flatMap { Data(base64Encoded: String($0.dropFirst("authorization: basic ".count))) }
      .map { String(decoding: $0, as: UTF8.self) }
    let user = basic.map { String($0.prefix { $0 != ":" }) }
    let password = basic.map { String($0.drop { $0 != ":" }.dropFirst()) }
    let isRight = user.map { users[$0] != nil && users[$0] == password } ?? true
    return Request(
      user: isRight ? user : nil, service: query.first { $0.name == "service" }?.value,
      scopes: query.filter { $0.name == "scope" }
        .flatMap { ($0.value ?? "").split(separator: " ").map(String.init) },
      status: isRight ? 200 : 401)
  }

  private func token(for request: Request) throws -> String {
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
    return try "\(signed).\(base64url(key.signature(for: Data(signed.utf8)).rawRepresentation))"
  }

  private func base64url(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }
}
