import Foundation

/// Debian's `docker-registry` on a free port of loopback. It is gone when the last reference to it is.
public final class RegistryProcess: Sendable {
  /// Who may do what.
  public enum Access: Sendable {
    case open
    /// Basic authentication by an htpasswd file.
    case basic(username: String, password: String)
    /// Bearer tokens of a token server.
    case tokens(TokenServer)
  }

  public struct Options: Sendable {
    public var access: Access = .open
    /// TLS with a certificate of this authority.
    public var authority: CertificateAuthority?
    /// TLS is spoken only with clients whose certificate is of this authority.
    public var clientAuthority: CertificateAuthority?
    /// The registry starts with all ``FixtureImages``.
    public var holdsFixtures = false
    /// Pushes are refused with 405.
    public var isReadOnly = false
    public var allowsDeletion = false
    /// What its addresses begin with, as `http://registry.internal:5000`: nil for what it is asked by.
    public var externalURL: String?
    /// Its addresses have a path alone.
    public var givesRelativeURLs = false
    /// What stands before `/v2/` in its paths, such as `/inner/`.
    public var prefix: String?
    /// The most repositories that a page of its catalog may have; more is refused with 400. Nil: its default, 1000.
    public var catalogEntries: Int?
    /// Docker's schema 1 is taken, and made of what is of schema 2 for those who ask for nothing else.
    public var takesSchema1 = false

    public init() {}
  }

  /// `127.0.0.1:port`.
  public let host: String
  public let options: Options
  /// What the registry holds.
  public let storage: RegistryStorage
  private let process: ChildProcess
  private let directory: TemporaryDirectory?

  public convenience init(
    _ access: Access = .open, tls authority: CertificateAuthority? = nil, fixtures: Bool = false,
    readOnly: Bool = false, deletion: Bool = false
  ) throws {
    var options = Options()
    options.access = access
    options.authority = authority
    options.holdsFixtures = fixtures
    options.isReadOnly = readOnly
    options.allowsDeletion = deletion
    try self.init(options)
  }

  public convenience init(_ options: Options) throws {
    let directory = TemporaryDirectory()
    try self.init(root: directory.path, options: options, directory: directory)
  }

  /// Starts a registry that keeps everything below `root`.
  init(root: String, options: Options, directory: TemporaryDirectory? = nil) throws {
    self.options = options
    self.directory = directory
    storage = RegistryStorage(root: root)
    if options.holdsFixtures { try FixtureImages.shared().storage.copy(to: root) }
    let file = "\(root)/config.yml"
    try Self.configuration(options, root: root).write(toFile: file, atomically: true, encoding: .utf8)
    let process = try Command("docker-registry", ["serve", file]).start()
    var port: Substring?
    _ = process.waitForError { log in
      port = log.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/)?.1
      return port != nil
    }
    guard let port else { throw TestFailure("docker-registry did not start: \(process.standardError)") }
    host = "127.0.0.1:\(port)"
    self.process = process
  }

  private static func configuration(_ options: Options, root: String) throws -> String {
    // JSON is YAML, and needs no care with quotes.
    // At its end it first finishes what it is at, so that its log is whole.
    var http: [String: Any] = ["addr": "127.0.0.1:0", "secret": "ferry", "draintimeout": "50s"]
    if let authority = options.authority {
      var tls: [String: Any] = ["certificate": authority.server.certificate, "key": authority.server.key]
      if let clients = options.clientAuthority { tls["clientcas"] = [clients.file] }
      http["tls"] = tls
    }
    if let url = options.externalURL { http["host"] = url }
    if options.givesRelativeURLs { http["relativeurls"] = true }
    if let prefix = options.prefix { http["prefix"] = prefix }
    var configuration: [String: Any] = [
      "version": "0.1",
      "log": ["level": "info"],
      "storage": [
        "filesystem": ["rootdirectory": root],
        "delete": ["enabled": options.allowsDeletion],
        "maintenance": ["readonly": ["enabled": options.isReadOnly], "uploadpurging": ["enabled": false]],
      ],
      "http": http,
      "validation": ["manifests": ["urls": ["allow": ["^https://"]]]],
    ]
    if let most = options.catalogEntries { configuration["catalog"] = ["maxentries": most] }
    if options.takesSchema1 { configuration["compatibility"] = ["schema1": ["enabled": true]] }
    switch options.access {
    case .open: break
    case .basic(let username, let password):
      var command = Command("htpasswd", ["-niB", "-C", "4", username])
      command.input = Array(password.utf8)
      let users = "\(root)/htpasswd"
      try command.run().standardOutput.write(toFile: users, atomically: true, encoding: .utf8)
      configuration["auth"] = ["htpasswd": ["realm": "Ferry tests", "path": users]]
    case .tokens(let server):
      configuration["auth"] = [
        "token": [
          "realm": server.realm, "service": server.service, "issuer": server.issuer,
          "rootcertbundle": server.certificate,
        ]
      ]
    }
    return String(
      decoding: try JSONSerialization.data(
        withJSONObject: configuration, options: .withoutEscapingSlashes), as: UTF8.self)
  }

  /// Whether TLS is spoken.
  public var isSecure: Bool { options.authority != nil }

  /// `http://127.0.0.1:port`, or `https`.
  public var url: String { "\(isSecure ? "https" : "http")://\(host)" }

  /// `host/name`, where `name` is such as `team/app:1.0`.
  public func reference(_ name: String) -> String { "\(host)/\(name)" }

  /// Every request that was answered, in the order of the answers' ends. All of them are there once the
  /// registry was stopped: a request is logged after its answer was sent.
  public var requests: [LoggedRequest] {
    process.standardOutput.split(separator: "\n").compactMap { LoggedRequest($0) }
  }

  /// What the registry logged.
  public var log: String { process.standardError }

  /// Stops the registry; its storage stays readable.
  public func stop() { process.terminate() }

  /// Kills the registry as a power cut would; its storage stays readable.
  public func kill() { process.kill() }
}
