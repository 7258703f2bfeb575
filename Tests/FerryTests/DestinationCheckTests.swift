import Foundation
import TestSupport
import Testing

/// What an import believes of a tag that is there already: nothing that it did not ask for.
@Suite(.waiting) struct `A tag that is there already` {
  /// What a registry may lose behind its tags.
  enum Loss: CaseIterable {
    case layer, layerOfRepository, config, child, childOfRepository, everything
  }

  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let new: RegistryProcess
  /// An index of two platforms with a layer in common.
  private let index: String
  private let child: String
  private static let layers: [[UInt8]] = [[1], [2, 2], [3, 3, 3]]

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess()
    new = try RegistryProcess()
    let storage = old.storage
    child = try storage.add(layers: [Self.layers[0], Self.layers[1]], to: "old/app", tag: "amd")
    let other = try storage.add(layers: [Self.layers[0], Self.layers[2]], to: "old/app", tag: "arm")
    index = try storage.add(index: [child, other], to: "old/app", tag: "1")
    try ferry.export([old.reference("old/app:1")], to: "a.tar")
  }

  private func importing(_ options: String..., to host: String? = nil) -> [String] {
    [
      "import", "a.tar", "--plain-http", "--retries", "1", "--to", "\(host ?? new.host)/new", "--receipt",
      "r.json",
    ]
      + options
  }

  private func receivedDigests() throws -> Set<String> {
    let data = try Data(contentsOf: URL(fileURLWithPath: ferry.file("r.json")))
    let receipt = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let images = try #require(receipt["images"] as? [[String: Any]])
    return Set(
      images.flatMap { ($0["blobs"] as? [[String: Any]] ?? []).compactMap { $0["digest"] as? String } })
  }

  /// The config of the first platform.
  private var config: String {
    get throws {
      struct Manifest: Decodable {
        struct Config: Decodable { let digest: String }
        let config: Config
      }
      let bytes = try #require(old.storage.bytes(of: child))
      return try JSONDecoder().decode(Manifest.self, from: Data(bytes)).config.digest
    }
  }

  private func lose(_ loss: Loss) throws {
    let storage = new.storage
    let layer = BlobDigest.of(Self.layers[0])
    switch loss {
    case .layer: try storage.remove(layer)
    case .layerOfRepository: try storage.unlink(blob: layer, from: "new/app")
    case .config: try storage.remove(config)
    case .child: try storage.remove(child)
    case .childOfRepository: try storage.unlink(manifest: child, from: "new/app")
    case .everything: for digest in storage.digests where digest != index { try storage.remove(digest) }
    }
  }

  private func copiesWhole() throws -> Bool {
    let copied = try Command(
      "skopeo",
      [
        "copy", "--all", "--insecure-policy", "--src-tls-verify=false",
        "docker://" + new.reference("new/app:1"), "dir:" + ferry.file("copy"),
      ]
    ).run()
    return copied.status == 0
  }

  @Test(arguments: Loss.allCases, [false, true])
  func `is completed where the registry has lost what lies below it`(_ loss: Loss, overwrites: Bool) throws {
    try ferry.run(importing(), exits: 0)
    try lose(loss)
    #expect(try !copiesWhole())
    let more = overwrites ? ["--overwrite"] : []
    let plan = try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(new.host)/new", "--dry-run"] + more, exits: 0)
    #expect(plan.standardOutput.contains(/there, \d of its parts missing/))
    #expect(try !copiesWhole())
    let count = loss == .everything ? 6 : 1
    try ferry.run(importing() + more, exits: 0)
      .complains("new/app:1 is there, but \(count) part", "1 image pushed and read back (1 image of these")
    #expect(try copiesWhole())
    #expect(new.storage.digest(of: "new/app", "1") == index)
    try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
    let again = try ferry.run(importing("--json"), exits: 0)
    #expect(try Report(again).strings("images", "state") == ["identical"])
  }

  @Test func `is looked into in its own repository, whatever another one has`() throws {
    try ferry.run(importing(), exits: 0)
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", new.host, "--map", "old/app=other/app"], exits: 0)
    try new.storage.unlink(blob: BlobDigest.of(Self.layers[0]), from: "new/app")
    try ferry.run(importing(), exits: 0).complains("1 part of it is missing")
    #expect(try copiesWhole())
  }

  @Test func `is not looked into with --trust-tags, which says so, and no receipt has it`() throws {
    try ferry.run(importing(), exits: 0)
    try lose(.layer)
    let trusting = try ferry.run(importing("--trust-tags"), exits: 0)
    trusting.complains(
      "there by its tag, not looked into: \(new.host)/new/app:1", "1 image there by tag alone")
    #expect(try receivedDigests() == [])
    let verified = try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 4)
    #expect(!verified.standardOutput.contains("arrived  "))
    let report = try Report(ferry.run(importing("--trust-tags", "--json"), exits: 0))
    #expect(try report.strings("images", "state") == ["trusted"])
    #expect(try !copiesWhole())
  }

  @Test func `is no success where the registry keeps what is damaged`() throws {
    try ferry.run(importing(), exits: 0)
    try FileManager.default.removeItem(atPath: ferry.file("r.json"))
    // Distribution does not write what it has already, and takes it all the same.
    try new.storage.replace(BlobDigest.of(Self.layers[2])) { $0.removeLast() }
    try ferry.run(importing(), exits: 14).complains("something of another size in place of the blob")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
    try new.storage.remove(BlobDigest.of(Self.layers[2]))
    try new.storage.replace(child) { $0[20] ^= 1 }
    try ferry.run(importing(), exits: 14).complains(child)
  }

  @Test func `is nothing where only HEAD knows of it`() throws {
    let index = index
    let registry = ScriptedRegistry { request in
      guard request.method == "HEAD", request.path.contains("/manifests/") else { return nil }
      return .headOnly(
        headers: [
          ("Docker-Content-Digest", index), ("Content-Type", "application/vnd.oci.image.index.v1+json"),
        ], length: 300)
    }
    let result = try ferry.run(importing(to: registry.host), exits: 0)
    result.complains("1 image pushed and read back")
    #expect(registry.hasManifest(child, in: "new/app"))
    #expect(registry.tags == ["new/app:1"])
  }

  @Test func `with a list of referrers that has more is looked into as well`() throws {
    let storage = old.storage
    let tag = index.replacing(":", with: "-")
    let referrer = try storage.add(artifact: "sbom", to: "old/app", subject: index)
    try storage.add(index: [referrer], to: "old/app", tag: tag)
    try ferry.export([old.reference("old/app:1")], to: "a.tar", "--force")
    try ferry.run(importing(), exits: 0)
    // Somebody adds to the list there; then the SBOM's content is lost.
    let more = try new.storage.add(artifact: "another", to: "new/app", subject: index)
    try new.storage.add(index: [referrer, more], to: "new/app", tag: tag)
    let included = try Report(ferry.run(importing("--json"), exits: 0))
    #expect(try included.strings("images", "state").sorted() == ["identical", "included"])
    try new.storage.remove(BlobDigest.of(Array("sbom".utf8)))
    try ferry.run(importing(), exits: 0).complains("is there, but 1 part of it is missing")
    #expect(new.storage.bytes(of: BlobDigest.of(Array("sbom".utf8))) == Array("sbom".utf8))
    #expect(try receivedDigests().contains(BlobDigest.of(Array("sbom".utf8))))
  }

  @Test func `costs a question for each manifest, two for each blob, and the tag's once more at the end`()
    throws
  {
    try ferry.run(importing(), exits: 0)
    let gateway = FaultGateway(before: new.host)
    try ferry.run(importing(to: gateway.host), exits: 0).complains("1 image there already")
    let asked = gateway.exchanges.filter { $0.path.contains("/blobs/") || $0.path.contains("/manifests/") }
      .map { "\($0.method) \($0.path)" }
    // The tag and two manifests; three layers and the config that both have, of each of which a byte must come.
    #expect(asked.count { $0.hasPrefix("GET") } == 3 + 4 + 1)
    #expect(asked.count { $0.hasPrefix("HEAD") } == 4)
    #expect(asked.first == asked.last && asked.last == "GET /v2/new/app/manifests/1")
    #expect(Set(asked).count == 11 && asked.count == 12)
  }
}

/// A tag is free when nothing is there, not when HEAD says so.
@Suite(.waiting) struct `A tag that HEAD does not know` {
  private let ferry: FerryProcess
  private let source: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
    try ferry.export([source.reference("odd/twice:1")], to: "a.tar")
  }

  @Test func `is taken where GET gives another image`() throws {
    let new = try RegistryProcess(fixtures: true)
    let old = try FixtureImages.digest(of: "odd/plain:1")
    let gateway = FaultGateway(
      before: new.host,
      faults: [.always(.answer(404), on: GatewayFault.Target(methods: ["HEAD"], path: "/manifests/"))])
    let arguments = [
      "import", "a.tar", "--plain-http", "--to", gateway.host, "--map", "odd/twice=odd/plain",
    ]
    for options in [[], ["--dry-run"]] {
      try ferry.run(arguments + options, exits: 15).complains("holds \(old)", "--overwrite")
    }
    #expect(new.storage.digest(of: "odd/plain", "1") == old)
    try ferry.run(arguments + ["--overwrite"], exits: 0)
    #expect(new.storage.digest(of: "odd/plain", "1") == (try FixtureImages.digest(of: "odd/twice:1")))
  }

  @Test func `is taken where HEAD calls it what is to be pushed`() throws {
    let wanted = try FixtureImages.digest(of: "odd/twice:1")
    let registry = ScriptedRegistry(source.storage) { request in
      guard request.method == "HEAD", request.path.contains("/manifests/") else { return nil }
      return .headOnly(
        headers: [
          ("Docker-Content-Digest", wanted), ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
        ], length: 300)
    }
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", registry.host, "--map", "odd/twice=odd/plain"], exits: 15
    ).complains("odd/plain:1 holds")
  }

  @Test func `is taken where what is there is no manifest that Ferry reads`() throws {
    let page = #"{"schemaVersion":1,"name":"a","tag":"1","fsLayers":[],"history":[],"signatures":[]}"#
    let registry = ScriptedRegistry { request in
      guard request.path == "/v2/new/twice/manifests/1", request.method != "PUT" else { return nil }
      let type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
      return ScriptedResponse(
        headers: [("Content-Type", type), ("Docker-Content-Digest", BlobDigest.of([1]))],
        body: request.method == "HEAD" ? [] : Array(page.utf8), declaredLength: page.utf8.count)
    }
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new"], exits: 15)
      .complains("new/twice:1 holds \(BlobDigest.of([1]))")
    #expect(registry.tags == [])
  }

  @Test func `is asked for once more before it moves`() throws {
    // Between the first look and the push somebody puts another image there.
    let isPushed = Gate()
    let registry = ScriptedRegistry { request in
      if request.method == "PUT", request.path.contains("/blobs/") { isPushed.open() }
      guard request.path == "/v2/new/twice/manifests/1", isPushed.wait(seconds: 0) else { return nil }
      if request.method == "HEAD" { return .headOnly(404, length: 0) }
      guard request.method == "GET", let bytes = try? self.plain() else { return nil }
      return ScriptedResponse(
        headers: [("Content-Type", "application/vnd.oci.image.manifest.v1+json")], body: bytes)
    }
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new"], exits: 15)
      .complains("new/twice:1 holds")
    #expect(registry.tags == [])
  }

  private func plain() throws -> [UInt8] {
    try #require(source.storage.bytes(of: FixtureImages.digest(of: "odd/plain:1")))
  }
}
