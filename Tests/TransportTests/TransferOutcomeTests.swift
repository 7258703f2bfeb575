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
    #expect(try error(65, "rewind") == .reset(url: "https://r.org/x?sig=…", reason: .reported("rewind")))
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
