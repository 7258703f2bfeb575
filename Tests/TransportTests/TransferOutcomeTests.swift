import Glibc
import Testing

@testable import Transport

/// The outcomes that no server on loopback can bring about, and the wordings that decide.
@Suite struct `A transfer's outcome` {
  private func error(
    _ code: Int, _ reason: String, system: Int32 = 0, expected: Int64? = nil, received: Int64 = 0,
    url: String = "https://r.org/x?sig=secret"
  ) throws -> TransportError? {
    TransferOutcome(code: code, reason: reason, systemError: system, expected: expected).error(
      for: try HTTPURL(url), received: received, headIsComplete: false, caFile: nil)
  }

  @Test func `is a case with its facts`() throws {
    #expect(try error(0, "") == nil)
    #expect(try error(6, "Could not resolve host: r.org") == .unknownHost("r.org"))
    #expect(try error(28, "Connection timed out") == .connectTimedOut(host: "r.org"))
    #expect(
      try error(7, "Failed to connect to r.org port 443 after 0 ms: x", system: EHOSTUNREACH)
        == .unreachable(host: "r.org", reason: "No route to host"))
    #expect(try error(65, "rewind") == .reset(url: "https://r.org/x?sig=…", reason: .closedWhileSending))
    #expect(
      try error(43, "odd") == .other(url: "https://r.org/x?sig=…", code: 43, reason: .reported("odd")))
  }

  @Test(arguments: [
    (5, "Could not resolve proxy: p"), (97, "SOCKS4"),
    (7, "Failed to connect to p.org port 3128 after 0 ms: Connection refused"),
    (56, "Received HTTP code 407 from proxy after CONNECT"), (56, "CONNECT tunnel failed, response 403"),
  ])
  func `may be the proxy's`(code: Int, reason: String) throws {
    #expect(try error(code, reason, system: ECONNREFUSED) == .proxy(reason: reason))
  }

  @Test(arguments: [
    (35, "error:0A00010B:SSL routines::wrong version number"),
    (35, "error:0A0000C6:SSL routines::packet length too long"),
    (56, "OpenSSL SSL_read: error:0A00010B:SSL routines::wrong version number, errno 0"),
  ])
  func `may be a plain server's`(code: Int, reason: String) throws {
    #expect(try error(code, reason) == .plainHTTPServer(host: "r.org", port: 443))
  }

  /// Alerts, by the CURLcode under which OpenSSL's words for them come; whether they speak of a client certificate, and
  /// for certain.
  @Test(arguments: [
    (35, "error:0A000410:SSL routines::sslv3 alert handshake failure", true, false),
    (35, "error:0A000412:SSL routines::sslv3 alert bad certificate", true, true),
    (35, "error:0A000418:SSL routines::tlsv1 alert unknown ca", true, true),
    (35, "error:0A000415:SSL routines::sslv3 alert certificate expired", true, true),
    (98, "error:0A00045C:SSL routines::tlsv13 alert certificate required", true, true),
    (
      56, "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0", true,
      true
    ),
    (56, "OpenSSL SSL_read: error:0A000412:SSL routines::sslv3 alert bad certificate, errno 0", true, true),
    (55, "OpenSSL SSL_write: error:0A000418:SSL routines::tlsv1 alert unknown ca, errno 0", true, true),
    (35, "error:0A00042E:SSL routines::tlsv1 alert protocol version", false, false),
    (35, "error:0A000458:SSL routines::tlsv1 unrecognized name", false, false),
    (56, "OpenSSL SSL_read: error:0A000438:SSL routines::tlsv1 alert internal error, errno 0", false, false),
  ])
  func `by an alert is final`(code: Int, reason: String, isAboutCertificate: Bool, isCertain: Bool) throws {
    let error = try #require(try error(code, reason))
    #expect(!error.isRetryable)
    guard case .clientCertificateWanted("r.org", nil, let alert, let certain) = error else {
      #expect(!isAboutCertificate && error == .tlsFailed(host: "r.org", reason: reason))
      return
    }
    #expect(isAboutCertificate && certain == isCertain)
    #expect(alert.contains(" alert ") && !alert.contains("SSL routines") && !alert.contains("errno"))
  }

  @Test func `by an alert in the middle, or about a damaged record, is a line that broke`() throws {
    let damaged = "OpenSSL SSL_read: error:0A000414:SSL routines::sslv3 alert bad record mac, errno 0"
    #expect(try error(56, damaged) == .reset(url: "https://r.org/x?sig=…", reason: .reported(damaged)))
    let late = "OpenSSL SSL_read: error:0A000438:SSL routines::tlsv1 alert internal error, errno 0"
    #expect(
      try error(56, late, expected: 10, received: 4)
        == .cut(url: "https://r.org/x?sig=…", received: 4, expected: 10))
  }

  @Test(arguments: [
    (56, "Received HTTP code 407 from proxy after CONNECT", true),
    (56, "CONNECT tunnel failed, response 407", true),
    (56, "CONNECT tunnel failed, response 503", false),
    (7, "Failed to connect to p.org port 407 after 0 ms: x", false),
  ])
  func `is final where a proxy wants a login`(code: Int, reason: String, isLogin: Bool) throws {
    let error = try #require(try error(code, reason, system: ECONNREFUSED))
    #expect(error.isProxyLogin == isLogin && error.isRetryable != isLogin)
  }

  @Test func `tells a handshake that broke from one that failed`() throws {
    let broken = "OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to r.org:443"
    #expect(try error(35, broken) == .reset(url: "https://r.org/x?sig=…", reason: .reported(broken)))
    #expect(try error(35, "no shared cipher") == .tlsFailed(host: "r.org", reason: "no shared cipher"))
  }

  @Test func `is a cut when TLS ends without farewell in the middle of a body`() throws {
    let reason = "OpenSSL SSL_read: error:0A000126:SSL routines::unexpected eof while reading, errno 0"
    #expect(
      try error(56, reason, expected: 10, received: 4)
        == .cut(url: "https://r.org/x?sig=…", received: 4, expected: 10))
  }

  @Test func `compares IPv6 hosts without brackets`() throws {
    let reason = "Failed to connect to ::1 port 5000 after 0 ms: Connection refused"
    #expect(
      try error(7, reason, system: ECONNREFUSED, url: "http://[::1]:5000/")
        == .connectionRefused(host: "[::1]", port: 5000))
  }
}
