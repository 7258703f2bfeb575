import Foundation
import TestSupport
import Testing

/// Two keys for one host: where each phase finds its own.
@Suite(.waiting) struct `The two keys` {
  @Test func `come from key files`() throws {
    var move = try Move()
    move.forgetKeys()
    try move.hide(Keys.dgx + "\n", in: "old.key")
    try move.hide(Keys.ngc + "\n", in: "new.key")
    let exported = try move.export("--api-key-file", "old.key")
    exported.says("the API key in old.key")
    exported.keepsQuiet(of: "warning")
    try move.import("--api-key-file", "new.key").says("the API key in new.key")
    #expect(move.tags == Move.moved)
    move.searchHome()
  }

  @Test func `come from standard input`() throws {
    var move = try Move()
    move.forgetKeys()
    let options = ["--username", "$oauthtoken", "--password-stdin"]
    try move.run(["export", "-o", "fleet.tar"] + move.images + options, input: Keys.dgx)
      .says("credentials from --username and --password-stdin")
    try move.run(["import", "fleet.tar", "--to", move.at("acme")] + options, input: Keys.ngc)
    #expect(move.tags == Move.moved)
    move.searchHome()
  }

  @Test func `come from one auth file with an entry for each namespace, the longest first`() throws {
    var move = try Move()
    move.forgetKeys()
    let text = AuthFiles.stored([
      move.stage.host: "a-key-that-nobody-takes", move.at("olddept"): Keys.dgx,
      move.at("olddept_vision"): Keys.dgx, move.at("acme"): "another-wrong-key",
      move.at("acme/trainer"): Keys.ngc, move.at("acme/vision"): Keys.ngc,
    ])
    try move.hide(text, in: "auth.json")
    let exported = try move.export("--auth-file", "auth.json")
    exported.says(
      "credentials from auth.json, entry '\(move.at("olddept"))'", "entry '\(move.at("olddept_vision"))'")
    let imported = try move.import("--auth-file", "auth.json")
    imported.says("entry '\(move.at("acme/trainer"))'", "entry '\(move.at("acme/vision"))'")
    #expect(move.tags == Move.moved)
    #expect(move.stage.sites(thatSaw: "a-key-that-nobody-takes").isEmpty)
    #expect(move.stage.sites(thatSaw: "another-wrong-key").isEmpty)
    move.searchHome()
  }

  @Test func `come from a credential helper, asked once for each of its entries`() throws {
    var move = try Move()
    move.forgetKeys()
    // What is in the other phase's places is none of the helper's business.
    move.ferry.environment["NGC_API_KEY"] = Keys.ngc
    let spaces = [move.at("olddept"), move.at("olddept_vision"), move.at("acme")]
    let helper = try CredentialHelper(
      in: &move, keys: [spaces[0]: Keys.dgx, spaces[1]: Keys.dgx, spaces[2]: Keys.ngc])
    try FileManager.default.createDirectory(
      atPath: move.ferry.file(".docker"), withIntermediateDirectories: true)
    try move.ferry.write(AuthFiles.helped(spaces[0], spaces[1], spaces[2]), to: ".docker/config.json")
    for tag in ["1.1", "1.2"] {
      move.stage.add(Move.detector, to: "olddept/other-\(tag)", tag: tag, on: .dgx)
    }
    let exported = try move.export(
      images: move.images + [move.at("olddept/other-1.1:1.1"), move.at("olddept/other-1.2:1.2")])
    exported.says(
      "credentials from docker-credential-x for '\(spaces[0])'", ".docker/config.json",
      "docker-credential-x for '\(spaces[1])'")
    #expect(helper.questions.sorted() == ["get \(spaces[0])", "get \(spaces[1])"])
    #expect(move.secrets.found(in: helper.text.utf8).isEmpty)
    #expect(!helper.text.contains("NGC_API_KEY"))

    move.ferry.environment["NGC_API_KEY"] = nil
    try move.import().says("docker-credential-x for '\(spaces[2])'")
    #expect(helper.questions.count == 3)
    #expect(move.tags.count == 4)
    move.searchHome()
  }

  @Test func `of two entries of one helper are not mixed up`() throws {
    var move = try Move()
    move.forgetKeys()
    let other = String(Keys.dgx.reversed())
    let helper = try CredentialHelper(
      in: &move, keys: [move.at("olddept"): Keys.dgx, move.at("olddept_vision"): other])
    try move.ferry.write(
      AuthFiles.helped(move.at("olddept"), move.at("olddept_vision")), to: "auth.json")
    let result = try move.export("--auth-file", "auth.json", exits: 10)
    result.says(
      "1 of 2 images", "\(move.at("olddept_vision/detector:2.0")): ",
      "refuses the credentials for olddept_vision/detector")
    #expect(helper.questions.count == 2)
    #expect(move.stage.sites(thatSaw: other).contains(.registry))
  }

  @Test func `are looked for in the order that is promised`() throws {
    var move = try Move()
    let file = AuthFiles.stored([move.stage.host: Keys.ngc])
    try move.hide(file, in: "auth.json")
    try move.hide(Keys.ngc, in: "new.key")
    try move.export()
    let import_: ([String]) throws -> CommandResult = { [move] options in
      try move.run(["import", "fleet.tar", "--to", move.at("acme"), "--auth-file", "auth.json"] + options)
    }
    try import_(["--api-key-file", "new.key"]).says("the API key in new.key")
    try import_([]).says("credentials from FERRY_IMPORT_API_KEY")
    move.forgetKeys()
    for (variables, said) in [
      (["NGC_CLI_API_KEY", "NGC_API_KEY"], "credentials from NGC_API_KEY"),
      (["NGC_CLI_API_KEY"], "credentials from NGC_CLI_API_KEY"),
      ([], "credentials from auth.json, entry '\(move.stage.host)'"),
    ] {
      var other = move
      for variable in variables { other.ferry.environment[variable] = Keys.ngc }
      try other.run(["import", "fleet.tar", "--to", other.at("acme"), "--auth-file", "auth.json"])
        .says("\(other.stage.host): \(said)")
    }
    try move.import(exits: 10).says("no credentials, asking anonymously", "none were found")
  }

  @Test func `of import are not looked for by export`() throws {
    var move = try Move()
    move.ferry.environment["FERRY_EXPORT_API_KEY"] = nil
    for name in ["NGC_API_KEY", "NGC_CLI_API_KEY", "FERRY_IMPORT_API_KEY"] {
      move.ferry.environment[name] = Keys.ngc
    }
    try move.export(exits: 10).says("no credentials, asking anonymously")
    #expect(move.stage.sites(thatSaw: Keys.ngc).isEmpty)
  }

  @Test func `in a file that others may read are used with a warning`() throws {
    var move = try Move()
    try move.hide(Keys.dgx, in: "old.key")
    for mode in [0o640, 0o604] as [mode_t] {
      chmod(move.ferry.file("old.key"), mode)
      try move.export("--api-key-file", "old.key", "--force")
        .says("warning: others may read old.key; chmod 600 keeps the key to yourself")
    }
    chmod(move.ferry.file("old.key"), 0o600)
    try move.export("--api-key-file", "old.key").keepsQuiet(of: "warning")
  }

  @Test func `that are one entry for both phases are used with a warning, once`() throws {
    var move = try Move()
    move.forgetKeys()
    try move.hide(AuthFiles.stored([move.stage.host: Keys.dgx]), in: "auth.json")
    let result = try move.export("--auth-file", "auth.json", "--quiet")
    result.says("would serve export and import alike, and \(move.stage.host) has a key for each")
    #expect(result.standardError.components(separatedBy: "warning:").count == 2)
    // A key of the other phase's own makes them two.
    move.ferry.environment["FERRY_IMPORT_API_KEY"] = Keys.ngc
    try move.export("--auth-file", "auth.json").keepsQuiet(of: "warning")
  }

  @Test func `that look like the other phase's are used with a warning`() throws {
    var move = try Move()
    try move.export()
    move.ferry.environment["FERRY_EXPORT_API_KEY"] = Keys.ngc
    move.ferry.environment["FERRY_IMPORT_API_KEY"] = Keys.dgx
    let host = move.stage.host
    try move.import(exits: 11).says(
      "warning: the key for \(host) looks like one for the DGX registry, and this is the import",
      "The key looks like one for the DGX registry; import wants the NGC key.")
    try move.export("--force", exits: 11).says(
      "warning: the key for \(host) looks like one for NGC, and this is the export")
    // The warning is no judgement: out of NGC the same key is right.
    move.stage.add(Move.detector, to: "acme/old", tag: "1", on: .ngc)
    try move.export("--force", images: [move.at("acme/old:1")]).says("looks like one for NGC")
  }

  @Test func `that only a helper with trouble has are spoken of with the way out`() throws {
    var move = try Move()
    move.forgetKeys()
    try move.ferry.write(AuthFiles.helped(move.stage.host), to: "auth.json")
    let result = try move.export("--auth-file", "auth.json", exits: 10)
    result.says("docker-credential-x gave no credentials for \(move.stage.host): it is not in PATH")
    result.says("Run it by hand, or give the key by a flag or an environment variable.")
    #expect(move.stage.requests(at: .registry).isEmpty)
  }

  @Test func `stand in for nothing in an identity token's place`() throws {
    let image = StagedImage(layers: [StagedImage.noise(1000)])
    let secret = "identity-0123456789"
    let registry = ScriptedServer { request in
      let host = request.header("Host") ?? ""
      guard request.header("Authorization") == "Bearer given" else {
        let challenge = "Bearer realm=\"http://\(host)/token\",service=\"s\""
        if request.path == "/token" {
          let isRight =
            request.method == "POST"
            && String(decoding: request.body, as: UTF8.self)
              .split(separator: "&").contains("refresh_token=\(secret)")
          return isRight
            ? ScriptedResponse(json: #"{"access_token":"given"}"#) : ScriptedResponse(401, text: "")
        }
        return ScriptedResponse(401, headers: [("WWW-Authenticate", challenge)])
      }
      let name = request.path.split(separator: "/").last.map(String.init) ?? ""
      if request.path.hasSuffix("/manifests/1") {
        return ScriptedResponse(headers: [("Content-Type", image.mediaType)], body: image.manifest)
      }
      guard let blob = image.blobs[name] else { return ScriptedResponse(404) }
      return ScriptedResponse(body: blob)
    }
    let ferry = try FerryProcess()
    try ferry.write(#"{"auths":{"\#(registry.host)":{"identitytoken":"\#(secret)"}}}"#, to: "auth.json")
    let result = try ferry.run(
      "export", "\(registry.host)/team/app:1", "-o", "a.tar", "--plain-http", "-v", "--auth-file",
      "auth.json")
    #expect(result.status == 0, "\(result.standardError)")
    result.says("entry '\(registry.host)'")
    #expect(!(result.standardError + result.standardOutput).contains(secret))
  }
}
