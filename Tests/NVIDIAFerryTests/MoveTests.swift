import Foundation
import TestSupport
import Testing

/// The whole way: out of DGX with its key, into NGC with the other, behind one host.
@Suite(.waiting) struct `A move between NVIDIA's registries` {
  @Test(arguments: SeenBehaviour.all)
  func `succeeds however NVIDIA's side behaves`(_ seen: SeenBehaviour) throws {
    let move = try Move()
    move.stage.change(seen.change)
    try move.export("-v", "--jobs", "\(seen.jobs)")
    try move.import("-v", "--jobs", "\(seen.jobs)")
    #expect(move.tags == Move.moved)
    #expect(move.stage.requests(at: .cdn).allSatisfy { $0.header("Authorization") == nil })
    let takesBoth = move.stage.requests(at: .legacyRealm).isEmpty
    #expect(
      move.stage.sites(thatSaw: Keys.dgx)
        == (takesBoth ? [.registry, .dgxAPI] : [.registry, .legacyRealm, .dgxAPI]))
    #expect(move.stage.sites(thatSaw: Keys.ngc).isSubset(of: [.registry, .authn]))
    move.searchHome()
  }

  @Test func `shows each key to its own side and says what it does`() throws {
    let move = try Move()
    let exported = try move.export()
    exported.says(
      "\(move.stage.host): credentials from FERRY_EXPORT_API_KEY", "2 images exported and proved")
    exported.keepsQuiet(of: "warning")
    #expect(move.stage.sites(thatSaw: Keys.ngc).isEmpty)
    let seen = move.stage.requests(at: .registry).count
    try move.import().says(
      "\(move.stage.host): credentials from FERRY_IMPORT_API_KEY", "2 images pushed and read back")
    #expect(move.stage.sites(thatSaw: Keys.ngc) == [.registry])
    let importing = move.stage.requests(at: .registry).dropFirst(seen)
    let dgx = Data("$oauthtoken:\(Keys.dgx)".utf8).base64EncodedString()
    #expect(importing.allSatisfy { $0.header("Authorization") != "Basic \(dgx)" })
    // Once more: all is there.
    let writes = move.stage.writes.count
    try move.import().says("2 images there already")
    #expect(move.stage.writes.count == writes)
  }

  @Test func `asks the legacy realm for what its challenge says, with the scope whole`() throws {
    let move = try Move()
    try move.export(images: [move.images[0]])
    #expect(
      Set(move.stage.lines(at: .legacyRealm)) == [
        "GET /v2/auth?service=registry.nvidia.com&scope=repository%3Aolddept%2Ftrainer%3Apull"
      ])
    try move.import()
    let asked = move.stage.lines(at: .registry).filter { $0.contains("/proxy_auth?") }
    #expect(asked.contains { $0.hasSuffix("scope=repository%3Aacme%2Ftrainer%3Apull%2Cpush") })
    #expect(asked.allSatisfy { !$0.contains("service") })
  }

  @Test func `continues a layer where it was when its token ends in the middle`() throws {
    let layer = StagedImage.noise(3 << 20, seed: 11)
    let image = StagedImage(layers: [layer])
    let move = try Move()
    move.stage.add(image, to: "olddept/big", tag: "1", on: .dgx)
    let layerPath = "/blobs/\(StagedImage.digest(of: layer).dropFirst(7))"
    for _ in 0..<2 {
      move.stage.add(
        StageFault(.cut(after: 1 << 20), at: .cdn, matching: layerPath, expiringTokens: true))
    }
    move.stage.change { $0.signatureUses = 1 }
    try move.export("-v", images: [move.at("olddept/big:1")])
    let fetches = move.stage.requests(at: .cdn).filter { $0.path == layerPath }
    #expect(fetches.map { $0.header("Range") } == [nil, "bytes=1048576-", "bytes=2097152-"])
    #expect(fetches.allSatisfy { $0.header("Authorization") == nil })
    // At the first for the manifest and, when those had ended, two more for the layer.
    #expect(move.stage.requests(at: .legacyRealm).count >= 3)
    try move.import()
    #expect(move.tags == ["acme/big": ["1": image.digest]])
  }

  @Test(arguments: [true, false])
  func `goes on when the realm flips after a token's end`(_ authnServes: Bool) throws {
    let move = try Move()
    move.stage.change { $0.authnServesRegistry = authnServes }
    try move.export()
    for path in ["/blobs/uploads/", "/manifests/"] {
      move.stage.add(
        StageFault(.pass, at: .registry, method: "PUT", matching: path, expiringTokens: true))
    }
    try move.import("--jobs", "1", "-v")
    #expect(move.tags == Move.moved)
    // The realm that worked first is tried first.
    #expect(move.stage.requests(at: .authn).isEmpty)
  }

  @Test func `sends no key to a realm that is not NVIDIA's`() throws {
    var move = try Move()
    move.ferry.environment["FERRY_NVIDIA_REALM_HOSTS"] = move.stage.host
    let result = try move.export("-v", exits: 10)
    result.says(
      "\(move.stage.host) asks to send credentials to \(move.stage.address(.legacyRealm))/v2/auth",
      "which is not one of NVIDIA's token servers", "They were not sent.")
    #expect(move.stage.requests(at: .legacyRealm).isEmpty)
    #expect(move.stage.sites(thatSaw: Keys.dgx) == [.registry])
    #expect(!FileManager.default.fileExists(atPath: move.ferry.file("fleet.tar")))

    // The same for one who answers in the registry's place when keys are to be imported.
    let evil = ScriptedServer { _ in ScriptedResponse(json: #"{"token":"taken"}"#) }
    let archived = try Move()
    try archived.export()
    archived.stage.add(
      StageFault(
        .answer(
          ScriptedResponse(401, headers: [("WWW-Authenticate", "Bearer realm=\"\(evil.url("/token"))\"")])),
        at: .registry, times: .max))
    let refused = try archived.import("-v", exits: 10)
    refused.says("asks to send credentials to \(evil.url("/token"))", "They were not sent.")
    refused.keepsQuiet(of: "top right corner")
    #expect(evil.requests.isEmpty)
    #expect(archived.stage.sites(thatSaw: Keys.ngc).isEmpty)
  }

  /// At one host no mirror keeps the path, and what has a port of its own cannot be told from its mirror.
  @Test func `tells those who pull the new names behind the same host`() throws {
    let move = try Move()
    try move.export()
    try move.import("--switch-over", "switch").says("wrote the new names of 2 images to switch")
    let pairs = zip(move.images, [move.at("acme/trainer:1.0"), move.at("acme/vision/detector:2.0")])
    for (old, new) in pairs {
      var command = Command("sed", ["-f", move.ferry.file("switch/switch.sed")])
      command.input = Array("image: \(old)\n".utf8)
      #expect(try command.run().standardOutput == "image: \(new)\n")
    }
    #expect(!FileManager.default.fileExists(atPath: move.ferry.file("switch/certs.d")))
    let readme = try String(contentsOfFile: move.ferry.file("switch/README.txt"), encoding: .utf8)
    #expect(readme.contains("certs.d/ has nothing for \(move.stage.host): the new registry is the same host"))
    let k3s = try String(contentsOfFile: move.ferry.file("switch/registries.yaml"), encoding: .utf8)
    #expect(
      k3s.contains("# Not here: \(move.at("olddept/trainer")): the new registry is at the old one's host."))
    move.searchHome()
  }

  @Test func `prints where blobs come from without the signed query`() throws {
    let move = try Move()
    let result = try move.export("-v")
    result.says("\(move.stage.address(.cdn))/blobs/", "X-Signature=…")
    #expect(move.stage.requests(at: .cdn).allSatisfy { $0.queryValue("X-Signature") != nil })
    // Nor when the blobs' host refuses, and its address is part of the error.
    move.stage.change { $0.signatureUses = 0 }
    let refused = try move.export("-v", "--force", images: [move.images[1]], exits: 13)
    refused.says("the registry answers 403", "\(move.stage.address(.cdn))/blobs/")
  }
}

extension ScriptedRequest {
  fileprivate func queryValue(_ name: String) -> String? {
    (query ?? "").split(separator: "&").first { $0.hasPrefix("\(name)=") }.map(String.init)
  }
}
