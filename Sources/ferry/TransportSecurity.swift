import Credentials
import Transport

/// What decides how hosts are reached and proved: the environment's variables, the files kept for single hosts, and the
/// client certificate that was given. Transport gets them as values.
struct TransportSecurity {
  private let environment: Environment
  private let certificate: ClientCertificate?
  /// The authorities of the registries' URLs, to which the certificate may be shown.
  private let authorities: Set<String>
  private let warn: @Sendable (CredentialWarning) -> Void

  /// `registries` are hosts as they stand in references.
  init(
    _ environment: Environment, certificate: ClientCertificate?, registries: Set<String>,
    warn: @escaping @Sendable (CredentialWarning) -> Void
  ) {
    self.environment = environment
    self.certificate = certificate
    self.warn = warn
    authorities = Set(registries.compactMap { try? HTTPURL("https://\($0)/").authority })
  }

  func applied(to options: TransportOptions) -> TransportOptions {
    var options = options
    options.trust = TrustStore(
      file: environment.trustFile.map(Self.configured),
      directory: environment.trustDirectories.map(Self.configured),
      additional: environment.trustDirectories.map { CertificateFile.unhashed(in: $0.value) } ?? [])
    options.proxies = ProxyRules(
      plain: environment.proxy(isPlain: true).map(Self.configured),
      secure: environment.proxy(isPlain: false).map(Self.configured),
      exceptions: environment.proxyExceptions.map(Self.configured))
    let kept = HostCertificates(directories: environment.hostCertificateDirectories)
    options.security = { [certificate, authorities, warn] host, port throws(TransportError) in
      let found = kept.find(host: host, port: port)
      for path in found.unusable { warn(.hostFileUnusable(path: path)) }
      let authority = port == 443 ? host : "\(host):\(port)"
      // What was given for this run is given in place of what is kept.
      if let certificate, authorities.contains(authority) {
        return HostSecurity(authorities: found.authorities, certificates: [certificate])
      }
      if let half = found.halves.first {
        throw .clientCertificate(path: half.path, .withoutOther(path: half.missing))
      }
      return HostSecurity(
        authorities: found.authorities,
        certificates: found.pairs.map { ClientCertificate(certificate: $0.certificate, key: $0.key) })
    }
    return options
  }

  private static func configured(_ named: Environment.Named) -> Configured {
    Configured(named.value, by: named.variable.description)
  }
}
