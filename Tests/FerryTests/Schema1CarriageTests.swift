import Foundation
import TestSupport
import Testing

/// Images of Docker's schema 1, from Debian's registry, which makes and signs them.
@Suite(.waiting) struct `An image of Docker's schema 1` {
  private static let type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
  private let ferry: FerryProcess
  private let old: RegistryProcess
  /// What the registry keeps, signatures and all.
  private let document: [UInt8]
  /// What registries know it by.
  private let digest: String

  init() throws {
    ferry = try FerryProcess()
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    options.holdsFixtures = true
    old = try RegistryProcess(options)
    let made = try Self.manifest("docker/schema2:1", in: old)
    // As somebody pushed it, so that it is signed once and for all.
    let file = try ferry.write(String(decoding: made.bytes, as: UTF8.self), to: "pushed.json")
    try Command.run(
      "curl",
      [
        "-sf", "--noproxy", "*", "-X", "PUT", "-H", "Content-Type: \(Self.type)", "--data-binary", "@\(file)",
        "\(old.url)/v2/docker/schema2/manifests/old",
      ])
    (document, digest) = (made.bytes, made.digest)
  }

  /// What a registry gives of `name` to who takes nothing but schema 1, and what it calls it.
  private static func manifest(
    _ name: String, in registry: RegistryProcess
  ) throws -> (bytes: [UInt8], digest: String) {
    let parts = name.split(separator: ":")
    let answer = try Command(
      "curl",
      [
        "-sf", "-i", "--noproxy", "*", "-H", "Accept: \(type)",
        "\(registry.url)/v2/\(parts[0])/manifests/\(parts[1])",
      ]
    ).run()
    let head = try #require(answer.standardOutput.firstMatch(of: /(?i)docker-content-digest: (\S+)/))
    let start = try #require(answer.output.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound)
    return (Array(answer.output[start...]), String(head.1))
  }

  /// The digest of the one layer of the manifest in `document`.
  private static func layer(of document: [UInt8]) throws -> String {
    let text = String(decoding: document, as: UTF8.self)
    return String(try #require(text.firstMatch(of: /"blobSum": "([^"]+)"/)).1)
  }

  @discardableResult
  private func export() throws -> CommandResult {
    try ferry.export([old.reference("docker/schema2:old"), old.reference("team/app:1.0")], to: "a.tar")
  }

  private func destination(takesSchema1: Bool) throws -> RegistryProcess {
    var options = RegistryProcess.Options()
    options.takesSchema1 = takesSchema1
    return try RegistryProcess(options)
  }

  @Test func `is stored byte for byte, signatures and all`() throws {
    let (document, digest) = (document, digest)
    let layer = try #require(old.storage.bytes(of: Self.layer(of: document)))
    let source = ScriptedRegistry { request in
      guard request.path == "/v2/old/app/manifests/1" else { return nil }
      let answer = ScriptedResponse(
        headers: [("Content-Type", Self.type), ("Docker-Content-Digest", digest)], body: document)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    source.add(layer)
    try ferry.export([source.reference("old/app:1")], to: "b.tar")
    let blob = try Command(
      "tar", ["xOf", ferry.file("b.tar"), "blobs/\(BlobDigest.of(document).replacing(":", with: "/"))"]
    ).run()
    #expect(blob.output == document)
  }

  @Test(arguments: [false, true])
  func `is carried to a registry that takes it`(isPiped: Bool) throws {
    try export().complains("is a Docker schema 1 image: carrying it as it is, \(digest)")
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    let new = try destination(takesSchema1: true)
    let options = [
      "--to", "\(new.host)/new", "--plain-http", "--receipt", "r.json", "--map", "docker/*=docker/$1",
    ]
    if isPiped {
      let command = "cat a.tar | \(ferry.executable) import - \(options.joined(separator: " "))"
      var piped = ferry.command([])
      (piped.program, piped.arguments) = ("sh", ["-c", command.replacing("$1", with: "\\$1")])
      #expect(try piped.run().status == 0)
    } else {
      try ferry.run(["import", "a.tar"] + options, exits: 0)
    }
    let arrived = try Self.manifest("new/docker/schema2:old", in: new)
    // It signs anew for every answer; what is signed is the same.
    #expect(arrived.digest == digest)
    let again = try ferry.run(
      ["import", "a.tar"] + options.filter { $0 != "--receipt" && $0 != "r.json" }, exits: 0)
    again.complains("there already: \(new.host)/new/docker/schema2:old  \(digest)")
    let proof = try ferry.run(["verify", "--receipt", "r.json", "a.tar"], exits: 0)
    #expect(proof.lines.contains { $0.contains("arrived  all of 2 images") })
  }

  @Test func `is taken for its own platform alone`() throws {
    try export()
    let new = try destination(takesSchema1: true)
    let rest =
      " --platform linux/s390x --image '*/docker/schema2:old' --plain-http --to \(new.host)/new --map 'docker/*=docker/$1'"
    for command in ["$ferry import a.tar", "cat a.tar | $ferry import -"] {
      let refused = try Pipeline(ferry: ferry).run(command + rest)
      #expect(refused.status == 12)
      refused.complains("has nothing for linux/s390x", "linux/amd64")
    }
    #expect(new.storage.repositories == [])
    let taken = try Pipeline(ferry: ferry).run("$ferry import a.tar" + rest.replacing("s390x", with: "amd64"))
    #expect(
      taken.status == 0 && !taken.standardError.contains("for which platform"), "\(taken.standardError)")
    #expect(try Self.manifest("new/docker/schema2:old", in: new).digest == digest)
  }

  @Test func `that does not say what it is for is taken, and that is said`() throws {
    let layer = try #require(old.storage.bytes(of: Self.layer(of: document)))
    let document = Array(
      #"{"schemaVersion":1,"fsLayers":[{"blobSum":"\#(BlobDigest.of(layer))"}],"history":[{"v1Compatibility":"{}"}]}"#
        .utf8)
    let source = ScriptedRegistry { request in
      guard request.path == "/v2/old/app/manifests/1" else { return nil }
      let answer = ScriptedResponse(
        headers: [
          ("Content-Type", "application/vnd.docker.distribution.manifest.v1+json"),
          ("Docker-Content-Digest", BlobDigest.of(document)),
        ], body: document)
      return request.method == "HEAD" ? answer.withoutBody : answer
    }
    source.add(layer)
    let new = ScriptedRegistry()
    try ferry.export([source.reference("old/app:1")], to: "b.tar")
    try ferry.run(
      [
        "import", "b.tar", "--dry-run", "--platform", "linux/s390x", "--plain-http", "--to",
        "\(new.host)/new",
      ], exits: 0
    ).complains("old/app:1 in b.tar does not say for which platform it is: taking it as it is")
  }

  @Test func `is shown by what registries call it, and marked in a long list`() throws {
    try export()
    let inspected = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(
      inspected.lines.contains {
        $0.contains("docker/schema2:old") && $0.hasSuffix(digest) && $0.contains("linux/amd64")
      })
    let listed = try ferry.run(["list", "--long", "--plain-http", "\(old.host)/docker"], exits: 0)
    #expect(listed.lines.filter { $0.hasSuffix("Docker schema 1") }.count == 1)
    let report = try Report(
      ferry.run(
        [
          "export", "--dry-run", "--json", "--plain-http", "-o", "b.tar", old.reference("docker/schema2:old"),
        ], exits: 0))
    let image = try #require(report.objects("images").first)
    #expect(image["digest"] as? String == digest && image["mediaType"] as? String == Self.type)
  }

  @Test func `is in no list that other tools read`() throws {
    try export()
    let listed = try Command("skopeo", ["inspect", "--raw", "oci-archive:\(ferry.file("a.tar"))"]).run()
    let other = try FixtureImages.digest(of: "team/app:1.0")
    #expect(listed.status == 0 && BlobDigest.of(listed.output) == other)
    let index = try Command("tar", ["xOf", ferry.file("a.tar"), "index.json"]).run().standardOutput
    #expect(!index.contains("schema2") && !index.contains("prettyjws"))
  }

  @Test func `is named where a registry does not take it, and the others arrive`() throws {
    try export()
    let new = try destination(takesSchema1: false)
    let arguments = ["import", "a.tar", "--to", "\(new.host)/new", "--plain-http", "--retries", "0"]
    let failed = try ferry.run(arguments + ["--keep-going"], exits: 3)
    failed.complains("did not take \(new.host)/new/schema2:old, a Docker schema 1 image")
    #expect(failed.lines.count == 1)
    try ferry.run(arguments, exits: 16).complains("--convert-schema1")
  }

  @Test func `becomes one of schema 2 where that is asked for, the same each time`() throws {
    try export()
    let new = try destination(takesSchema1: false)
    let arguments = ["import", "a.tar", "--to", "\(new.host)/new", "--plain-http", "--convert-schema1"]
    let done = try ferry.run(arguments + ["--receipt", "r.json"], exits: 0)
    let line = try #require(done.lines.first { $0.contains("schema2:old") })
    let made = try #require(line.split(separator: " ").last.map(String.init))
    done.complains("converted to schema 2: \(old.reference("docker/schema2:old")) \(digest) → \(made)")
    try ferry.run(arguments, exits: 0).complains("there already: \(new.host)/new/schema2:old  \(made)")
    try ferry.run(["verify", "--receipt", "r.json", "a.tar"], exits: 0)
    #expect(try RegistryAnswers(registry: new).skopeoDigest(of: "new/schema2:old") == made)
    try ferry.export([new.reference("new/schema2:old")], to: "b.tar")
    let deep = try ferry.run(["verify", "--deep", "b.tar"], exits: 0)
    #expect(deep.lines.contains { $0.contains("1 layer unpacked and compared") })
    // Layers are read twice: what comes once is copied first.
    var piped = ferry.command([])
    (piped.program, piped.arguments) = (
      "sh",
      ["-c", "cat a.tar | \(ferry.executable) import - \(arguments.dropFirst(2).joined(separator: " "))"]
    )
    let result = try piped.run()
    #expect(result.status == 0, "\(result.standardError)")
  }

  @Test func `is in a delta with its manifest, which tells what it is`() throws {
    try export()
    try ferry.run(
      [
        "export", "--plain-http", "--skip-known", "a.tar", "-o", "b.tar", old.reference("docker/schema2:old"),
        old.reference("team/app:1.0"),
      ], exits: 0)
    try ferry.run(["verify", "b.tar"], exits: 0)
    let raw = try destination(takesSchema1: true)
    let options = ["--plain-http", "--map", "docker/*=docker/$1", "--to"]
    try ferry.run(["import", "a.tar"] + options + ["\(raw.host)/new"], exits: 0)
    try ferry.run(["import", "b.tar"] + options + ["\(raw.host)/new"], exits: 0)
    // Its layers are in the other archive.
    let new = try RegistryProcess()
    let both = ["import", "a.tar", "b.tar", "--convert-schema1", "--plain-http", "--to", "\(new.host)/new"]
    try ferry.run(both, exits: 0).complains("converted to schema 2")
  }

  @Test func `is damaged when a byte of it is another`() throws {
    try export()
    var archive = try Data(contentsOf: URL(fileURLWithPath: ferry.file("a.tar")))
    let place = try #require(archive.range(of: Data("\"signature\": \"".utf8))?.upperBound)
    archive[place] ^= 1
    try archive.write(to: URL(fileURLWithPath: ferry.file("b.tar")))
    try ferry.run(["verify", "b.tar"], exits: 14)
    let new = try destination(takesSchema1: true)
    try ferry.run(["import", "b.tar", "--plain-http", "--to", "\(new.host)/new"], exits: 14)
    #expect(new.storage.tags(of: "new/schema2").isEmpty)
  }

  @Test func `is fetched anew when a run is resumed`() throws {
    let gateway = FaultGateway(
      before: old.host,
      faults: [.always(.cutAnswer(after: 1000), on: GatewayFault.Target(methods: ["GET"], path: "/blobs/"))])
    let arguments =
      ["export", "--plain-http", "--retries", "0", "-o", "c.tar"]
      + ["docker/schema2:old", "team/app:1.0"].map { gateway.reference($0) }
    try ferry.run(arguments, exits: 13)
    gateway.clearFaults()
    try ferry.run(arguments, exits: 0)
    try ferry.run(["verify", "--deep", "c.tar"], exits: 0)
  }
}
