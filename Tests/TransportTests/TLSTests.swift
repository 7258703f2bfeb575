import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `TLS` {
  private let authority: CertificateAuthority

  init() throws { authority = try .shared() }

  @Test func `is trusted through a private authority`() throws {
    let server = try TLSServer(authority.server)
    let client = try HTTPClient(TransportOptions(caFile: authority.file))
    for host in ["localhost", "127.0.0.1"] {
      let response = try client.send(HTTPRequest(.get, HTTPURL("https://\(host):\(server.port)/")))
      #expect(response.status == 200)
    }
  }

  @Test func `is refused without it, unless told otherwise`() throws {
    let server = try TLSServer(authority.server)
    let url = try HTTPURL("https://localhost:\(server.port)/")
    let error = #expect(throws: TransportError.self) { try HTTPClient().send(HTTPRequest(.get, url)) }
    #expect(
      error
        == .untrustedCertificate(host: "localhost", reason: "unable to get local issuer certificate"))
    let careless = try HTTPClient(TransportOptions(insecureSkipVerify: true))
    #expect(try careless.send(HTTPRequest(.get, url)).status == 200)
  }

  @Test func `is refused for another name`() throws {
    let server = try TLSServer(authority.issue(names: "DNS:other.example", as: "other"))
    let client = try HTTPClient(TransportOptions(caFile: authority.file))
    let error = #expect(throws: TransportError.self) {
      try client.send(HTTPRequest(.get, HTTPURL("https://localhost:\(server.port)/")))
    }
    guard case .untrustedCertificate("localhost", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("subject name"))
  }

  @Test func `spoken to a plain server says so`() throws {
    let plain = ScriptedServer { _ in .silence }
    #expect(throws: TransportError.plainHTTPServer(host: "127.0.0.1", port: plain.port)) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL("https://\(plain.host)/")))
    }
  }

  @Test func `answering a plain request is not HTTP`() throws {
    let server = try TLSServer(authority.server)
    let error = #expect(throws: TransportError.self) {
      try HTTPClient().send(HTTPRequest(.get, HTTPURL("http://127.0.0.1:\(server.port)/")))
    }
    switch error {
    case .notHTTP("127.0.0.1", server.port, _), .reset: break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test func `of a forgotten version is refused`() throws {
    let server = try TLSServer(authority.server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    let client = try HTTPClient(TransportOptions(caFile: authority.file))
    let error = #expect(throws: TransportError.self) {
      try client.send(HTTPRequest(.get, HTTPURL("https://localhost:\(server.port)/")))
    }
    guard case .tlsFailed("localhost", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `with a file that holds no certificates names the file`() throws {
    let directory = TemporaryDirectory()
    let file = directory.write("no certificate\n", to: "ca.pem")
    let server = try TLSServer(authority.server)
    let client = try HTTPClient(TransportOptions(caFile: file))
    #expect(throws: TransportError.unreadableCAFile(path: file)) {
      try client.send(HTTPRequest(.get, HTTPURL("https://localhost:\(server.port)/")))
    }
  }
}
