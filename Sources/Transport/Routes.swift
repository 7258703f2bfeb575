private import Glibc
internal import Synchronization

/// How a host is reached: by which proxy, whom it has to prove itself to, and who asks.
struct Route: Sendable {
  /// What a host's certificate has to lead to.
  enum Authorities: Sendable {
    /// libcurl's own file.
    case standard
    case file(String)
    /// The content of several files.
    case bytes([UInt8])

    var path: String? { if case .file(let path) = self { path } else { nil } }
  }

  /// As libcurl takes it; nil for none.
  var proxy: String?
  var authorities = Authorities.standard
  /// For directories of files named by hashes; nil for libcurl's own.
  var caDirectory: String?
  /// For a proxy that speaks TLS itself; nil for libcurl's own.
  var proxyCAFile: String?
  var certificate: ClientCertificate?

  /// The words of nginx, which takes any handshake and answers those whose certificate it does not take over HTTP.
  private static let refusals = ["No required SSL certificate was sent", "The SSL certificate error"]

  /// The error that an answer is by which somebody on the way says no; nil for any other answer.
  func refusal(in response: HTTPResponse) -> TransportError? {
    // By way of a tunnel it would have been met before.
    if response.status == 407, proxy != nil, response.url.isPlain {
      return .proxy(reason: "it answers with HTTP code 407")
    }
    guard response.status == 400, !response.url.isPlain else { return nil }
    let text = String(decoding: response.body.prefix(4096), as: UTF8.self)
    guard let reason = Self.refusals.first(where: { text.contains($0) }) else { return nil }
    return .clientCertificateWanted(
      host: response.url.authority, shown: certificate?.certificate, reason: reason, isCertain: true)
  }
}

/// The routes to all hosts, each found once, when it is first wanted: files are read then, and what is used is told.
final class Routes: Sendable {
  private struct Found {
    var route: Route
    /// The certificates that the host has not been asked to take.
    var left: ArraySlice<ClientCertificate>
    /// Whether it has answered a request.
    var hasAnswered = false
  }

  private let options: TransportOptions
  /// By scheme and authority. The lock is held while one is found.
  private let found = Mutex<[String: Found]>([:])

  init(_ options: TransportOptions) {
    self.options = options
  }

  /// Throws ``TransportError/unreadableCAFile(path:)``, ``TransportError/clientCertificate(path:_:)`` and what
  /// ``TransportOptions/security`` throws.
  func route(to url: HTTPURL) throws(TransportError) -> Route {
    let key = Self.key(url)
    return try found.withLock { found throws(TransportError) in
      if let known = found[key] { return known.route }
      let fresh = try find(url)
      found[key] = fresh
      return fresh.route
    }
  }

  private static func key(_ url: HTTPURL) -> String { "\(url.scheme)://\(url.authority)" }

  /// The host has answered a request: whom it talks to is settled.
  func noteAnswer(from url: HTTPURL) { found.withLock { $0[Self.key(url)]?.hasAnswered = true } }

  /// Whether TLS is spoken to the host, and it has not answered a request yet.
  func isUnanswered(_ url: HTTPURL) -> Bool {
    !url.isPlain && found.withLock { $0[Self.key(url)]?.hasAnswered == false }
  }

  /// Takes the host's next certificate in place of `certificate`, which it does not take; true also when another thread
  /// has done so. False when there is none left.
  func turn(from certificate: ClientCertificate?, for url: HTTPURL) -> Bool {
    let next = found.withLock { found -> ClientCertificate?? in
      guard var known = found[Self.key(url)], let certificate else { return nil }
      if known.route.certificate != certificate { return .some(nil) }
      guard let next = known.left.popFirst() else { return nil }
      known.route.certificate = next
      found[Self.key(url)] = known
      return next
    }
    guard let next else { return false }
    if let next { options.log?("TLS with \(url.authority): shows \(next.certificate) instead") }
    return true
  }

  private func find(_ url: HTTPURL) throws(TransportError) -> Found {
    var route = Route()
    let choice = options.proxies.choice(for: url)
    if case .proxy(let proxy) = choice { route.proxy = proxy.value }
    tell(choice, of: url)
    route.caDirectory = options.trust.directory?.value
    route.proxyCAFile = options.trust.file?.value ?? (SystemAuthorities.areOwn ? nil : SystemAuthorities.file)
    guard !url.isPlain else { return Found(route: route, left: []) }
    let security = try options.security(url.host, url.port)
    for certificate in security.certificates { try Self.check(certificate) }
    route.certificate = security.certificates.first
    if !options.insecureSkipVerify {
      let more = [options.caFile].compactMap(\.self) + options.trust.additional + security.authorities
      route.authorities = try authorities(with: more, for: url)
      tell(more, of: url)
    }
    if options.insecureSkipVerify { options.log?("TLS with \(url.authority): takes any certificate") }
    if let certificate = route.certificate {
      options.log?("TLS with \(url.authority): shows \(certificate.certificate) if it is asked to")
    }
    return Found(route: route, left: security.certificates.dropFirst())
  }

  /// The system's authorities, or those that the user put in their place, and `more`.
  private func authorities(with more: [String], for url: HTTPURL) throws(TransportError) -> Route.Authorities
  {
    guard !more.isEmpty else {
      if let file = options.trust.file { return .file(file.value) }
      if SystemAuthorities.areOwn { return .standard }
      if let file = SystemAuthorities.file { return .file(file) }
      if options.trust.directory != nil { return .standard }
      throw .noAuthorities(host: url.host)
    }
    // A file given to libcurl stands in its own one's place; its own directory has the same certificates, where it has one.
    let base =
      options.trust.file?.value
      ?? (SystemAuthorities.areOwn && SystemAuthorities.directory != nil ? nil : SystemAuthorities.file)
    let files = [base].compactMap(\.self) + more
    guard files.count > 1 else { return .file(files[0]) }
    var bytes: [UInt8] = []
    for file in files {
      guard let content = PEMFile(file), content.holds(PEMFile.certificates) else {
        throw .unreadableCAFile(path: file)
      }
      bytes += content.bytes + [10]
    }
    return .bytes(bytes)
  }

  private static func check(_ certificate: ClientCertificate) throws(TransportError) {
    guard let file = PEMFile(certificate.certificate) else {
      throw .clientCertificate(path: certificate.certificate, .unreadable)
    }
    guard file.holds(PEMFile.certificates) else {
      throw .clientCertificate(path: certificate.certificate, .noCertificate)
    }
    guard let key = PEMFile(certificate.key) else {
      throw .clientCertificate(path: certificate.key, .unreadable)
    }
    guard key.holds(PEMFile.keys) else { throw .clientCertificate(path: certificate.key, .noKey) }
    guard !key.isEncrypted else { throw .clientCertificate(path: certificate.key, .encryptedKey) }
  }

  private func tell(_ choice: ProxyRules.Choice, of url: HTTPURL) {
    switch choice {
    case .direct: break
    case .exempt(let rule, let origin): options.log?("\(url.authority): no proxy, for '\(rule)' in \(origin)")
    case .proxy(let proxy):
      options.log?("\(url.authority): by the proxy \(proxy.withoutLogin) (\(proxy.origin))")
    }
  }

  private func tell(_ more: [String], of url: HTTPURL) {
    guard let log = options.log else { return }
    let places = [
      (options.trust.file, SystemAuthorities.file), (options.trust.directory, SystemAuthorities.directory),
    ]
    let store = places.compactMap { configured, standard in
      configured.map { "\($0.value) (\($0.origin))" } ?? standard
    }
    log("TLS with \(url.authority): trusts \((store + more).joined(separator: ", "))")
  }
}

/// A file of texts in PEM form (RFC 7468), read whole.
private struct PEMFile {
  let bytes: [UInt8]
  private let text: String

  static let certificates = ["CERTIFICATE", "TRUSTED CERTIFICATE", "X509 CERTIFICATE"]
  static let keys = [
    "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY",
  ]

  /// Far beyond any bundle, in bytes.
  private static let longest = 8 << 20

  /// nil for anything else than a plain file that can be read.
  init?(_ path: String) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= Self.longest
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: status.st_size)
    var filled = 0
    while filled < bytes.count {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + filled }, buffer.count - filled)
      }
      guard count > 0 else { break }
      filled += count
    }
    self.bytes = Array(bytes.prefix(filled))
    text = String(decoding: self.bytes, as: UTF8.self)
  }

  func holds(_ labels: [String]) -> Bool {
    labels.contains { text.contains("-----BEGIN \($0)-----") }
  }

  /// Whether a key in it wants a passphrase, in PKCS #8's form or OpenSSL's older one.
  var isEncrypted: Bool {
    holds(["ENCRYPTED PRIVATE KEY"]) || text.contains("Proc-Type: 4,ENCRYPTED")
  }
}
