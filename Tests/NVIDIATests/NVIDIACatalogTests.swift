import TestSupport
import Testing

@testable import NVIDIA

@Suite(.waiting) struct `A listing of NVIDIA's registries` {
  private let image = StagedImage(layers: [StagedImage.noise(1000)])

  private func stage(
    _ behaviour: StageBehaviour = StageBehaviour(), keys: (dgx: String, ngc: String) = (Keys.dgx, Keys.ngc)
  ) -> NVIDIAStage {
    var member = StageAccount.ngc(key: keys.ngc, organizations: ["acme", "other"])
    member.access = ["acme/secret": .none]
    let stage = NVIDIAStage(
      behaviour, accounts: [.dgx(key: keys.dgx, access: ["olddept/closed": .none]), member])
    for path in ["olddept/trainer", "olddept/closed", "olddept_vision/net"] {
      stage.add(image, to: path, tag: "1.0", on: .dgx)
    }
    stage.edit("olddept/trainer", on: .dgx) { $0.description = "# Trainer" }
    for path in ["acme/base", "acme/secret", "acme/vision/net", "other/tool", "nvidia/cuda"] {
      stage.add(image, to: path, tag: "2.0", on: .ngc)
    }
    stage.edit("acme/empty", on: .ngc) { $0.description = nil }
    stage.edit("nvidia/cuda", on: .ngc) { $0.isPublic = true }
    return stage
  }

  @Test func `lists a DGX space, and goes on past what cannot be read`() throws {
    let stage = stage()
    let catalog = try stage.catalog(Keys.dgx)
    let found = try catalog.repositories(below: "olddept")
    #expect(found.repositories.map(\.path) == ["olddept/closed", "olddept/trainer"])
    #expect(found.repositories.last?.description == "# Trainer")
    #expect(throws: NVIDIAError.self) { try catalog.tags(of: found.repositories[0]) }
    let tags = try catalog.tags(of: found.repositories[1]).entries
    #expect(tags.map(\.name) == ["1.0"])
    #expect(tags.first?.size == 1000)
    #expect(found.failures.isEmpty)
    #expect(stage.requests(at: .authn).isEmpty, "a DGX key was shown to NGC without need")
  }

  @Test func `lists an NGC organisation with its teams, and only that`() throws {
    let stage = stage()
    let catalog = try stage.catalog(Keys.ngc)
    let found = try catalog.repositories(below: "acme")
    #expect(
      found.repositories.map(\.path) == ["acme/base", "acme/empty", "acme/secret", "acme/vision/net"])
    let tags = found.repositories.map { try? catalog.tags(of: $0).entries.map(\.name) }
    #expect(tags == [["2.0"], [], nil, ["2.0"]])
    #expect(found.failures.isEmpty)
    #expect(stage.requests(at: .dgxAPI).isEmpty, "an NGC key was shown to DGX without need")
  }

  @Test(arguments: [
    ("acme/vision", ["acme/vision/net"]), ("acme/base", ["acme/base"]), ("acme/bas", []),
    ("nvidia", ["nvidia/cuda"]), ("other", ["other/tool"]),
    (
      "",
      ["acme/base", "acme/empty", "acme/secret", "acme/vision/net", "nvidia/cuda", "other/tool"]
    ),
  ])
  func `lists what lies below a place`(_ location: String, _ paths: [String]) throws {
    let stage = stage()
    let found = try stage.catalog(Keys.ngc).repositories(below: location)
    #expect(found.repositories.map(\.path) == paths)
    #expect(found.failures.isEmpty)
    #expect(stage.lines(at: .authn) == ["GET /token?scope=group/ngc"])
  }

  @Test func `asks, rather than measures, whose key it is`() throws {
    let shapes = [(Keys.ngc, Keys.dgx), ("an-odd-key", "another-odd-key")]
    for (dgx, ngc) in shapes {
      let stage = stage(keys: (dgx, ngc))
      let old = try stage.catalog(dgx).repositories(below: "").repositories
      #expect(old.map(\.path) == ["olddept/closed", "olddept/trainer", "olddept_vision/net"])
      let new = try stage.catalog(ngc).repositories(below: "acme/vision").repositories
      #expect(new.map(\.path) == ["acme/vision/net"])
    }
  }

  @Test func `says what both services said when neither takes the key`() throws {
    let stage = stage()
    let catalog = try stage.catalog("nvapi-unknown")
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories(below: "acme") }
    guard case .noServiceAccepts(let refusals) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(refusals.map(\.service) == [.ngc, .dgx])
    #expect(!"\(error)".contains("nvapi-unknown"))
  }

  @Test func `asks the other service when the first is gone for good`() throws {
    let stage = NVIDIAStage(accounts: [.ngc(key: Keys.dgx, organizations: ["acme"])])
    stage.server(.dgxAPI).stop()
    #expect(try stage.catalog(Keys.dgx).repositories(below: "").failures.isEmpty)
    #expect(stage.sites(thatSaw: Keys.dgx) == [.authn])
  }

  @Test func `tells of both services when the first is busy and the other refuses the key`() throws {
    let stage = stage()
    stage.add(StageFault(.answer(ScriptedResponse(503)), at: .dgxAPI, times: 100))
    let catalog = try stage.catalog(Keys.dgx)
    let error = try #require(throws: NVIDIAError.self) { try catalog.repositories(below: "") }
    guard case .noServiceAccepts(let refusals) = error, case .overwhelmed(.dgx, _, 503) = refusals[0].error,
      case .unauthorized(.ngc, _, _) = refusals[1].error
    else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func `lists an organisation by its name for a key that may not list organisations`() throws {
    let stage = stage()
    stage.add(
      StageFault(
        .answer(ScriptedResponse(403, json: #"{"requestStatus":{"statusCode":"FORBIDDEN"}}"#)),
        at: .ngcAPI, matching: "/v2/orgs", times: 9))
    let found = try stage.catalog(Keys.ngc).repositories(below: "acme/vision")
    #expect(found.repositories.map(\.path) == ["acme/vision/net"])
  }

  @Test(arguments: [403, 404, 503]) func `shows nothing as all where the organisations cannot be listed`(
    status: Int
  ) throws {
    let stage = stage()
    stage.add(
      StageFault(.answer(ScriptedResponse(status, json: "{}")), at: .ngcAPI, matching: "/v2/orgs", times: 9))
    let catalog = try stage.catalog(Keys.ngc)
    #expect(throws: NVIDIAError.self) { try catalog.repositories(below: "") }
  }

  @Test func `says when someone else's organisation fails, though its public repositories came`() throws {
    let stage = stage()
    #expect(try stage.catalog(Keys.ngc).repositories(below: "nvidia").failures.isEmpty)
    stage.add(
      StageFault(
        .answer(ScriptedResponse(503, text: "oops")), at: .ngcAPI, matching: "/org/nvidia/repos", times: 9))
    let found = try stage.catalog(Keys.ngc).repositories(below: "nvidia")
    #expect(found.repositories.map(\.path) == ["nvidia/cuda"])
    #expect(found.failures.map(\.path) == ["nvidia"])
  }

  @Test func `goes on past an organisation that cannot be read, and says which`() throws {
    let stage = stage()
    stage.add(
      StageFault(
        .answer(ScriptedResponse(500, text: "oops")), at: .ngcAPI, matching: "/org/acme/repos", times: 9))
    let found = try stage.catalog(Keys.ngc).repositories(below: "")
    #expect(found.repositories.map(\.path) == ["nvidia/cuda", "other/tool"])
    #expect(found.failures.map(\.path) == ["acme"])
  }

  @Test func `finds tokens that end between two requests no hindrance`() throws {
    let stage = stage()
    for path in ["/org/acme/repos?", "/repos/base/", "/team/vision/"] {
      stage.add(StageFault(.pass, at: .ngcAPI, matching: path, expiringTokens: true))
    }
    let catalog = try stage.catalog(Keys.ngc)
    let tags = try catalog.repositories(below: "acme").repositories.map { try? catalog.tags(of: $0) }
    #expect(tags.compactMap(\.self).count == 3)
    #expect(stage.lines(at: .authn).count == 4)
  }

  @Test func `shows a key to the REST services alone`() throws {
    let stage = stage()
    for catalog in [try stage.catalog(Keys.dgx), try stage.catalog(Keys.ngc)] {
      for repository in try catalog.repositories(below: "").repositories {
        _ = try? catalog.tags(of: repository)
      }
    }
    #expect(stage.sites(thatSaw: Keys.dgx) == [.dgxAPI])
    #expect(stage.sites(thatSaw: Keys.ngc) == [.authn])
  }

  @Test func `logs no secret`() throws {
    let stage = stage()
    let log = Lines()
    let catalog = NVIDIACatalog(
      key: try apiKey(Keys.ngc), services: try stage.services, http: try client(log: { log.add($0) }))
    for repository in try catalog.repositories(below: "").repositories {
      _ = try? catalog.tags(of: repository)
    }
    let secrets = [Keys.ngc] + stage.requests(at: .authn).compactMap { $0.header("Authorization") }
    #expect(!log.all.isEmpty)
    #expect(!log.all.contains { line in secrets.contains { line.contains($0) } || line.contains("Bearer") })
  }
}
