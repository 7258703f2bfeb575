import TestSupport
import Testing

struct `A registry of the tests` {
  private func status(_ url: String, _ options: String...) throws -> String {
    try Command.run(
      "curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}"] + options + ["--noproxy", "*", url])
  }

  @Test func `holds the fixture images`() throws {
    let registry = try RegistryProcess(fixtures: true)
    #expect(try status("\(registry.url)/v2/team/app/tags/list") == "200")
    #expect(registry.storage.tags(of: "team/app") == ["1.0", "1.1", "2.0", "2.0-rc1", "latest"])
    #expect(
      try registry.storage.digest(of: "team/app", "1.0") == FixtureImages.digest(of: "team/app:1.0"))
    registry.stop()
    #expect(registry.requests.map(\.path) == ["/v2/team/app/tags/list"])
  }

  @Test func `shares no change with its siblings`() throws {
    let one = try RegistryProcess(fixtures: true)
    let other = try RegistryProcess(fixtures: true)
    let digest = try FixtureImages.digest(of: "team/app:1.0")
    try one.storage.replace(digest) { $0[0] ^= 1 }
    try one.storage.move("1.1", of: "team/app", to: digest)
    #expect(one.storage.bytes(of: digest) != other.storage.bytes(of: digest))
    #expect(one.storage.digest(of: "team/app", "1.1") != other.storage.digest(of: "team/app", "1.1"))
  }

  @Test func `wants the password it was given`() throws {
    let registry = try RegistryProcess(.basic(username: "anna", password: "secret"))
    #expect(try status("\(registry.url)/v2/") == "401")
    #expect(try status("\(registry.url)/v2/", "-u", "anna:wrong") == "401")
    #expect(try status("\(registry.url)/v2/", "-u", "anna:secret") == "200")
  }

  @Test func `speaks TLS with the authority's certificate`() throws {
    let authority = try CertificateAuthority.shared()
    let registry = try RegistryProcess(tls: authority)
    #expect(try status("\(registry.url)/v2/", "--cacert", authority.file) == "200")
    #expect(try status("http://\(registry.host)/v2/") == "400")
  }

  @Test func `trusts the token server's tokens`() throws {
    let server = try TokenServer(users: ["anna": "secret"]) { user, name, action in
      user == "anna" && name == "team/app" && action == "pull"
    }
    let registry = try RegistryProcess(.tokens(server), fixtures: true)
    let reference = "docker://\(registry.reference("team/app:1.0"))"
    let inspect = ["inspect", "--raw", "--tls-verify=false"]
    try Command.run("skopeo", inspect + ["--creds", "anna:secret", reference])
    #expect(throws: TestFailure.self) {
      try Command.run("skopeo", inspect + ["--creds", "anna:wrong", reference])
    }
    #expect(throws: TestFailure.self) { try Command.run("skopeo", inspect + ["--no-creds", reference]) }
    #expect(server.requests.first?.scopes == ["repository:team/app:pull"])
    #expect(server.requests.first?.service == server.service)
  }

  @Test func `may stand behind nginx`() throws {
    let registry = try RegistryProcess(fixtures: true)
    let front = try NginxProcess(before: registry.host)
    let authority = try CertificateAuthority.shared()
    #expect(try status("\(front.url)/v2/tools/busybox/tags/list", "--cacert", authority.file) == "200")
    #expect(throws: TestFailure.self) { try status("\(front.url)/v2/") }
  }

  @Test func `refuses pushes when it is read-only`() throws {
    let registry = try RegistryProcess(readOnly: true)
    #expect(try status("\(registry.url)/v2/a/blobs/uploads/", "-X", "POST") == "405")
  }
}
