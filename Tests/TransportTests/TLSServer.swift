import TestSupport

/// OpenSSL's own server, which answers every request with a page about the connection.
final class TLSServer {
  let port: Int
  private let process: ChildProcess

  init(_ server: (certificate: String, key: String), _ arguments: String...) throws {
    process = try Command(
      "openssl",
      ["s_server", "-accept", "127.0.0.1:0", "-www", "-cert", server.certificate, "-key", server.key]
        + arguments
    ).start()
    var port: Int?
    _ = process.waitForOutput { text in
      port = text.firstMatch(of: /ACCEPT .*:([0-9]+)\n/).flatMap { Int($0.1) }
      return port != nil
    }
    guard let port else { throw TestFailure("openssl s_server did not start: \(process.standardError)") }
    self.port = port
  }

  deinit { process.kill() }
}
