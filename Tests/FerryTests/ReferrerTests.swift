import Foundation
import TestSupport
import Testing

/// Signatures, SBOMs and attestations on their way with the images they belong to.
@Suite(.waiting) struct `What refers to an image` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func tag(_ digest: String, _ suffix: String = "") -> String {
    digest.replacingOccurrences(of: ":", with: "-") + suffix
  }

  private func importing(_ archive: String, to host: String, _ options: String...) -> [String] {
    ["import", archive, "--plain-http", "--to", "\(host)/new"] + options
  }

  /// An index of two platforms in a registry without the referrers API: cosign's tags for the index and for one
  /// platform, and under the tag schema an SBOM that is attested by something itself.
  private struct Source {
    let registry: RegistryProcess
    let arm: String
    let amd: String
    let index: String
    let sbom: String
    let attestation: String

    init() throws {
      registry = try RegistryProcess()
      let storage = registry.storage
      arm = try storage.add(layers: [[1], [2, 2]], to: "old/app", tag: "arm")
      amd = try storage.add(layers: [[1], [3, 3]], to: "old/app", tag: "amd")
      index = try storage.add(index: [arm, amd], to: "old/app", tag: "1")
      func tag(_ digest: String, _ suffix: String = "") -> String {
        digest.replacingOccurrences(of: ":", with: "-") + suffix
      }
      try storage.add(artifact: "signature", to: "old/app", tag: tag(index, ".sig"))
      try storage.add(artifact: "attested", to: "old/app", tag: tag(arm, ".att"))
      sbom = try storage.add(artifact: "sbom", to: "old/app", subject: amd)
      attestation = try storage.add(artifact: "sbom attested", to: "old/app", subject: sbom)
      try storage.add(index: [sbom], to: "old/app", tag: tag(amd))
      try storage.add(index: [attestation], to: "old/app", tag: tag(sbom))
    }
  }

  @Test func `travels with it between registries without the referrers API, and only once`() throws {
    let source = try Source()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
      .complains("--no-referrers leaves those out")
    try ferry.run(["verify", "app.tar"], exits: 0)
    let target = try RegistryProcess()
    try ferry.run(importing("app.tar", to: target.host), exits: 0)
    let tags = source.registry.storage.tags(of: "old/app").filter { $0 != "arm" && $0 != "amd" }
    #expect(tags.count == 5)
    #expect(target.storage.tags(of: "new/app") == tags)
    for tag in tags {
      #expect(target.storage.digest(of: "new/app", tag) == source.registry.storage.digest(of: "old/app", tag))
    }
    #expect(target.storage.hasManifest(source.attestation, in: "new/app"))

    let again = try ferry.run(importing("app.tar", to: target.host) + ["--json"], exits: 0)
    let report = try Report(again)
    #expect(Set(try report.strings("images", "state")) == ["identical"])
    #expect(report.number("uploadedBytes") == 0)
    target.stop()
    let pushes = target.requests.filter { $0.method == "PUT" && $0.path.contains("/manifests/") }
    // Five tags, two platforms, an SBOM and its attestation.
    #expect(pushes.count == 9)
  }

  @Test(arguments: [401, 403]) func `is looked for by tags where a registry will not list it, which is said`(
    status: Int
  ) throws {
    let source = try Source()
    let gateway = FaultGateway(
      before: source.registry.host,
      faults: [.always(.answer(status), on: GatewayFault.Target(methods: ["GET"], path: "/referrers/"))])
    let result = try ferry.export([gateway.reference("old/app:1")], to: "app.tar")
    result.complains("\(gateway.host)/old/app: only referrers with tags are carried")
    #expect(gateway.exchanges.count { $0.path.contains("/referrers/") } <= 2)
    try ferry.run(["inspect", "app.tar", "--long"], exits: 0)
    let target = try RegistryProcess()
    try ferry.run(importing("app.tar", to: target.host), exits: 0)
    #expect(target.storage.tags(of: "new/app").count == 5)
  }

  @Test func `stays behind with platforms that were left out, and wherever it is not wanted`() throws {
    let source = try Source()
    let image = source.registry.reference("old/app:1")
    func references(_ archive: String, _ options: String...) throws -> [String] {
      try ferry.run(["export", "--plain-http", "-o", archive, image] + options, exits: 0)
      let report = try Report(try ferry.run(["inspect", "--json", archive], exits: 0))
      let inspected = try #require(report.objects("archives").first)
      return try #require(inspected["referrers"] as? [[String: Any]]).compactMap { $0["subject"] as? String }
    }
    #expect(
      try Set(references("all.tar")) == [source.index, source.arm, source.amd, source.sbom])
    // Of a single platform there is no index, and no signature of one.
    try source.registry.storage.add(layers: [[9]], to: "old/other", tag: "1")
    #expect(try references("none.tar", "--no-referrers") == [])

    let target = try RegistryProcess()
    try ferry.run(importing("all.tar", to: target.host, "--no-referrers"), exits: 0)
    #expect(target.storage.tags(of: "new/app") == ["1"])
    // Chosen by its name, an image takes along what belongs to it.
    try ferry.run(importing("all.tar", to: target.host, "--image", "old/app:1"), exits: 0)
    #expect(target.storage.tags(of: "new/app").count == 5)
  }

  /// A registry with the referrers API that holds an image, three SBOMs of it and a signature of one of these.
  private func registryWithAPI() throws -> (registry: ScriptedRegistry, image: String, referrers: [String]) {
    let registry = ScriptedRegistry(referrersPage: 2)
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    func add(_ content: String, about subject: String) -> String {
      let type = "application/vnd.oci.image.manifest.v1+json"
      let layer = registry.add(Array(content.utf8))
      let config = registry.add(Array("{}".utf8))
      return registry.add(
        manifest: """
          {"schemaVersion":2,"mediaType":"\(type)","artifactType":"application/vnd.example+json",\
          "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(config)","size":2},\
          "layers":[{"mediaType":"text/plain","digest":"\(layer)","size":\(content.utf8.count)}],\
          "subject":{"mediaType":"\(type)","digest":"\(subject)","size":9},"annotations":{"about":"\(content)"}}
          """, as: type, to: "old/app")
    }
    let sboms = ["one", "two", "three"].map { add($0, about: image) }
    return (registry, image, sboms + [add("signed", about: sboms[1])])
  }

  @Test func `comes from the API, page by page, and is listed by the other side's`() throws {
    let source = try registryWithAPI()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let target = ScriptedRegistry(referrersPage: 100)
    try ferry.run(importing("app.tar", to: target.host), exits: 0)
    for digest in source.referrers { #expect(target.hasManifest(digest, in: "new/app")) }
    // The registry lists them itself: it needs no tag for that.
    #expect(target.tags == ["new/app:1"])
    // Each comes behind what it refers to.
    let pushed = target.server.lines.filter { $0.hasPrefix("PUT /v2/new/app/manifests/") }
    let places = ([source.image] + source.referrers).map { digest in
      pushed.firstIndex { $0.hasSuffix(digest == source.image ? "/1" : digest) } ?? -1
    }
    #expect(places[0] == 0 && places[4] > places[2])
  }

  @Test func `arrives at the platform that it refers to, whichever of the registries has the API`() throws {
    let source = ScriptedRegistry(referrersPage: 1)
    let type = "application/vnd.oci.image"
    let platforms = ["amd64", "arm64"].map { name in
      (name: name, digest: source.add(image: [Array(name.utf8)], to: "old/app", tag: name))
    }
    let entries = platforms.map { platform in
      #"{"mediaType":"\#(type).manifest.v1+json","digest":"\#(platform.digest)","size":\#(source.size(of: platform.digest)),"#
        + #""platform":{"os":"linux","architecture":"\#(platform.name)"}}"#
    }
    let index = source.add(
      manifest:
        #"{"schemaVersion":2,"mediaType":"\#(type).index.v1+json","manifests":[\#(entries.joined(separator: ","))]}"#,
      as: "\(type).index.v1+json", to: "old/app", tag: "1")
    let empty = source.add(Array("{}".utf8))
    func add(_ subject: String?, tag: String? = nil) -> String {
      let about =
        subject.map { #","subject":{"mediaType":"\#(type).manifest.v1+json","digest":"\#($0)","size":9}"# }
        ?? ""
      return source.add(
        manifest: """
          {"schemaVersion":2,"mediaType":"\(type).manifest.v1+json","artifactType":"x/\(tag ?? "sbom")","config":{"mediaType":\
          "application/vnd.oci.empty.v1+json","digest":"\(empty)","size":2},"layers":[]\(about)}
          """, as: "\(type).manifest.v1+json", to: "old/app", tag: tag)
    }
    let sboms = platforms.map { add($0.digest) }
    let signatures = platforms.map { add(nil, tag: tag($0.digest, ".sig")) }
    try ferry.export([source.reference("old/app:1")], to: "app.tar")
    let real = try RegistryProcess()
    for hasAPI in [true, false] {
      let target = ScriptedRegistry(referrersPage: hasAPI ? 9 : nil)
      try ferry.run(importing("app.tar", to: target.host), exits: 0)
      #expect(target.digest(of: "new/app", "1") == index)
      for (number, platform) in platforms.enumerated() {
        #expect(target.bytes(of: sboms[number]) == source.bytes(of: sboms[number]))
        #expect(target.hasManifest(sboms[number], in: "new/app"))
        #expect(target.digest(of: "new/app", tag(platform.digest, ".sig")) == signatures[number])
        let list = target.digest(of: "new/app", tag(platform.digest)).flatMap { target.bytes(of: $0) }
        #expect((list == nil) == hasAPI)
        if let list { #expect(String(decoding: list, as: UTF8.self).contains(sboms[number])) }
      }
    }
    try ferry.run(importing("app.tar", to: real.host), exits: 0)
    for (number, platform) in platforms.enumerated() {
      let list = try #require(real.storage.digest(of: "new/app", tag(platform.digest)))
      let bytes = try #require(real.storage.bytes(of: list))
      #expect(String(decoding: bytes, as: UTF8.self).contains(sboms[number]))
      #expect(real.storage.hasManifest(sboms[number], in: "new/app"))
      #expect(real.storage.digest(of: "new/app", tag(platform.digest, ".sig")) == signatures[number])
    }
    // And on from there, where no API tells of them.
    try ferry.export([real.reference("new/app:1")], to: "again.tar")
    let again = Peer.text(try Peer.run("tar", "tf", ferry.file("again.tar")))
    for digest in sboms + signatures { #expect(again.contains(digest.dropFirst("sha256:".count))) }
  }

  @Test func `is listed under a tag where the registry says that it lists it, and does not`() throws {
    let source = try registryWithAPI()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let index = "application/vnd.oci.image.index.v1+json"
    for hasAPI in [false, true] {
      let registry = ScriptedRegistry(claimsReferrers: true) { request in
        guard hasAPI, request.path.contains("/referrers/") else { return nil }
        return ScriptedResponse(
          headers: [("Content-Type", index)],
          body: Array(#"{"schemaVersion":2,"mediaType":"\#(index)","manifests":[]}"#.utf8))
      }
      try ferry.run(importing("app.tar", to: registry.host), exits: 0)
      let subjects = [source.image, source.referrers[1]]
      #expect(registry.tags == (subjects.map { "new/app:\(tag($0))" } + ["new/app:1"]).sorted())
      let asked = registry.server.lines.filter { $0.contains("/referrers/") }
      // Where there is no API one answer is enough; both questions may be under way before it comes.
      #expect(hasAPI ? asked.count == 2 : (1...2).contains(asked.count), "\(asked)")
    }
  }

  @Test func `stands beside an image that is given a name, also where nothing in the archive has one`() throws
  {
    let source = try registryWithAPI()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let layout = ferry.file("layout")
    try FileManager.default.createDirectory(atPath: layout, withIntermediateDirectories: true)
    try Command.run("tar", ["-xf", ferry.file("app.tar"), "-C", layout])
    // As oras lists them: the image by its tag, its referrers by nothing.
    for file in ["ferry.json", "manifest.json"] {
      try FileManager.default.removeItem(atPath: "\(layout)/\(file)")
    }
    struct Entry: Codable {
      let mediaType: String
      let digest: String
      let size: Int
      var annotations: [String: String]?
    }
    struct Index: Codable {
      let schemaVersion: Int
      var manifests: [Entry]
    }
    let path = URL(fileURLWithPath: "\(layout)/index.json")
    var index = try JSONDecoder().decode(Index.self, from: Data(contentsOf: path))
    for place in index.manifests.indices {
      index.manifests[place].annotations =
        index.manifests[place].digest == source.image ? ["org.opencontainers.image.ref.name": "1"] : nil
    }
    try JSONEncoder().encode(index).write(to: path)
    for archive in ["app.tar", "layout"] {
      let target = ScriptedRegistry(referrersPage: 100)
      try ferry.run(importing(archive, to: target.host, "--as", "named/app:7"), exits: 0)
      #expect(target.tags == ["new/named/app:7"], "\(archive)")
      for digest in source.referrers { #expect(target.hasManifest(digest, in: "new/named/app")) }
    }
    // What has no name is in the receipt by its repository's.
    for place in index.manifests.indices where index.manifests[place].annotations != nil {
      index.manifests[place].annotations = ["org.opencontainers.image.ref.name": "old.example/old/app:1"]
    }
    try JSONEncoder().encode(index).write(to: path)
    let target = ScriptedRegistry(referrersPage: 100)
    try ferry.run(importing("layout", to: target.host, "--receipt", "receipt.json"), exits: 0)
    #expect(target.tags == ["new/app:1"])
    try ferry.run(["verify", "layout", "--receipt", "receipt.json"], exits: 0)
  }

  @Test func `goes with its subject's shard alone`() throws {
    let source = try Source()
    try ferry.export(
      ["1", "arm", "amd"].map { source.registry.reference("old/app:\($0)") }, to: "app.tar")
    let target = try RegistryProcess()
    for options in [[], ["--image", "old/app"]] {
      func planned(_ part: [String]) throws -> [String] {
        let arguments = importing("app.tar", to: target.host) + ["--dry-run", "--json"] + part + options
        return try Report(ferry.command(arguments).run()).strings("images", "source")
      }
      var subjects: [String: Set<Int>] = [:]
      for shard in 1...4 {
        for name in try planned(["--shard", "\(shard)/4"]) { subjects[name, default: []].insert(shard) }
      }
      let name = "\(source.registry.host)/old/app:"
      #expect(subjects[name + tag(source.index, ".sig")] == subjects[name + "1"])
      // Which shard an image is in depends on its name, and that on the registry's port; none is left out.
      #expect(try Set(subjects.keys) == Set(planned([])))
      for (name, shards) in subjects where name.hasSuffix(":1") || name.hasSuffix(".sig") {
        #expect(shards.count == 1, "\(name)")
      }
    }
  }

  @Test func `is listed under a tag where there is no API, beside what is listed there`() throws {
    let source = try registryWithAPI()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let target = try RegistryProcess()
    // Somebody signed it there before it came.
    let theirs = try target.storage.add(artifact: "theirs", to: "new/app")
    try target.storage.add(index: [theirs], to: "new/app", tag: tag(source.image))
    try ferry.run(importing("app.tar", to: target.host), exits: 0)

    func listed(_ subject: String) throws -> Set<String> {
      struct Index: Decodable {
        struct Entry: Decodable {
          let digest: String
          let artifactType: String?
        }
        let manifests: [Entry]
      }
      let digest = try #require(target.storage.digest(of: "new/app", tag(subject)))
      let bytes = try #require(target.storage.bytes(of: digest))
      let entries = try JSONDecoder().decode(Index.self, from: Data(bytes)).manifests
      #expect(
        entries.filter { $0.digest != theirs }.allSatisfy {
          $0.artifactType == "application/vnd.example+json"
        })
      return Set(entries.map(\.digest))
    }
    #expect(try listed(source.image) == Set(source.referrers.dropLast() + [theirs]))
    #expect(try listed(source.referrers[1]) == [source.referrers[3]])

    let before = target.storage.digests
    try ferry.run(importing("app.tar", to: target.host), exits: 0)
    #expect(target.storage.digests == before)
    // A list that was lost meanwhile is made again, though nothing else is to be done.
    try FileManager.default.removeItem(
      atPath: target.storage.tagDirectory(of: "new/app", tag(source.referrers[1])))
    try ferry.run(importing("app.tar", to: target.host), exits: 0)
    #expect(try listed(source.referrers[1]) == [source.referrers[3]])
  }

  @Test func `is added to a list that is there, when it comes as one`() throws {
    let source = try Source()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let target = try RegistryProcess()
    let theirs = try target.storage.add(artifact: "theirs", to: "new/app")
    try target.storage.add(index: [theirs], to: "new/app", tag: tag(source.amd))
    let plan = try ferry.run(importing("app.tar", to: target.host, "--dry-run"), exits: 4)
    #expect(plan.standardOutput.contains("adds to "))
    try ferry.run(importing("app.tar", to: target.host, "--receipt", "first.json"), exits: 0)
    let list = try #require(target.storage.digest(of: "new/app", tag(source.amd)))
    let text = String(decoding: try #require(target.storage.bytes(of: list)), as: UTF8.self)
    #expect(text.contains(theirs) && text.contains(source.sbom))
    let again = try ferry.run(
      importing("app.tar", to: target.host, "--json", "--receipt", "second.json"), exits: 0)
    // What the other list took in has arrived.
    for receipt in ["first.json", "second.json"] {
      try ferry.run(["verify", "app.tar", "--receipt", receipt], exits: 0)
    }
    #expect(try Set(Report(again).strings("images", "state")) == ["identical", "included"])
    #expect(target.storage.digest(of: "new/app", tag(source.amd)) == list)
  }

  @Test func `of cosign's does not replace another one unasked`() throws {
    let source = try Source()
    try ferry.export([source.registry.reference("old/app:1")], to: "app.tar")
    let target = try RegistryProcess()
    let name = tag(source.index, ".sig")
    let theirs = try target.storage.add(artifact: "theirs", to: "new/app", tag: name)
    let refused = try ferry.run(importing("app.tar", to: target.host), exits: 15)
    refused.complains(name, "--overwrite")
    #expect(target.storage.tags(of: "new/app") == [name])
    try ferry.run(importing("app.tar", to: target.host, "--overwrite"), exits: 0)
    #expect(target.storage.digest(of: "new/app", name) != theirs)
  }

  @Test func `is not given up silently when the registry cannot tell of it`() throws {
    let registry = ScriptedRegistry { request in
      request.path.contains("/referrers/") ? ScriptedResponse(500, json: "{}") : nil
    }
    registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let image = registry.reference("old/app:1")
    let arguments = ["export", "--plain-http", "--retries", "0", "-o", "app.tar", image]
    let failed = try ferry.run(arguments, exits: 13)
    failed.complains(image, "signatures", "--no-referrers")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("app.tar")))
    try ferry.run(arguments + ["--no-referrers"], exits: 0)
  }

  @Test func `is asked for twice a repository where it cannot be, and by cosign's tags for each image`()
    throws
  {
    let registry = ScriptedRegistry()
    for number: UInt8 in 0..<20 {
      registry.add(image: [[number]], to: "old/app", tag: "\(number)")
      registry.add(image: [[number, 1]], to: "old/other", tag: "\(number)")
    }
    try ferry.export(
      [registry.reference("old/app"), registry.reference("old/other")], to: "all.tar", "--all-tags", "--jobs",
      "1")
    let lines = registry.server.lines
    #expect(lines.count { $0.contains("/referrers/") } == 4)
    // Once to choose the tags, once to see which of them refer to something.
    #expect(lines.count { $0.contains("/tags/list") } == 4)
    // A list of tags may hide them.
    #expect(lines.count { $0.contains("/manifests/sha256-") } == 40 * 3)
  }

  @Test func `is asked for tag by tag where tags are not listed`() throws {
    let source = try Source()
    let gate = ScriptedRegistry(source.registry.storage) { request in
      request.path.hasSuffix("/tags/list") ? ScriptedResponse(403, json: "{}") : nil
    }
    try ferry.export([gate.reference("old/app:1")], to: "app.tar")
    let report = try Report(try ferry.run(["inspect", "--json", "app.tar"], exits: 0))
    #expect((report.objects("archives").first?["referrers"] as? [Any])?.count == 4)
  }
}
