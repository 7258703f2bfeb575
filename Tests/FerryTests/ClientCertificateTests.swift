import Foundation
import Synchronization
import TestSupport
import Testing

/// A registry that talks to nobody without a certificate of its own authority. What it says to others is final.
@Suite(.waiting) struct `A registry that wants a client certificate` {
  private let ferry: FerryProcess
  private let authority: CertificateAuthority
  /// Whose certificates the registry takes.
  private let clients: CertificateAuthority
  /// `client.cert` and `client.key`, which it takes, `stranger.cert` and `stranger.key`, which it does not.
  private let directory = TemporaryDirectory()

  init() throws {
    ferry = try FerryProcess()
    authority = try .shared()
    clients = try CertificateAuthority()
    let strangers = try CertificateAuthority()
    for (name, authority) in [("client", clients), ("stranger", strangers)] {
      let pair = try authority.issue(names: "DNS:ferry", as: "client")
      try FileManager.default.copyItem(atPath: pair.certificate, toPath: directory.file("\(name).cert"))
      try FileManager.default.copyItem(atPath: pair.key, toPath: directory.file("\(name).key"))
    }
  }

  private var shown: [String] {
    ["--client-cert", directory.file("client.cert"), "--client-key", directory.file("client.key")]
  }
  private var wrong: [String] {
    ["--client-cert", directory.file("stranger.cert"), "--client-key", directory.file("stranger.key")]
  }

  /// Who stands before the registry, and how he says no.
  enum Front: String, CaseIterable, CustomTestStringConvertible {
    /// Go's TLS 1.3: an alert in place of the answer.
    case distribution
    /// nginx completes the handshake and answers 400.
    case nginxWithTLS12
    case nginxWithTLS13

    var testDescription: String { rawValue }
  }

  private final class Stage {
    let host: String
    let registry: RegistryProcess
    let nginx: NginxProcess?

    init(_ front: Front, clients: CertificateAuthority, fixtures: Bool) throws {
      var options = RegistryProcess.Options()
      options.holdsFixtures = fixtures
      if front == .distribution {
        options.authority = try .shared()
        options.clientAuthority = clients
      }
      registry = try RegistryProcess(options)
      guard front != .distribution else {
        nginx = nil
        host = registry.host
        return
      }
      let nginx = try NginxProcess(
        before: registry.host,
        directives: """
          ssl_protocols \(front == .nginxWithTLS12 ? "TLSv1.2" : "TLSv1.3");
          ssl_client_certificate \(clients.file); ssl_verify_client on;
          """)
      self.nginx = nginx
      host = nginx.host
    }
  }

  @Test(arguments: Front.allCases) func `lets in who shows one`(_ front: Front) throws {
    let source = try Stage(front, clients: clients, fixtures: true)
    let target = try Stage(front, clients: clients, fixtures: false)
    let trust = ["--ca-file", authority.file]
    try ferry.run(["list", source.host] + trust + shown, exits: 0)
    try ferry.run(
      ["export", "\(source.host)/odd/plain:1", "-o", "a.tar"] + trust + shown, exits: 0)
    try ferry.run(["import", "a.tar", "--to", "\(target.host)/new"] + trust + shown, exits: 0)
    #expect(
      try target.registry.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
  }

  @Test(arguments: Front.allCases) func `is asked no second time by who has none, or another's`(
    _ front: Front
  )
    throws
  {
    let stage = try Stage(front, clients: clients, fixtures: true)
    let commands = try [
      ["list", stage.host], ["export", "\(stage.host)/odd/plain:1", "-o", "a.tar"],
      ["import", FixtureArchive.small(), "--to", "\(stage.host)/new"],
    ]
    for command in commands {
      let trust = ["--ca-file", authority.file, "-v"]
      let without = try ferry.run(command + trust, exits: 10)
      without.complains("wants a client certificate", stage.host, "--client-cert", "certs.d/\(stage.host)/")
      let other = try ferry.run(command + trust + wrong, exits: 10)
      other.complains("refuses the client certificate in", "stranger.cert", "--client-cert")
      for result in [without, other] { #expect(!result.standardError.contains("trying again")) }
    }
  }

  /// OpenSSL's server by version: what is said without a certificate and with a stranger's.
  @Test(arguments: ["-tls1_2", "-tls1_3"]) func `is understood by its alerts`(_ version: String) throws {
    let server = try OpenSSLServer(
      authority.server, [version, "-CAfile", clients.file, "-Verify", "1", "-verify_return_error"])
    let export = ["export", "\(server.host)/a/b:1", "-o", "a.tar", "--ca-file", authority.file, "-v"]
    let without = try ferry.run(export, exits: 10)
    without.complains("\(server.host) wants a client certificate", "--client-cert")
    let other = try ferry.run(export + wrong, exits: 10)
    other.complains("refuses the client certificate in", "alert unknown ca")
    for result in [without, other] { #expect(!result.standardError.contains("trying again")) }
  }

  @Test func `is told from one with which there is no common cipher`() throws {
    let server = try OpenSSLServer(authority.server, ["-tls1_2", "-cipher", "AES128-SHA256"])
    let result = try ferry.run(
      ["export", "\(server.host)/a/b:1", "-o", "a.tar", "--ca-file", authority.file], exits: 13)
    result.complains("no TLS connection to 127.0.0.1", "handshake failure")
    #expect(!result.standardError.contains("client certificate"))
  }

  /// Puts files into a directory for `host` below `place` in ferry's home.
  private func keep(_ files: [String: String], for host: String, in place: String) throws {
    let directory = ferry.file("\(place)/certs.d/\(host)")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (name, path) in files {
      try FileManager.default.copyItem(atPath: path, toPath: "\(directory)/\(name)")
    }
  }

  @Test(arguments: [".config/containers", ".config/docker", ".docker"])
  func `is shown what is kept for it, and trusted by it`(_ place: String) throws {
    let stage = try Stage(.distribution, clients: clients, fixtures: true)
    try keep(
      [
        "ca.crt": authority.file, "client.cert": directory.file("client.cert"),
        "client.key": directory.file("client.key"),
      ], for: stage.host, in: place)
    let result = try ferry.run(["export", "\(stage.host)/odd/plain:1", "-o", "a.tar", "-v"], exits: 0)
    result.complains("\(place)/certs.d/\(stage.host)/ca.crt", "\(place)/certs.d/\(stage.host)/client.cert")
  }

  @Test(arguments: Front.allCases) func `takes the one of several that is its own`(_ front: Front) throws {
    let stage = try Stage(front, clients: clients, fixtures: true)
    try keep(
      [
        "ca.crt": authority.file, "a.cert": directory.file("stranger.cert"),
        "a.key": directory.file("stranger.key"), "b.cert": directory.file("client.cert"),
        "b.key": directory.file("client.key"),
      ], for: stage.host, in: ".docker")
    try ferry.run(["list", stage.host], exits: 0)
    try ferry.run(["export", "\(stage.host)/odd/plain:1", "-o", "a.tar"], exits: 0)
  }

  @Test func `is shown what was given in place of what is kept, halves and all`() throws {
    let stage = try Stage(.distribution, clients: clients, fixtures: true)
    try keep(
      ["ca.crt": authority.file, "half.cert": directory.file("stranger.cert")], for: stage.host,
      in: ".docker")
    let result = try ferry.run(["list", stage.host], exits: 64)
    result.complains("half.cert stands there without", "half.key")
    try ferry.run(["list", stage.host] + shown, exits: 0)
  }

  @Test func `is shown none that cannot be used, which is named`() throws {
    let stage = try Stage(.distribution, clients: clients, fixtures: false)
    let locked = directory.file("locked.key")
    try Command.run(
      "openssl",
      ["pkey", "-in", directory.file("client.key"), "-aes256", "-passout", "pass:x", "-out", locked])
    let certificate = directory.file("client.cert")
    let list = ["list", stage.host, "--ca-file", authority.file]
    let cases: [([String], [String])] = [
      (["--client-cert", "nowhere.pem"], ["nowhere.pem cannot be read"]),
      (["--client-cert", certificate], ["client.cert holds no private key", "--client-key"]),
      (
        ["--client-cert", certificate, "--client-key", locked], ["locked.key", "passphrase", "openssl pkey"]
      ),
      (["--client-cert", certificate, "--client-key", directory.file("stranger.key")], ["one pair"]),
      (["--client-cert", locked, "--client-key", locked], ["holds no certificate"]),
      (["--client-cert", "/dev/zero"], ["/dev/zero cannot be read"]),
      (["--client-key", locked], ["--client-key needs --client-cert"]),
    ]
    for (options, words) in cases {
      let result = try ferry.run(list + options, exits: 64)
      for word in words { result.complains(word) }
    }
    // One file may hold both.
    let both = try ferry.write(
      String(contentsOfFile: certificate, encoding: .utf8)
        + String(contentsOfFile: directory.file("client.key"), encoding: .utf8), to: "both.pem")
    try ferry.run(list + ["--client-cert", both], exits: 0)
  }

  /// What a front that takes any client tells of the certificates that it is shown.
  private static let tellsClient = """
    location /v2/ { proxy_pass http://UPSTREAM; proxy_set_header Host $http_host;
      proxy_set_header X-Client "$ssl_client_s_dn"; }
    location /token { proxy_pass http://UPSTREAM; proxy_set_header Host $http_host;
      proxy_set_header X-Client "$ssl_client_s_dn"; }
    """

  private func front(_ server: ScriptedServer, verify: String) throws -> NginxProcess {
    try NginxProcess(
      before: server.host,
      directives: """
        ssl_client_certificate \(clients.file); ssl_verify_client \(verify);
        \(Self.tellsClient.replacing("UPSTREAM", with: server.host))
        """)
  }

  @Test func `is the only one that sees it: no token server and no storage elsewhere does`() throws {
    let elsewhere = Mutex("")
    let content = Array("layer".utf8)
    let digest = BlobDigest.of(content)
    let other = ScriptedServer { request in
      request.path == "/token"
        ? ScriptedResponse(json: #"{"token":"given","expires_in":300}"#) : ScriptedResponse(body: content)
    }
    let otherFront = try front(other, verify: "optional")
    elsewhere.withLock { $0 = otherFront.url }
    let registry = ScriptedRegistry { request in
      let place = elsewhere.withLock { $0 }
      guard request.header("Authorization") == "Bearer given" else {
        return ScriptedResponse(
          401, headers: [("WWW-Authenticate", "Bearer realm=\"\(place)/token\",service=\"s\"")])
      }
      guard request.path.hasSuffix(digest) else { return nil }
      return ScriptedResponse(307, headers: [("Location", "\(place)/v2/elsewhere")])
    }
    registry.add(image: [content], to: "team/app", tag: "1")
    let registryFront = try front(registry.server, verify: "on")
    let result = try ferry.run(
      [
        "export", "\(registryFront.host)/team/app:1", "-o", "a.tar", "--ca-file", authority.file,
        "--username", "u", "--password-stdin",
      ] + shown, exits: 0, input: "p")
    withExtendedLifetime(result) {}
    #expect(registry.server.requests.count > 2)
    #expect(registry.server.requests.allSatisfy { $0.header("X-Client") == "CN=client" })
    #expect(Set(other.requests.map(\.path)) == ["/token", "/v2/elsewhere"])
    #expect(other.requests.allSatisfy { $0.header("X-Client") == nil || $0.header("X-Client") == "" })
    // What is kept for the one is not shown to the other either.
    try keep(
      [
        "ca.crt": authority.file, "client.cert": directory.file("client.cert"),
        "client.key": directory.file("client.key"),
      ], for: otherFront.host, in: ".docker")
    try ferry.run(
      [
        "export", "\(registryFront.host)/team/app:1", "-o", "b.tar", "--ca-file", authority.file,
        "--username", "u", "--password-stdin",
      ], exits: 10, input: "p"
    ).complains("\(registryFront.host) wants a client certificate")
  }
}

/// OpenSSL's own server on a free port of loopback.
private final class OpenSSLServer {
  let host: String
  private let process: ChildProcess

  init(_ server: (certificate: String, key: String), _ arguments: [String]) throws {
    process = try Command(
      "openssl",
      ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", server.certificate, "-key", server.key]
        + arguments
    ).start()
    var port: Substring?
    _ = process.waitForOutput { text in
      port = text.firstMatch(of: /ACCEPT .*:([0-9]+)\n/)?.1
      return port != nil
    }
    guard let port else { throw TestFailure("openssl s_server did not start: \(process.standardError)") }
    host = "127.0.0.1:\(port)"
  }

  deinit { process.kill() }
}
