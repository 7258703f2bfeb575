import Foundation
import TestSupport
import Testing

/// The standard token flow, with Debian's registry and tokens that are signed and checked.
@Suite(.waiting) struct `A registry with signed tokens` {
  private let key = "nvapi-0123456789-for-the-standard-flow"
  private let ferry: FerryProcess
  private let source: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess(
      .tokens(try TokenServer(users: ["old": "old-pass"], lifetime: 60)), fixtures: true)
  }

  private func run(
    _ arguments: [String], exits status: Int32 = 0, _ variables: [String: String] = [:]
  ) throws -> CommandResult {
    var ferry = ferry
    ferry.environment = variables
    let result = try ferry.command(arguments + ["--plain-http"]).run()
    #expect(result.status == status, "\(result.standardError)")
    let printed = result.standardOutput + result.standardError
    for secret in ["old-pass", key, Data("old:old-pass".utf8).base64EncodedString(), "eyJ"] {
      #expect(!printed.contains(secret))
    }
    return result
  }

  private func export() throws {
    let variables = ["FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "old-pass"]
    try run(
      ["export", "-v", "-o", "a.tar", source.reference("odd/plain:1"), source.reference("odd/empty:1")],
      variables
    ).says("2 images exported and proved")
  }

  @Test func `is read, listed and written to by who has the rights`() throws {
    try export()
    let variables = ["FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "old-pass"]
    let listed = try run(["list", "\(source.host)/odd"], variables)
    #expect(listed.lines.contains(source.reference("odd/plain:1")))

    let server = try TokenServer(users: ["$oauthtoken": key], field: "access_token")
    let target = try RegistryProcess(.tokens(server))
    try run(
      ["import", "a.tar", "--to", "\(target.host)/new", "-v"], ["FERRY_IMPORT_API_KEY": key]
    ).says("2 images pushed and read back")
    #expect(try target.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
    #expect(server.requests.allSatisfy { $0.user == "$oauthtoken" && $0.service == server.service })
    #expect(server.requests.contains { $0.scopes == ["repository:new/plain:pull,push"] })
  }

  @Test func `is asked for rights before bytes move`() throws {
    try export()
    let server = try TokenServer(users: ["$oauthtoken": key]) { user, repository, action in
      user != nil && (repository != "new/plain" || action == "pull")
    }
    let target = try RegistryProcess(.tokens(server))
    let arguments = ["import", "a.tar", "--to", "\(target.host)/new", "-v"]
    let variables = ["FERRY_IMPORT_API_KEY": key]
    for options in [[], ["--dry-run"]] {
      let result = try run(arguments + options, exits: 11, variables)
      result.says("no permission to push to \(target.host)/new/plain")
      result.keepsQuiet(of: "NGC", "\(target.host)/new/empty:")
    }
    try run(arguments + ["--keep-going"], exits: 3, variables)
      .says("1 image pushed and read back", "1 image failed")
    target.stop()
    #expect(target.storage.repositories == ["new/empty"])
    let writes = target.requests.filter { !["GET", "HEAD"].contains($0.method) }
    #expect(!writes.isEmpty)
    #expect(writes.allSatisfy { $0.path.hasPrefix("/v2/new/empty/") })
  }

  @Test func `names what may not be pulled`() throws {
    let server = try TokenServer(users: ["old": "old-pass"]) { _, repository, _ in repository == "odd/plain" }
    let closed = try RegistryProcess(.tokens(server), fixtures: true)
    let images = ["odd/plain:1", "odd/empty:1", "odd/twice:1"].map(closed.reference)
    let result = try run(
      ["export", "-o", "a.tar"] + images, exits: 11,
      ["FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "old-pass"])
    result.says("2 of 3 images cannot be carried", images[1], images[2])
    closed.stop()
    #expect(closed.requests.allSatisfy { !$0.path.contains("/blobs/") })
  }
}
