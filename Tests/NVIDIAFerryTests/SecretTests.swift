import Foundation
import TestSupport
import Testing

/// Keys, tokens and signed queries stay out of everything that is printed and written.
@Suite(.waiting) struct `A search for secrets` {
  @Test func `finds those that are there`() throws {
    let move = try Move()
    try move.export()
    let token = try #require(
      move.stage.requests(at: .registry).compactMap { $0.header("Authorization") }
        .last { $0.hasPrefix("Bearer ") })
    let query = try #require(move.stage.requests(at: .cdn).first?.query)
    let basic = Data("$oauthtoken:\(Keys.ngc)".utf8).base64EncodedString()
    for (text, name) in [
      (Keys.dgx, "a key"), (Data(Keys.dgx.utf8).base64EncodedString(), "a key in base64"),
      (basic, "a key in Basic"), (token, "a token"), ("…?\(query)&x", "a signed query"),
    ] {
      #expect(move.secrets.found(in: "so \(text) it is".utf8).contains(name))
    }
    try move.ferry.write(Keys.dgx, to: "planted")
    #expect(move.secrets.found(below: move.ferry.home.path, except: []) == ["a key in planted"])
  }

  @Test(arguments: [StageBehaviour.TokenForm.jwt, .opaque])
  func `finds none in reports, lists and plans`(_ form: StageBehaviour.TokenForm) throws {
    let move = try Move()
    move.stage.change { $0.tokenForm = form }
    try move.run(["list", move.stage.host, "-v", "--long"])
    try move.run(["list", move.stage.host, "-v", "--json"])
    try move.run(["list", move.stage.host, "-v", "--phase", "import"])
    try move.export("-v", "--dry-run", "--json")
    try move.export("-v", "--report", "export.json")
    try move.import("-v", "--dry-run", "--json")
    try move.import("-v", "--report", "import.json")
    move.searchHome()
  }

  @Test func `finds none in what the services say back`() throws {
    let move = try Move()
    let basic = Data("$oauthtoken:\(Keys.dgx)".utf8).base64EncodedString()
    let said = #"{"errors":[{"code":"DENIED","message":"bad key \#(Keys.dgx), \#(basic)"}]}"#
    move.stage.add(StageFault(.answer(ScriptedResponse(403, json: said)), at: .dgxAPI, times: .max))
    try move.run(["list", move.stage.host, "-v"], exits: 10).says(
      "does not show this to the key: DENIED, bad key …")
    for site in [NVIDIAStage.Site.legacyRealm, .registry] {
      let move = try Move()
      move.stage.add(
        StageFault(.answer(ScriptedResponse(403, json: said)), at: site, matching: "/v2/", times: .max))
      try move.export("-v", exits: 11)
    }
  }

  @Test func `finds none in what a killed export leaves`() throws {
    let move = try Move()
    let gate = Gate()
    defer { gate.open() }
    let blob = StagedImage.digest(of: Move.shared).dropFirst(7)
    let head = ScriptedResponse.head(200, [], length: Move.shared.count)
    move.stage.add(
      StageFault(
        .answer(
          ScriptedResponse(steps: [
            .send(head), .send(Array(Move.shared.prefix(100_000))), .stall(gate), .close,
          ])
        ), at: .cdn, matching: "/blobs/\(blob)"))
    let process = try move.ferry.command(["export", "-o", "fleet.tar", "-v", "--plain-http"] + move.images)
      .start()
    #expect(move.stage.server(.cdn).waitForRequests(1))
    let result = try #require(process.kill())
    #expect(move.secrets.found(in: result.output + result.error).isEmpty)
    let left = try FileManager.default.contentsOfDirectory(atPath: move.ferry.home.path)
    #expect(left.contains { $0.hasPrefix("fleet.tar.") })
    move.searchHome()
    try move.export("-v")
    move.searchHome()
  }
}
