import Foundation

/// A private certificate authority, made with openssl.
public final class CertificateAuthority: Sendable {
  /// The authority that ``RegistryProcess`` and ``NginxProcess`` use unless told otherwise.
  public static func shared() throws -> CertificateAuthority { try made.get() }
  private static let made = Result { try CertificateAuthority(in: RunDirectory.make("authority")) }

  private let path: String
  private let directory: TemporaryDirectory?

  public convenience init() throws {
    let directory = TemporaryDirectory()
    try self.init(in: directory.path, owned: directory)
  }

  private init(in path: String, owned directory: TemporaryDirectory? = nil) throws {
    self.path = path
    self.directory = directory
    try Self.openssl(
      "-keyout", "\(path)/ca.key", "-out", file, "-subj", "/CN=Ferry tests",
      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign")
    try issue(names: "IP:127.0.0.1,DNS:localhost", as: "server")
  }

  /// The authority's certificate: what `--ca-file` is given.
  public var file: String { "\(path)/ca.pem" }

  /// The certificate and key of a server on loopback.
  public var server: (certificate: String, key: String) {
    ("\(path)/server.pem", "\(path)/server.key")
  }

  /// A certificate and key for other names, as openssl's `subjectAltName` has them.
  @discardableResult
  public func issue(names: String, as name: String) throws -> (certificate: String, key: String) {
    let files = (certificate: "\(path)/\(name).pem", key: "\(path)/\(name).key")
    try Self.openssl(
      "-CA", file, "-CAkey", "\(path)/ca.key", "-keyout", files.key, "-out", files.certificate,
      "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)",
      "-addext", "basicConstraints=CA:FALSE")
    return files
  }

  /// Makes an EC key and a certificate for it.
  static func openssl(_ arguments: String...) throws {
    let result = try Command(
      "openssl",
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        + arguments
    ).run()
    guard result.status == 0 else { throw TestFailure("openssl: \(result.standardError)") }
  }
}
