import Foundation
import TestSupport
import Testing

/// Rights are asked for before bytes move, and all that is missing is said at once.
@Suite struct `Before any blob moves` {
  /// The team may be read, `trainer` may not even be that; what else is in `acme` may be pushed to.
  private static let access: [String: StageAccount.Access] = ["acme/vision/": .pull, "acme/trainer": .none]

  private func move(_ form: StageBehaviour.TokenForm, denialStatus: Int = 401) throws -> Move {
    let move = try Move(ngc: .ngc(key: Keys.ngc, organizations: ["acme"], access: Self.access))
    move.stage.change { ($0.tokenForm, $0.denialStatus) = (form, denialStatus) }
    move.stage.add(Move.detector, to: "olddept/open", tag: "3.0", on: .dgx)
    try move.export(images: move.images + [move.at("olddept/open:3.0")])
    return move
  }

  private static let cases: [(StageBehaviour.TokenForm, Int)] = [
    (.jwt, 401), (.jwt, 403), (.opaque, 401), (.opaque, 403),
  ]

  private func expectRemedies(_ result: CommandResult, of move: Move) {
    result.says(
      "2 repositories may not be pushed to:", "  \(move.at("acme/trainer"))",
      "  \(move.at("acme/vision/detector"))",
      "Is 'acme' the organisation's name as the NGC website shows it in the top right corner?",
      "Create the team 'vision' in 'acme' on the NGC website and add the key's user to it first.",
      "Make the key with the service \"Private Registry\" included.")
    #expect(result.standardError.components(separatedBy: "top right corner").count == 2)
  }

  @Test(arguments: cases.indices)
  func `import names every repository that may not be pushed to`(_ index: Int) throws {
    let move = try move(Self.cases[index].0, denialStatus: Self.cases[index].1)
    expectRemedies(try move.import(exits: 11), of: move)
    #expect(move.tags.isEmpty)
    expectOnlyProbes(move)
  }

  /// The JWT says what it grants; for an opaque token an upload is opened and given up.
  private func expectOnlyProbes(_ move: Move, sourceLocation: SourceLocation = #_sourceLocation) {
    let opened = move.stage.writes.filter { $0.hasPrefix("POST ") }
    let given = move.stage.writes.filter { $0.hasPrefix("DELETE ") }
    #expect(move.stage.writes.count == opened.count + given.count, sourceLocation: sourceLocation)
    #expect(opened.allSatisfy { $0.hasSuffix("/blobs/uploads/") }, sourceLocation: sourceLocation)
    #expect(
      move.stage.content(on: .ngc).values.allSatisfy { $0.blobs.isEmpty }, sourceLocation: sourceLocation)
  }

  @Test func `import opens and gives up an upload where a token does not say what it grants`() throws {
    let move = try move(.opaque)
    try move.import(exits: 11)
    let toOpen = move.stage.writes.filter { $0.contains("/acme/open/") }
    #expect(toOpen.first == "POST /v2/acme/open/blobs/uploads/")
    #expect(toOpen.last?.hasPrefix("DELETE /v2/acme/open/blobs/uploads/") == true)

    let telling = try self.move(.jwt)
    try telling.import(exits: 11)
    #expect(telling.stage.writes.isEmpty)
  }

  @Test(arguments: cases.indices)
  func `a dry run shows the same, and the whole table`(_ index: Int) throws {
    let move = try move(Self.cases[index].0, denialStatus: Self.cases[index].1)
    let result = try move.import("--dry-run", exits: 11)
    expectRemedies(result, of: move)
    let rows = result.lines.map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains { $0.first == move.images[0] && $0.last == "refused" })
    #expect(rows.contains { $0.first == move.images[1] && $0.last == "refused" })
    #expect(rows.contains { $0.first == move.at("olddept/open:3.0") && $0.last == "new" })
    expectOnlyProbes(move)

    let report = try move.import("--dry-run", "--json", exits: 11).json()
    #expect(report.strings("images", "state").sorted() == ["new", "refused", "refused"])
    #expect(report.objects("blockers").map { $0["status"] as? Int } == [11])
    #expect((report.objects("blockers").first?["remedy"] as? String)?.contains("team 'vision'") == true)

    expectRemedies(try move.import("--dry-run", "--keep-going", exits: 3), ofKeptGoing: move)
  }

  private func expectRemedies(_ result: CommandResult, ofKeptGoing move: Move) {
    result.says(
      "2 of 3 images cannot be carried:", "no permission to push to \(move.at("acme/trainer"))",
      "Create the team 'vision' in 'acme'", "top right corner")
  }

  @Test(arguments: [StageBehaviour.TokenForm.jwt, .opaque])
  func `import that keeps going pushes the others`(_ form: StageBehaviour.TokenForm) throws {
    let move = try move(form)
    let result = try move.import("--keep-going", "--report", "report.json", exits: 3)
    expectRemedies(result, of: move)
    result.says("failed: \(move.images[0])", "failed: \(move.images[1])")
    #expect(move.tags == ["acme/open": ["3.0": Move.detector.digest]])
    #expect(Set(move.stage.content(on: .ngc).filter { !$1.blobs.isEmpty }.keys) == ["acme/open"])
    let data = try Data(contentsOf: URL(fileURLWithPath: move.ferry.file("report.json")))
    let report = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(report.strings("images", "state").sorted() == ["failed", "failed", "pushed"])
    #expect(report.strings("failures", "image").sorted() == move.images.sorted())
    #expect(
      report.objects("failures").allSatisfy { ($0["remedy"] as? String)?.contains("'acme'") == true })
  }

  @Test func `import with a key that is not taken names what to do with such a key`() throws {
    let move = try Move()
    try move.export()
    var other = move
    other.ferry.environment["FERRY_IMPORT_API_KEY"] = "nvapi-expired"
    try other.import(exits: 10).says(
      "refuses the credentials", "Has the personal key expired? Make a new one on the NGC website.")
    other.ferry.environment["FERRY_IMPORT_API_KEY"] = String(repeating: "A", count: 84)
    try other.import(exits: 10).says("Making a new legacy key ends the one before: use the newest.")
    other.ferry.environment["FERRY_IMPORT_API_KEY"] = nil
    let anonymous = try other.import(exits: 10)
    anonymous.says("needs credentials, and none were found", "--api-key-file")
    anonymous.keepsQuiet(of: "expired")
    #expect(move.stage.writes.isEmpty)
  }

  @Test(arguments: [401, 403])
  func `export names every image that may not be pulled`(_ status: Int) throws {
    let access: [String: StageAccount.Access] = ["olddept_vision/": .none, "olddept/closed": .none]
    let move = try Move(dgx: .dgx(key: Keys.dgx, access: access))
    move.stage.change { $0.denialStatus = status }
    move.stage.add(Move.detector, to: "olddept/closed", tag: "3.0", on: .dgx)
    let images = move.images + [move.at("olddept/closed:3.0")]
    for options in [[], ["--dry-run"]] {
      let result = try move.run(["export", "-o", "fleet.tar"] + images + options, exits: 11)
      result.says(
        "2 of 3 images cannot be carried:", "\(images[1]): no permission to pull from",
        "\(images[2]): no permission to pull from", "--keep-going carries the others.")
    }
    #expect(move.stage.lines(at: .registry).allSatisfy { !$0.contains("/blobs/") })
    #expect(move.stage.requests(at: .cdn).isEmpty)
    #expect(!FileManager.default.fileExists(atPath: move.ferry.file("fleet.tar")))

    let report = try move.run(
      ["export", "-o", "fleet.tar", "--dry-run", "--json", "--keep-going"] + images, exits: 3
    ).json()
    #expect(report.strings("failures", "image").sorted() == [images[1], images[2]].sorted())
    #expect(report.strings("images", "reference") == [images[0]])
    try move.export("--keep-going", images: images, exits: 3).says("1 image exported and proved")
  }

  @Test func `export out of NGC has NGC's remedies`() throws {
    var move = try Move(ngc: .ngc(key: Keys.ngc, organizations: ["acme"], access: Self.access))
    move.ferry.environment["FERRY_EXPORT_API_KEY"] = Keys.ngc
    move.stage.add(Move.detector, to: "acme/trainer", tag: "1", on: .ngc)
    move.stage.add(Move.detector, to: "foreign/team/net", tag: "1", on: .ngc)
    try move.export(images: [move.at("acme/trainer:1"), move.at("foreign/team/net:1")], exits: 11).says(
      "Is 'foreign' the organisation's name", "Create the team 'team' in 'foreign'",
      "Make the key with the service \"Private Registry\" included.")
  }
}
