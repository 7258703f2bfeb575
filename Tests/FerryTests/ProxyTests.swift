import Foundation
import TestSupport
import Testing

/// curl's variables for proxies and authorities are honoured from end to end, shown with `-v`, and give no password away.
@Suite(.waiting) struct `A proxy` {
  private static let login = "porter:opens-every-door"
  private let authority: CertificateAuthority

  init() throws { authority = try .shared() }

  private func ferry(_ environment: [String: String]) throws -> FerryProcess {
    try FerryProcess(environment: environment)
  }

  /// How a registry is reached, and by whom.
  enum Way: CaseIterable, CustomTestStringConvertible {
    case connect, connectWithLogin, plain, plainWithLogin

    var isSecure: Bool { self == .connect || self == .connectWithLogin }
    var hasLogin: Bool { self == .connectWithLogin || self == .plainWithLogin }
    var testDescription: String {
      (isSecure ? "by CONNECT" : "by whole URLs") + (hasLogin ? ", with a login" : "")
    }
  }

  @Test(arguments: Way.allCases) func `carries images out and in`(_ way: Way) throws {
    let source = try RegistryProcess(
      .basic(username: "u", password: "p"), tls: way.isSecure ? authority : nil, fixtures: true)
    let target = try RegistryProcess(
      .basic(username: "u", password: "p"), tls: way.isSecure ? authority : nil)
    let proxy = ForwardProxy(login: way.hasLogin ? Self.login : nil)
    let address = "http://" + (way.hasLogin ? "\(Self.login)@" : "") + proxy.host
    let variable = way.isSecure ? "https_proxy" : "http_proxy"
    let ferry = try ferry([
      variable: address, "FERRY_EXPORT_USERNAME": "u", "FERRY_EXPORT_PASSWORD": "p",
      "FERRY_IMPORT_USERNAME": "u", "FERRY_IMPORT_PASSWORD": "p",
    ])
    let connection = (way.isSecure ? ["--ca-file", authority.file] : ["--plain-http"]) + ["-v"]
    let exported = try ferry.run(
      ["export", source.reference("odd/plain:1"), "-o", "a.tar"] + connection, exits: 0)
    let imported = try ferry.run(["import", "a.tar", "--to", "\(target.host)/new"] + connection, exits: 0)
    #expect(try target.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
    for (result, host) in [(exported, source.host), (imported, target.host)] {
      let shown = way.hasLogin ? "http://…@\(proxy.host)" : "http://\(proxy.host)"
      result.complains("\(host): by the proxy \(shown) (\(variable))")
      #expect(!result.standardError.contains("opens-every-door"))
    }
    #expect(proxy.lines.contains { way.isSecure ? $0 == "CONNECT \(source.host)" : $0.contains(source.host) })
    #expect(proxy.lines.contains { way.isSecure ? $0 == "CONNECT \(target.host)" : $0.contains(target.host) })
    // By CONNECT, what is for the registry is not for the proxy.
    if way.isSecure { #expect(!proxy.headers.contains("\r\nAuthorization:")) }
  }

  @Test(arguments: [true, false]) func `that wants another login is asked once, and shows none`(
    isSecure: Bool
  ) throws {
    let registry = try RegistryProcess(tls: isSecure ? authority : nil, fixtures: true)
    let proxy = ForwardProxy(login: Self.login)
    for login in ["", "porter:wrong-and-secret@"] {
      let address = "http://\(login)\(proxy.host)"
      let ferry = try ferry(["https_proxy": address, "http_proxy": address])
      let result = try ferry.run(
        ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "-v"]
          + (isSecure ? ["--ca-file", authority.file] : ["--plain-http"]), exits: 13)
      result.complains("the proxy wants a login", "407", "http://USER:PASSWORD@HOST:PORT")
      #expect(!result.standardError.contains("trying again"))
      #expect(!result.standardError.contains("wrong-and-secret"))
    }
  }

  /// Values of `no_proxy` and whether they are for the registry, whose host is put in for `HOST` and its port for `PORT`.
  @Test(arguments: [
    ("127.0.0.1:PORT", true), ("HOST", true), ("127.0.0.1", true), ("127.0.0.0/8", true), ("*", true),
    ("other.example, 127.0.0.1:PORT", true), ("127.0.0.1:1", false), ("10.0.0.0/8", false),
    (".example,localhost", false),
  ]) func `is passed by where an exception says so`(_ exception: String, _ isExempt: Bool) throws {
    let registry = try RegistryProcess.fixtures()
    let port = registry.host.split(separator: ":").last.map(String.init) ?? ""
    let value = exception.replacing("HOST", with: registry.host).replacing("PORT", with: port)
    for variable in ["no_proxy", "NO_PROXY"] {
      let proxy = ForwardProxy()
      let ferry = try ferry(["http_proxy": "http://\(proxy.host)", variable: value])
      let result = try ferry.run(["list", registry.host, "--plain-http", "-v"], exits: 0)
      #expect(proxy.lines.isEmpty == isExempt)
      if isExempt {
        result.complains("\(registry.host): no proxy, for '", "in \(variable)")
      } else {
        result.complains("\(registry.host): by the proxy")
      }
    }
  }

  @Test func `reaches what has no name here`() throws {
    let registry = try RegistryProcess.fixtures()
    let port = registry.host.split(separator: ":").last.map(String.init) ?? ""
    let proxy = ForwardProxy()
    let ferry = try ferry(["http_proxy": proxy.host])
    try ferry.run(["list", "registry.invalid:\(port)", "--plain-http"], exits: 0)
    #expect(proxy.lines.allSatisfy { $0.contains("http://registry.invalid:\(port)/v2/") })
    #expect(!proxy.lines.isEmpty)
  }
}

/// Which authorities are trusted follows curl's and OpenSSL's variables, as well as the options.
@Suite(.waiting) struct `Trust` {
  private let authority: CertificateAuthority
  private let registry: RegistryProcess
  private let directory = TemporaryDirectory()

  init() throws {
    authority = try .shared()
    registry = try RegistryProcess(tls: authority, fixtures: true)
  }

  @discardableResult private func list(
    _ environment: [String: String], _ options: String..., exits status: Int32
  ) throws -> CommandResult {
    let ferry = try FerryProcess(environment: environment)
    return try ferry.run(["list", registry.host, "-v", "--retries", "0"] + options, exits: status)
  }

  @Test(arguments: ["SSL_CERT_FILE", "CURL_CA_BUNDLE"]) func `follows a file that is named`(variable: String)
    throws
  {
    try list([variable: authority.file], exits: 0).complains("trusts \(authority.file) (\(variable))")
    let missing = directory.file("none.pem")
    try list([variable: missing], exits: 64).complains("cannot read certificates from \(missing)", variable)
    // Nothing is nothing.
    try list([variable: ""], exits: 13).complains("is not trusted")
  }

  @Test func `prefers curl's own variable`() throws {
    let other = try CertificateAuthority()
    try list(["CURL_CA_BUNDLE": authority.file, "SSL_CERT_FILE": other.file], exits: 0).complains(
      "CURL_CA_BUNDLE")
    try list(["CURL_CA_BUNDLE": other.file, "SSL_CERT_FILE": authority.file], exits: 13).complains(
      "is not trusted")
  }

  @Test func `follows directories, named by hashes or not`() throws {
    let other = try CertificateAuthority()
    let hashed = TemporaryDirectory()
    let hash = try Command.run("openssl", ["x509", "-in", authority.file, "-noout", "-hash"])
    try FileManager.default.copyItem(
      atPath: authority.file,
      toPath: hashed.file("\(hash.filter { !$0.isWhitespace }).0"))
    let plain = TemporaryDirectory()
    try FileManager.default.copyItem(atPath: authority.file, toPath: plain.file("ca.pem"))
    try FileManager.default.copyItem(atPath: other.file, toPath: plain.file("other.pem"))
    try list(["SSL_CERT_DIR": hashed.path], exits: 0).complains("\(hashed.path) (SSL_CERT_DIR)")
    try list(["SSL_CERT_DIR": "/nowhere:\(plain.path)"], exits: 0).complains("(SSL_CERT_DIR)", "ca.pem")
    try list(["SSL_CERT_DIR": directory.path], exits: 13).complains("is not trusted")
  }

  @Test func `of one place is no loss of another's`() throws {
    let other = try CertificateAuthority()
    try list(["SSL_CERT_FILE": authority.file], "--ca-file", other.file, exits: 0)
      .complains(authority.file, other.file)
    try list(["SSL_CERT_FILE": other.file], "--ca-file", authority.file, exits: 0)
    let ferry = try FerryProcess()
    let kept = ferry.file(".config/containers/certs.d/\(registry.host)")
    try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: authority.file, toPath: "\(kept)/b.crt")
    try FileManager.default.copyItem(atPath: other.file, toPath: "\(kept)/a.crt")
    try "no certificate".write(toFile: "\(kept)/c.crt", atomically: true, encoding: .utf8)
    try ferry.run(["list", registry.host], exits: 0).complains("warning: \(kept)/c.crt is left out")
    // What is kept for one host is of no weight at another.
    let second = try RegistryProcess(tls: authority)
    try ferry.run(["list", second.host, "--retries", "0"], exits: 13).complains("is not trusted")
  }
}
