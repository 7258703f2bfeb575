import Foundation
import TestSupport
import Testing

/// A secret goes to the registry and the token server that it is meant for, and nowhere else.
struct `A secret` {
  private let password = "tell-nobody-7f3a"

  /// Everything a command wrote and left, in which no form of the secret may be.
  private func keeps(_ result: CommandResult, _ files: [String] = []) throws {
    let encoded = Data("robot:\(password)".utf8).base64EncodedString()
    let key = Data("$oauthtoken:\(password)".utf8).base64EncodedString()
    // A token begins with this, whoever issued it.
    let secrets = [password, encoded, key, "eyJ"]
    for secret in secrets {
      #expect(!result.standardOutput.contains(secret))
      #expect(!result.standardError.contains(secret))
      for file in files {
        let content = try Data(contentsOf: URL(fileURLWithPath: file))
        #expect(content.range(of: Data(secret.utf8)) == nil)
      }
    }
  }

  @Test func `is in no output, report or archive, however much is said`() throws {
    let tokens = try TokenServer(users: ["robot": password])
    let registry = try RegistryProcess(.tokens(tokens), fixtures: true)
    let ferry = try FerryProcess()
    let login = ["--plain-http", "-v", "--username", "robot", "--password-stdin"]
    let exported = try ferry.run(
      ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--report", "e.json"] + login, exits: 0,
      input: password)
    try keeps(exported, [ferry.file("a.tar"), ferry.file("e.json")])
    #expect(exported.standardError.contains("/v2/odd/plain/manifests/1"))
    let imported = try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--report", "i.json"] + login, exits: 0,
      input: password)
    try keeps(imported, [ferry.file("i.json")])
    try keeps(ferry.run(["list", registry.host] + login, exits: 0, input: password))
    #expect(tokens.requests.contains { $0.user == "robot" })
  }

  @Test(arguments: ["export", "import"])
  func `that is refused is in no message`(phase: String) throws {
    let registry = try RegistryProcess(.basic(username: "robot", password: "another"))
    var ferry = try FerryProcess()
    ferry.environment = [
      "FERRY_EXPORT_USERNAME": "robot", "FERRY_EXPORT_PASSWORD": password, "FERRY_IMPORT_API_KEY": password,
    ]
    let command =
      phase == "export"
      ? ["export", registry.reference("a/b:1"), "-o", "a.tar"]
      : ["import", try FixtureArchive.small(), "--to", "\(registry.host)/new"]
    for options in [[], ["-v"], ["--json"], ["--dry-run", "--report", "r.json"]] {
      let result = try ferry.run(command + ["--plain-http"] + options, exits: 10)
      try keeps(result, options.contains("--report") ? [ferry.file("r.json")] : [])
    }
  }

  @Test func `is not in the command line, nor asked for there`() throws {
    let ferry = try FerryProcess()
    for command in ["export", "import", "list"] {
      let help = try ferry.run([command, "--help"], exits: 0).standardOutput
      #expect(!help.contains("--password <") && !help.contains("--api-key <") && !help.contains("--token"))
    }
    let (arrived, gate) = (Gate(), Gate())
    let front = ScriptedServer { request in
      guard request.header("Authorization") == nil else {
        arrived.open()
        return .stall(gate)
      }
      return ScriptedResponse(401, headers: [("WWW-Authenticate", "Basic realm=\"r\"")])
    }
    let running = try ferry.command(
      [
        "export", "\(front.host)/odd/plain:1", "-o", "a.tar", "--plain-http", "--username", "robot",
        "--password-stdin",
      ], input: password
    ).start()
    #expect(arrived.wait())
    let line = try String(contentsOfFile: "/proc/\(running.id)/cmdline", encoding: .utf8)
    #expect(line.contains("--username") && !line.contains(password))
    running.kill()
  }

  @Test func `in the address of a redirect is not shown`() throws {
    let storage = try RegistryProcess.fixtures().storage
    let store = ScriptedRegistry(storage)
    let registry = ScriptedRegistry(storage) { request in
      guard request.method == "GET", request.path.contains("/blobs/") else { return nil }
      let target = "\(store.server.url(request.path))?X-Amz-Signature=tell-nobody-7f3a"
      return ScriptedResponse(307, headers: [("Location", target)])
    }
    let ferry = try FerryProcess()
    try ferry.write(password, to: "key")
    let result = try ferry.run(
      [
        "export", registry.reference("odd/plain:1"), "-o", "a.tar", "--plain-http", "-v", "--api-key-file",
        "key",
      ], exits: 0)
    try keeps(result, [ferry.file("a.tar")])
    #expect(!store.server.requests.isEmpty)
    #expect(store.server.requests.allSatisfy { $0.header("Authorization") == nil })
  }
}
