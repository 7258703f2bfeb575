import Foundation
import TestSupport

/// OpenSSL's own server, which answers every request with a page about the connection.
final class TLSServer {
  let port: Int
  private let process = Process()

  init(_ authority: TestCertificateAuthority, _ arguments: String...) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments =
      ["--pdeathsig", "KILL", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www"]
      + ["-cert", authority.serverCertificate, "-key", authority.serverKey] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    var text = ""
    while !text.contains("ACCEPT") || text.last != "\n" {
      let piece = output.fileHandleForReading.availableData
      guard !piece.isEmpty else { throw CocoaError(.executableLoad) }
      text += String(decoding: piece, as: UTF8.self)
    }
    let line = text.split(separator: "\n").last { $0.contains("ACCEPT") } ?? ""
    guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else {
      throw CocoaError(.executableLoad)
    }
    self.port = port
  }

  deinit {
    // Children of the pool's threads inherit their signal mask: no gentler signal gets through.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }
}
