import Foundation
import TestSupport
import Testing

@testable import Credentials

/// What docker and podman keep for single hosts. The system's places are tried with lists of the test's own.
struct `The certificates kept for a host` {
  private let directory = TemporaryDirectory()

  private static let certificate = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"

  private func put(_ text: String = certificate, _ names: String...) throws {
    for name in names {
      let path = directory.file(name)
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      directory.write(text, to: name)
    }
  }

  private func found(_ host: String, _ port: Int, in places: String...) -> HostCertificates.Found {
    HostCertificates(directories: places.map { directory.file($0) }).find(host: host, port: port)
  }

  @Test func `are those of its directory, with the port where there is one`() throws {
    try put(
      Self.certificate, "d/r.example:5000/ca.crt", "d/r.example:5000/b.crt", "d/r.example:5000/client.cert",
      "d/r.example:5000/client.key", "d/r.example:5000/readme.txt", "d/other.example/ca.crt")
    let found = self.found("r.example", 5000, in: "d")
    let place = directory.file("d/r.example:5000")
    #expect(found.authorities == ["\(place)/b.crt", "\(place)/ca.crt"])
    #expect(
      found.pairs == [HostCertificates.Pair(certificate: "\(place)/client.cert", key: "\(place)/client.key")])
    #expect(found.halves.isEmpty && found.unusable.isEmpty)
    for (host, port) in [("r.example", 443), ("r.example", 5001), ("r.exampl", 5000), ("..", 443)] {
      #expect(self.found(host, port, in: "d") == HostCertificates.Found())
    }
  }

  @Test func `need no port that need not be said`() throws {
    try put(Self.certificate, "d/r.example/ca.crt", "d/s.example:443/ca.crt", "d/[::1]:5000/ca.crt")
    #expect(found("r.example", 443, in: "d").authorities.count == 1)
    #expect(found("s.example", 443, in: "d").authorities.count == 1)
    #expect(found("[::1]", 5000, in: "d").authorities.count == 1)
    #expect(found("r.example", 80, in: "d").authorities.isEmpty)
  }

  @Test func `are of all places, the first one's first`() throws {
    try put(
      Self.certificate, "one/r.example/z.cert", "one/r.example/z.key", "two/r.example/a.cert",
      "two/r.example/a.key", "two/r.example/ca.crt")
    let found = self.found("r.example", 443, in: "one", "none", "two")
    #expect(found.authorities == [directory.file("two/r.example/ca.crt")])
    #expect(
      found.pairs.map(\.key) == [
        directory.file("one/r.example/z.key"), directory.file("two/r.example/a.key"),
      ])
  }

  @Test func `are pairs, and a half is named with what is missing`() throws {
    try put(Self.certificate, "d/r.example/a.cert", "d/r.example/b.key", "d/r.example/.cert")
    let place = directory.file("d/r.example")
    #expect(
      found("r.example", 443, in: "d").halves == [
        HostCertificates.Half(path: "\(place)/a.cert", missing: "\(place)/a.key"),
        HostCertificates.Half(path: "\(place)/b.key", missing: "\(place)/b.cert"),
      ])
  }

  @Test func `that are none are named and spoil nothing`() throws {
    try put(Self.certificate, "d/r.example/good.crt")
    try put("no certificate", "d/r.example/bad.crt")
    try FileManager.default.createDirectory(
      atPath: directory.file("d/r.example/directory.crt"), withIntermediateDirectories: true)
    let found = self.found("r.example", 443, in: "d")
    #expect(found.authorities == [directory.file("d/r.example/good.crt")])
    #expect(
      found.unusable == [
        directory.file("d/r.example/bad.crt"), directory.file("d/r.example/directory.crt"),
      ])
  }

  @Test func `lie where docker and podman have them, the user's before the system's`() {
    #expect(
      Environment(["HOME": "/home/u"]).hostCertificateDirectories == [
        "/home/u/.config/containers/certs.d", "/home/u/.config/docker/certs.d", "/home/u/.docker/certs.d",
        "/etc/containers/certs.d", "/etc/docker/certs.d",
      ])
    #expect(
      Environment(["HOME": "/home/u", "XDG_CONFIG_HOME": "/x"]).hostCertificateDirectories.prefix(3) == [
        "/x/containers/certs.d", "/x/docker/certs.d", "/home/u/.config/containers/certs.d",
      ])
    #expect(
      Environment([:]).hostCertificateDirectories == ["/etc/containers/certs.d", "/etc/docker/certs.d"])
  }

  @Test func `in a directory of others' files are found without a hash`() throws {
    try put(Self.certificate, "plain/a.pem", "plain/b.crt", "hashed/0a1b2c3d.0", "hashed/a.pem")
    try put("text", "plain/readme")
    let places = [directory.file("plain"), directory.file("hashed"), directory.file("none")]
    #expect(
      CertificateFile.unhashed(in: places.joined(separator: ":"))
        == [directory.file("plain/a.pem"), directory.file("plain/b.crt")])
  }
}

/// curl's and OpenSSL's variables, as curl reads them.
struct `The environment` {
  @Test(
    arguments: [
      ([:], nil), (["SSL_CERT_FILE": "/s"], "/s"), (["SSL_CERT_FILE": "/s", "CURL_CA_BUNDLE": "/c"], "/c"),
      (["SSL_CERT_FILE": "/s", "CURL_CA_BUNDLE": ""], "/s"), (["SSL_CERT_FILE": ""], nil),
    ] as [([String: String], String?)])
  func `says which authorities to trust`(_ variables: [String: String], _ file: String?) {
    #expect(Environment(variables).trustFile?.value == file)
  }

  @Test func `says in which directories they lie, where no bundle is named`() {
    #expect(Environment(["SSL_CERT_DIR": "/a:/b"]).trustDirectories?.value == "/a:/b")
    #expect(Environment(["SSL_CERT_DIR": "/a", "CURL_CA_BUNDLE": "/c"]).trustDirectories == nil)
  }

  @Test(
    arguments: [
      (["http_proxy": "p"], true, "p"), (["HTTP_PROXY": "p"], true, nil), (["https_proxy": "p"], true, nil),
      (["https_proxy": "p", "HTTPS_PROXY": "q"], false, "p"), (["HTTPS_PROXY": "q"], false, "q"),
      (["all_proxy": "a"], true, "a"), (["ALL_PROXY": "a"], false, "a"),
      (["all_proxy": "a", "https_proxy": ""], false, nil), (["http_proxy": "p"], false, nil),
    ] as [([String: String], Bool, String?)])
  func `says which proxy to take`(_ variables: [String: String], _ isPlain: Bool, _ proxy: String?) {
    #expect(Environment(variables).proxy(isPlain: isPlain)?.value == proxy)
  }

  @Test func `says which hosts need none`() {
    #expect(Environment(["no_proxy": "a", "NO_PROXY": "b"]).proxyExceptions?.value == "a")
    #expect(Environment(["NO_PROXY": "b"]).proxyExceptions?.variable.description == "NO_PROXY")
  }
}
