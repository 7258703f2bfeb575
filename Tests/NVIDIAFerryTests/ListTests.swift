import Foundation
import TestSupport
import Testing

/// What NVIDIA's registries hold, by REST; and others, by the distribution API.
@Suite(.waiting) struct `A listing` {
  private func move() throws -> Move {
    let move = try Move(
      ngc: .ngc(key: Keys.ngc, organizations: ["acme", "other"], access: ["acme/closed/": .none]))
    for (name, tag) in [("acme/base", "1"), ("acme/base", "2"), ("acme/vision/net", "a"), ("other/x", "1")] {
      move.stage.add(Move.detector, to: name, tag: tag, on: .ngc)
    }
    move.stage.edit("acme/vision/empty", on: .ngc) { _ in }
    move.stage.edit("nvidia/cuda", on: .dgx) { $0.isPublic = true }
    move.stage.add(Move.detector, to: "nvidia/cuda", tag: "8.0", on: .dgx)
    return move
  }

  private func list(
    _ move: Move, _ places: [String], _ options: String..., exits status: Int32 = 0
  ) throws -> CommandResult {
    try move.run(
      ["list"] + places.map { $0.isEmpty ? move.stage.host : move.at($0) } + options, exits: status)
  }

  @Test func `of DGX has a line for each tag, which export reads`() throws {
    let move = try move()
    let all = try list(move, [""])
    #expect(
      all.lines == [
        move.at("nvidia/cuda:8.0"), move.at("olddept/trainer:1.0"),
        move.at("olddept_vision/detector:2.0"),
      ])
    #expect(try list(move, ["olddept"]).lines == [move.at("olddept/trainer:1.0")])
    #expect(move.stage.lines(at: .dgxAPI).first == "GET /rest/api/v1/repository?includePublic=true")
    let key = Data(Keys.dgx.utf8).base64EncodedString()
    #expect(
      move.stage.requests(at: .dgxAPI).allSatisfy { $0.header("Authorization") == "APIKey \(key)" })
    #expect(move.stage.sites(thatSaw: Keys.dgx) == [.dgxAPI])

    try move.ferry.write(all.standardOutput, to: "images.txt")
    try move.export("-f", "images.txt", images: [])
    #expect(try inspect(move).strings("images", "reference").sorted() == all.lines)
  }

  @Test func `of NGC has the teams' repositories, and none for an empty one`() throws {
    let move = try move()
    let listed = try list(move, [""], "--phase", "import")
    #expect(
      listed.lines == ["acme/base:1", "acme/base:2", "acme/vision/net:a", "other/x:1"].map(move.at))
    #expect(
      try list(move, ["acme/vision"], "--phase", "import").lines == [move.at("acme/vision/net:a")])
    #expect(move.stage.lines(at: .ngcAPI).contains("GET /v2/org/acme/team/vision/repos/net/images"))
    #expect(move.stage.lines(at: .authn).allSatisfy { $0 == "GET /token?scope=group/ngc" })
    let key = Data(Keys.ngc.utf8).base64EncodedString()
    #expect(move.stage.requests(at: .authn).allSatisfy { $0.header("Authorization") == "ApiKey \(key)" })
    #expect(move.stage.sites(thatSaw: Keys.ngc) == [.authn])
    #expect(try list(move, [""], "--phase", "import", "--json").json().strings("images", "tag").count == 4)
  }

  @Test func `has sizes and dates behind a mark of comment when it is long`() throws {
    let move = try move()
    let result = try list(move, ["olddept_vision"], "--long")
    let line = try #require(result.lines.first)
    #expect(line.hasPrefix(move.at("olddept_vision/detector:2.0")))
    #expect(line.wholeMatch(of: /\S+ +# +341\.8 KiB +2017-03-27T18:48:21\.000Z/) != nil, "\(line)")
    #expect(move.stage.requests(at: .registry).isEmpty, "REST says it all")
    try move.ferry.write(result.standardOutput, to: "images.txt")
    try move.export("-f", "images.txt", images: [])
  }

  @Test func `does not know what is of Docker's schema 1, and the plan of an export does`() throws {
    let move = try move()
    let old = StagedImage(
      schema1: [StagedImage.noise(2_000, seed: 5), StagedImage.noise(3_000, seed: 6)],
      name: "olddept/trainer",
      tag: "0.1")
    move.stage.add(old, to: "olddept/trainer", tag: "0.1", on: .dgx)
    let listed = try list(move, ["olddept"], "--long")
    #expect(listed.lines.count == 2 && !listed.standardOutput.contains("schema 1"))
    #expect(move.stage.requests(at: .registry).isEmpty)
    let plan = try move.export("--all-repositories", "--dry-run", images: [move.at("olddept")])
    let marked = plan.lines.filter { $0.hasSuffix("Docker schema 1") }
    #expect(marked.count == 1 && marked[0].hasPrefix(move.at("olddept/trainer:0.1")))
    #expect(marked.first?.contains(old.digest) == true)
    plan.says("\(move.at("olddept/trainer:0.1")) is a Docker schema 1 image")
    try move.export("--all-repositories", images: [move.at("olddept")])
    #expect(try move.ferry.run("verify", "fleet.tar").status == 0)
  }

  @Test
  func `says once that untagged manifests cannot be listed, and finds what a signature's tag speaks of`()
    throws
  {
    let move = try move()
    move.stage.add(Move.detector, to: "olddept/trainer", on: .dgx)
    move.stage.add(
      StagedImage(layers: [StagedImage.noise(100, seed: 9)]), to: "olddept/trainer",
      tag: "sha256-\(Move.detector.digest.dropFirst(7)).sig", on: .dgx)
    let listed = try list(move, ["olddept", "olddept_vision"], "--untagged")
    #expect(listed.lines.contains(move.at("olddept/trainer@\(Move.detector.digest)")))
    #expect(listed.lines.count == 4)
    let words = "untagged manifests: cannot be listed at \(move.stage.host); "
    #expect(listed.standardError.components(separatedBy: words).count == 2, "\(listed.standardError)")
    let result = try move.export(
      "--all-repositories", "--untagged", images: [move.at("olddept"), move.at("olddept_vision")])
    #expect(result.standardError.components(separatedBy: words).count == 2, "\(result.standardError)")
    #expect(try inspect(move).strings("images", "reference").contains(listed.lines[0]))
    try move.import()
    #expect(move.stage.content(on: .ngc)["acme/trainer"]?.manifests[Move.detector.digest] != nil)
    try move.run(["check", "fleet.tar", "--to", move.at("acme")])
    try move.run(["check", "fleet.tar", "--no-new"])
  }

  @Test func `in JSON has everything known`() throws {
    let move = try move()
    move.stage.edit("olddept/trainer", on: .dgx) {
      $0.description = "# Trainer\n\u{1B}[31mred"
      $0.isReadOnly = true
    }
    let report = try list(move, ["olddept"], "--json").json()
    #expect(report["schema"] as? String == "ferry/list-report/v1")
    let image = try #require(report.objects("images").first)
    #expect(image["reference"] as? String == move.at("olddept/trainer:1.0"))
    #expect(image["repository"] as? String == "olddept/trainer")
    #expect(image["updated"] as? String == "2017-03-27T18:48:21.000Z")
    #expect(image["imageID"] as? String == String(Move.trainer.digest.dropFirst(7)))
    #expect(image["isReadOnly"] as? Bool == true)
    #expect(image["isPublic"] as? Bool == false)
    #expect(image["description"] as? String == "# Trainer\n\u{1B}[31mred")
  }

  @Test func `goes on past a repository that cannot be read, and says which`() throws {
    let move = try move()
    move.stage.add(Move.detector, to: "acme/closed/net", tag: "a", on: .ngc)
    let result = try list(move, ["acme"], "--phase", "import", exits: 3)
    #expect(result.lines == ["acme/base:1", "acme/base:2", "acme/vision/net:a"].map(move.at))
    result.says("cannot read \(move.at("acme/closed/net")): the NGC service does not show this to the key")
    let report = try list(move, ["acme"], "--phase", "import", "--json", exits: 3).json()
    #expect(report.strings("failures", "image") == [move.at("acme/closed/net")])
    #expect(report.objects("failures").map { $0["status"] as? Int } == [11])
  }

  @Test func `goes on past a place that cannot be read, and says which`() throws {
    var move = try move()
    let result = try list(move, ["olddept", "olddept_vision"], exits: 0)
    #expect(result.lines.count == 2)
    let other = ScriptedServer { _ in ScriptedResponse(404, text: "") }
    move.forgetKeys()
    try move.hide(AuthFiles.stored([move.stage.host: Keys.dgx]), in: "auth.json")
    let mixed = try move.run(
      ["list", move.at("olddept"), other.host, "--auth-file", "auth.json"], exits: 3)
    #expect(mixed.lines == [move.at("olddept/trainer:1.0")])
    mixed.says("cannot read \(other.host)")
  }

  @Test func `with a key that neither service takes says what each said`() throws {
    var move = try move()
    move.ferry.environment["FERRY_EXPORT_API_KEY"] = "0123456789"
    let result = try list(move, [""], exits: 10)
    result.says(
      "neither of NVIDIA's registries takes the key", "the DGX service does not accept the key",
      "the NGC service does not accept the key")
  }

  @Test func `needs a key on NVIDIA's hosts`() throws {
    var move = try move()
    move.forgetKeys()
    let result = try list(move, [""], exits: 10)
    result.says("no credentials, asking anonymously", "--api-key-file")
  }

  @Test func `chooses what export takes with --all-repositories`() throws {
    let move = try move()
    let result = try move.export("--all-repositories", images: [move.at("olddept")])
    #expect(result.lines.count == 1)
    let names = try inspect(move).strings("images", "reference")
    #expect(names == [move.at("olddept/trainer:1.0")])

    try move.export(
      "--all-repositories", "--force", "--tags", "!8.*", images: [move.stage.host])
    #expect(
      try inspect(move).strings("images", "reference").sorted()
        == [move.at("olddept/trainer:1.0"), move.at("olddept_vision/detector:2.0")])
  }

  @Test func `that is not whole stops export unless it is told to keep going`() throws {
    let move = try Move(dgx: .dgx(key: Keys.dgx, access: ["olddept_vision/": .none]))
    try move.export("--all-repositories", images: [move.stage.host], exits: 12)
      .says(move.at("olddept_vision/detector"), "the DGX service has no such thing")
    #expect(move.stage.requests(at: .cdn).isEmpty)
    try move.export("--all-repositories", "--keep-going", images: [move.stage.host], exits: 3)
      .says("failed: \(move.at("olddept_vision/detector"))")
    #expect(try inspect(move).strings("images", "reference") == [move.at("olddept/trainer:1.0")])
  }

  private func inspect(_ move: Move) throws -> [String: Any] {
    let result = try move.ferry.run("inspect", "fleet.tar", "--json")
    return try #require(result.json().objects("archives").first)
  }

  @Test func `elsewhere follows links from page to page on the same host only`() throws {
    let elsewhere = ScriptedServer { _ in ScriptedResponse(json: #"{"tags":["stolen"]}"#) }
    let leads = elsewhere.url("/v2/team/b/tags/list")
    let registry = ScriptedServer { request in
      switch request.target {
      case "/v2/_catalog?n=1000":
        ScriptedResponse(
          headers: [("Link", #"</v2/_catalog?last=a&n=1000>; rel="next""#)],
          text: #"{"repositories":["team/a"]}"#)
      case "/v2/_catalog?last=a&n=1000": ScriptedResponse(json: #"{"repositories":["team/b","x/c"]}"#)
      case "/v2/team/b/tags/list?n=1000":
        ScriptedResponse(headers: [("Link", "<\(leads)>; rel=\"next\"")], text: #"{"tags":["1"]}"#)
      case "/v2/team/a/tags/list?n=1000": ScriptedResponse(json: #"{"tags":["2","1"]}"#)
      default: ScriptedResponse(404, text: "")
      }
    }
    let ferry = try FerryProcess()
    let result = try ferry.run("list", "\(registry.host)/team", "--plain-http")
    #expect(result.lines == ["\(registry.host)/team/a:1", "\(registry.host)/team/a:2"])
    result.says("cannot read \(registry.host)/team/b", "breaks the protocol: Link")
    #expect(result.status == 3)
    #expect(elsewhere.requests.isEmpty)
  }
}
