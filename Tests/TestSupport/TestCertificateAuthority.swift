import Foundation

/// A private certificate authority, and a server's certificate by it.
public final class TestCertificateAuthority: Sendable {
  private let directory = TemporaryDirectory()

  /// `names` are the server's, as OpenSSL writes a `subjectAltName`.
  public init(names: String = "DNS:localhost,IP:127.0.0.1") {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    openssl("req -x509 \(key) -keyout ca.key -out ca.pem -days 2 -subj /CN=Ferry-test-authority")
    openssl("req \(key) -keyout server.key -out server.csr -subj /CN=localhost")
    directory.write("subjectAltName=\(names)\n", to: "server.ext")
    openssl(
      "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext"
        + " -out server.pem")
  }

  /// The authority's certificate: what `--ca-file` is given.
  public var authority: String { directory.file("ca.pem") }
  public var serverCertificate: String { directory.file("server.pem") }
  public var serverKey: String { directory.file("server.key") }

  private func openssl(_ arguments: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments.split(separator: " ").map(String.init)
    process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { fatalError("openssl: \(error)") }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { fatalError("openssl \(arguments) failed") }
  }
}
