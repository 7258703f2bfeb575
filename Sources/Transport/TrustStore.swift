/// A value that was configured, and where.
public struct Configured: Hashable, Sendable {
  public let value: String
  /// What people call the place, such as a variable's name.
  public let origin: String

  public init(_ value: String, by origin: String) {
    self.value = value
    self.origin = origin
  }
}

/// The certificate authorities that are trusted at every host.
public struct TrustStore: Hashable, Sendable {
  /// A PEM file in place of libcurl's own; nil for that.
  public var file: Configured?
  /// A directory, or several with colons between them, in which each certificate is a file that is named by a hash
  /// (OpenSSL's `c_rehash`), in place of libcurl's own; nil for that.
  public var directory: Configured?
  /// PEM files that are trusted besides.
  public var additional: [String] = []

  public init(file: Configured? = nil, directory: Configured? = nil, additional: [String] = []) {
    self.file = file
    self.directory = directory
    self.additional = additional
  }
}

/// What tells a server who asks: a certificate with what leads to its authority, and the private key. Both are paths of PEM
/// files, which may be one.
public struct ClientCertificate: Hashable, Sendable {
  public let certificate: String
  public let key: String

  public init(certificate: String, key: String) {
    self.certificate = certificate
    self.key = key
  }
}

/// What is particular to TLS with one host.
public struct HostSecurity: Hashable, Sendable {
  /// PEM files of authorities that are trusted there besides.
  public var authorities: [String]
  /// To be shown there if the server asks, and nowhere else: the first that it takes.
  public var certificates: [ClientCertificate]

  public init(authorities: [String] = [], certificates: [ClientCertificate] = []) {
    self.authorities = authorities
    self.certificates = certificates
  }
}
