import Foundation
import TestSupport
import Testing

/// What goes wrong on the way to a registry is said in one sentence, with the place and the remedy.
@Suite(.waiting) struct `A registry that cannot be used` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Exports from and imports to `host`, both of which have to end with `status` and say `words`.
  private func fails(
    _ status: Int32, _ host: String, _ options: [String], _ words: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let commands = try [
      ["export", "\(host)/team/app:1.0", "-o", "a.tar"], ["list", host],
      ["import", FixtureArchive.small(), "--to", "\(host)/new"],
    ]
    for command in commands {
      let result = try ferry.run(
        command + options + ["--retries", "0"], exits: status, sourceLocation: sourceLocation)
      for word in words { result.complains(word, sourceLocation: sourceLocation) }
      // One sentence, and what to do; between them, indented, the images that it hits in their own way.
      let said = result.standardError.split(separator: "\n").drop {
        !$0.hasPrefix("ferry: ") && !$0.hasPrefix("cannot read ")
      }
      #expect((1...3).contains(said.count { !$0.hasPrefix("  ") }), sourceLocation: sourceLocation)
      #expect(result.standardOutput == "", sourceLocation: sourceLocation)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).isEmpty)
  }

  @Test func `because nobody knows its name says so`() throws {
    try fails(13, "registry.invalid", [], "the host registry.invalid is unknown", "spelling")
  }

  @Test func `because it refuses connections says where`() throws {
    let registry = ScriptedRegistry()
    let host = registry.host
    registry.stop()
    let port = try #require(host.split(separator: ":").last)
    try fails(13, host, ["--plain-http"], "127.0.0.1 refuses connections on port \(port)", "runs there")
  }

  @Test func `because its certificate is not trusted names --ca-file`() throws {
    let registry = try RegistryProcess(tls: CertificateAuthority.shared(), fixtures: true)
    try fails(13, registry.host, [], "the certificate of 127.0.0.1 is not trusted", "--ca-file")
    try ferry.run(
      [
        "export", registry.reference("odd/empty:1"), "-o", "a.tar", "--ca-file",
        CertificateAuthority.shared().file,
      ], exits: 0)
    try ferry.run(
      ["export", registry.reference("odd/empty:1"), "-o", "a.tar", "--insecure-skip-verify"], exits: 0)
    unlink(ferry.file("a.tar"))
    try fails(64, registry.host, ["--ca-file", "nowhere.pem"], "cannot read certificates from nowhere.pem")
  }

  @Test func `because it speaks plain HTTP names --plain-http`() throws {
    let registry = try RegistryProcess.fixtures()
    try fails(13, registry.host, [], "speaks plain HTTP", "not HTTPS", "--plain-http")
  }

  @Test func `because it speaks HTTPS names --plain-http, to be left out`() throws {
    let registry = try RegistryProcess(tls: CertificateAuthority.shared())
    try fails(13, registry.host, ["--plain-http"], "speaks HTTPS, not plain HTTP", "Leave out --plain-http")
  }

  @Test func `because it answers nothing but nonsense says so`() throws {
    let nonsense = ScriptedServer { _ in .garbage("SSH-2.0-OpenSSH_9.2\r\n") }
    try fails(13, nonsense.host, ["--plain-http"], "does not speak HTTP")
    let portal = ScriptedServer { _ in ScriptedResponse(200, text: "<html>Welcome to the hotel</html>") }
    for command in [["list", portal.host], ["export", "\(portal.host)/a/b:1", "-o", "a.tar"]] {
      let result = try ferry.command(command + ["--plain-http", "--retries", "0"]).run()
      #expect([13, 14].contains(result.status), "\(result.standardError)")
    }
  }

  @Test func `because it breaks down is asked again, and then given up`() throws {
    let broken = ScriptedServer { _ in
      ScriptedResponse(503, headers: [("Retry-After", "0")], json: #"{"errors":[{"code":"UNAVAILABLE"}]}"#)
    }
    let result = try ferry.run(
      ["export", "\(broken.host)/a/b:1", "-o", "a.tar", "--plain-http", "--retries", "3"], exits: 13)
    result.complains("still answers 503 after all retries", "run the same command again")
    #expect(broken.requests.count == 4)
  }

  @Test func `because credentials are missing or wrong says which`() throws {
    let registry = try RegistryProcess(.basic(username: "u", password: "p"), fixtures: true)
    try fails(10, registry.host, ["--plain-http"], "needs credentials, and none were found", "--api-key-file")
    try ferry.write("wrong", to: "../\(URL(fileURLWithPath: ferry.home.path).lastPathComponent).key")
    let key = ferry.home.path + ".key"
    defer { unlink(key) }
    try fails(10, registry.host, ["--plain-http", "--api-key-file", key], "refuses the credentials")
  }

  @Test func `because a right is missing says which`() throws {
    let tokens = try TokenServer(users: ["reader": "p", "nobody": "p"]) { user, repository, action in
      user == "reader" && (action == "pull" || repository == "catalog")
    }
    let registry = try RegistryProcess(.tokens(tokens), fixtures: true)
    var ferry = ferry
    ferry.environment = [
      "FERRY_EXPORT_USERNAME": "nobody", "FERRY_EXPORT_PASSWORD": "p", "FERRY_IMPORT_USERNAME": "reader",
      "FERRY_IMPORT_PASSWORD": "p",
    ]
    let pull = ["export", registry.reference("team/app:1.0"), "--plain-http", "-o", "a.tar"]
    try ferry.run(pull, exits: 11).complains("no permission to pull from", registry.reference("team/app"))
    let push = try ["import", FixtureArchive.small(), "--plain-http", "--to", "\(registry.host)/new"]
    try ferry.run(push, exits: 11).complains("may not be pushed to", "\(registry.host)/new/")
    #expect(registry.storage.repositories.allSatisfy { !$0.hasPrefix("new/") })
  }
}
