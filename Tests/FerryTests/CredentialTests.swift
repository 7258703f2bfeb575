import Foundation
import TestSupport
import Testing

/// Each phase finds its own credential, and only that.
@Suite(.waiting) struct `Credentials` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess(.basic(username: "old", password: "old-pass"), fixtures: true)
    ferry = try FerryProcess()
  }

  private func auth(_ host: String, _ user: String, _ password: String) -> String {
    let token = Data("\(user):\(password)".utf8).base64EncodedString()
    return #"{"auths":{"\#(host)":{"auth":"\#(token)"}}}"#
  }

  private func export(
    _ options: String..., exits status: Int32 = 0, input: String = "", with ferry: FerryProcess? = nil
  ) throws -> CommandResult {
    try (ferry ?? self.ferry).run(
      ["export", source.reference("odd/plain:1"), "--plain-http", "-o", "a.tar"] + options, exits: status,
      input: input)
  }

  @Test func `come from --username and --password-stdin`() throws {
    let result = try export("--username", "old", "--password-stdin", input: "old-pass\n")
    result.complains("credentials from --username and --password-stdin")
  }

  @Test func `come from the phase's variables`() throws {
    var ferry = ferry
    ferry.environment = ["FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "old-pass"]
    try export(with: ferry).complains("credentials from FERRY_EXPORT_USERNAME and FERRY_EXPORT_PASSWORD")
  }

  @Test func `come from an auth file that a flag, a variable or the home directory names`() throws {
    let text = auth(source.host, "old", "old-pass")
    try ferry.write(text, to: "auth.json")
    try export("--auth-file", "auth.json").complains("credentials from auth.json", source.host)

    var named = ferry
    named.environment["REGISTRY_AUTH_FILE"] = ferry.file("auth.json")
    try export("--force", with: named).complains("auth.json")

    let docker = try FerryProcess()
    try FileManager.default.createDirectory(
      atPath: docker.file(".docker"), withIntermediateDirectories: true)
    try docker.write(text, to: ".docker/config.json")
    try export(with: docker).complains(".docker/config.json")

    var moved = try FerryProcess()
    moved.environment["DOCKER_CONFIG"] = docker.file(".docker")
    try export(with: moved).complains(".docker/config.json")
  }

  @Test func `in an API key's file go with the user $oauthtoken`() throws {
    let key = "nvapi-0123456789"
    let registry = try RegistryProcess(.basic(username: "$oauthtoken", password: key))
    try ferry.write("\(key)\n", to: "new.key")
    let arguments = try ["import", FixtureArchive.small(), "--plain-http", "--to", "\(registry.host)/new"]
    try ferry.run(arguments + ["--api-key-file", "new.key"], exits: 0).complains("the API key in new.key")
    #expect(
      try registry.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))

    // The same key from the places that import has of its own.
    var ferry = ferry
    ferry.environment = ["FERRY_IMPORT_API_KEY": key]
    try ferry.run(arguments, exits: 0).complains("FERRY_IMPORT_API_KEY")
    ferry.environment = ["NGC_API_KEY": key]
    try ferry.run(arguments, exits: 10)
    ferry.environment["FERRY_NVIDIA_HOSTS"] = registry.host
    try ferry.run(arguments, exits: 0).complains("NGC_API_KEY")
  }

  @Test func `of one phase are never used by the other`() throws {
    let right = ["FERRY_IMPORT_USERNAME": "old", "FERRY_IMPORT_PASSWORD": "old-pass"]
    var ferry = ferry
    ferry.environment = right.merging(["NGC_API_KEY": "old-pass", "FERRY_IMPORT_API_KEY": "old-pass"]) { $1 }
    let result = try export(exits: 10, with: ferry)
    result.complains("needs credentials, and none were found", "--api-key-file")
    ferry.environment = right
    // A listing is export's unless it is told otherwise.
    try ferry.run(["list", source.host, "--plain-http"], exits: 10)
    try ferry.run(["list", source.host, "--plain-http", "--phase", "import"], exits: 0)
  }

  @Test func `that were found first are the only ones tried`() throws {
    try ferry.write(auth(source.host, "old", "old-pass"), to: "auth.json")
    let result = try export(
      "--auth-file", "auth.json", "--username", "old", "--password-stdin", exits: 10, input: "wrong")
    result.complains("refuses the credentials", "given to the right phase")
  }

  @Test func `that name no host are shown to one registry only`() throws {
    let other = ScriptedServer { _ in ScriptedResponse(200) }
    let images = [source.reference("odd/plain:1"), "\(other.host)/odd/plain:1"]
    var ferry = ferry
    ferry.environment = ["FERRY_EXPORT_API_KEY": "nvapi-0123456789"]
    let export = ["export", "--plain-http", "-o", "a.tar"] + images
    try ferry.run(export, exits: 64).complains("FERRY_EXPORT_API_KEY", source.host, other.host, "--auth-file")
    try ferry.run(["list", "--plain-http", source.host, other.host], exits: 64).complains("of one registry")
    try self.ferry.run(
      export + ["--username", "old", "--password-stdin"], exits: 64, input: "old-pass"
    ).complains("--username", "2 are named")
    #expect(other.requests.isEmpty)
  }

  @Test func `are refused half`() throws {
    var ferry = ferry
    ferry.environment = ["FERRY_EXPORT_USERNAME": "old"]
    try export(exits: 64, with: ferry).complains("FERRY_EXPORT_PASSWORD", "Set both")
    try export("--username", "old", exits: 64).complains("--password-stdin")
    try export("--password-stdin", exits: 64).complains("--username")
  }
}
