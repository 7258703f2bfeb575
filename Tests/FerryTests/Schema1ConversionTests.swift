import Foundation
import TestSupport
import Testing

/// Images of Docker's schema 1 that an export makes images of schema 2 of: from a real registry, with empty entries, a layer that
/// stands there twice, and whiteouts.
@Suite(.waiting) struct `An image of Docker's schema 1 that is converted at export` {
  private let ferry: FerryProcess
  private let old: RegistryProcess
  /// What the registry knows it by.
  private let digest: String

  private static func image() throws -> Schema1Image {
    let base = try Schema1Image.layer([
      ("etc/name", "old"), ("gone", "x"), ("random", noise(60_000, seed: 1)),
    ])
    let top = try Schema1Image.layer([(".wh.gone", ""), ("etc/new", "y")])
    return try Schema1Image([
      .init(base, #""created":"2016-01-01T00:00:00Z","Size":5"#.braced),
      .init(
        nil,
        ##""created":"2016-01-02T00:00:00Z","container_config":{"Cmd":["/bin/sh","-c","#(nop) ENV A=<b> && c"]}"##
          .braced),
      .init(
        top,
        #""created":"2016-01-03T00:00:00.120Z","container_config":{"Cmd":["make"]},"author":"Ann""#.braced),
      .init(top, #""created":"2016-01-04T00:00:00Z""#.braced),
      .init(
        nil,
        #""created":"2016-01-05T00:00:00Z","architecture":"amd64","os":"linux","docker_version":"1.10.3","config":{"User":"7","Env":["A=<b>"],"Cmd":["sh"]},"container_config":{"Cmd":["sh"]}"#
          .braced),
    ])
  }

  /// Text that does not compress to nothing.
  private static func noise(_ count: Int, seed: UInt64) -> String {
    var random = SeededGenerator(seed: seed)
    return String(
      (0..<count).map { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement(using: &random) ?? "a" })
  }

  init() throws {
    ferry = try FerryProcess()
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    options.holdsFixtures = true
    old = try RegistryProcess(options)
    digest = try Self.image().push(to: old, "team/old", tag: "1")
    #expect(try digest == Self.image().digest(name: "team/old", tag: "1"))
  }

  private func reference(_ name: String = "team/old:1") -> String { old.reference(name) }

  private func read(_ path: String, in archive: String) throws -> [UInt8] {
    let file = try Command("tar", ["xOf", ferry.file(archive), path]).run()
    return file.output
  }

  private func json(_ path: String, in archive: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(read(path, in: archive))) as? [String: Any])
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
  }

  /// The new image's digest, as `index.json` has it.
  private func made(in archive: String) throws -> String {
    let entries = try #require(json("index.json", in: archive)["manifests"] as? [[String: Any]])
    let named = entries.filter {
      ($0["annotations"] as? [String: String])?["io.containerd.image.name"]?.contains("team/old") == true
    }
    return try #require(named.first?["digest"] as? String)
  }

  @discardableResult
  private func export(
    _ archive: String = "a.tar", _ options: String..., images: [String]? = nil, exits status: Int32 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try ferry.run(
      ["export", "--plain-http", "--convert-schema1", "-o", archive] + options
        + (images ?? [reference(), reference("team/app:1.0")]), exits: status, sourceLocation: sourceLocation)
  }

  @Test func `is what any tool loads, and its archive tells of both digests`() throws {
    let result = try export("a.tar", "--json", "--report", "r.html")
    let new = try made(in: "a.tar")
    result.complains("converted to schema 2: \(reference()) \(digest) → \(new)")
    let image = try #require(
      Report(result).objects("images").first { ($0["reference"] as? String) == reference() })
    #expect(image["digest"] as? String == new && image["schema1Digest"] as? String == digest)
    #expect(image["mediaType"] as? String == "application/vnd.docker.distribution.manifest.v2+json")
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    #expect(page.contains(digest) && page.contains(new))
    let own = try json("ferry.json", in: "a.tar")
    #expect(own["formatVersion"] as? Int == 4)
    #expect(own["converted"] as? [[String: String]] == [["digest": new, "from": digest]])
    // Whoever has nothing but sha256sum sees what the old digest is of.
    let beside = try read("ferry/schema1/\(digest.dropFirst(7)).json", in: "a.tar")
    #expect(BlobDigest.of(beside) == digest)
    let manifest = try json("blobs/\(new.replacing(":", with: "/"))", in: "a.tar")
    #expect((manifest["annotations"] as? [String: String])?["org.ferry.schema1.digest"] == digest)
    #expect((manifest["layers"] as? [Any])?.count == 3)
    // skopeo finds no Docker schema 2 image by its name in an `oci-archive:` with several.
    let config = try Command(
      "skopeo", ["inspect", "--config", "docker-archive:\(ferry.file("a.tar")):\(reference())"]
    ).run()
    let loaded = try #require(
      JSONSerialization.jsonObject(with: Data(config.output)) as? [String: Any], "\(config.standardError)")
    #expect((loaded["config"] as? [String: Any])?["Env"] as? [String] == ["A=<b>"])
    let proof = try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    #expect(proof.lines.contains { $0.contains("converted to schema 2: \(reference()) \(digest) → \(new)") })
    let shown = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(shown.lines.contains { $0.contains("\(digest) → \(new)") })
    let inspected = try Report(ferry.run(["inspect", "--json", "a.tar"], exits: 0))
    let archive = try #require(inspected.objects("archives").first?["images"] as? [[String: Any]])
    #expect(archive.contains { $0["schema1Digest"] as? String == digest && $0["digest"] as? String == new })
  }

  @Test func `is in a report that the next one takes the place of`() throws {
    try export("a.tar")
    for _ in 0..<2 { try ferry.run(["verify", "a.tar", "--report", "r.json"], exits: 0) }
  }

  @Test func `is the same however it is made`() throws {
    try export("a.tar")
    let new = try made(in: "a.tar")
    try export("b.tar")
    #expect(try bytes("a.tar") == bytes("b.tar"))
    try export("c.tar", "--jobs", "1", "--volume-size", "70000")
    let volumes = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
      .filter { $0.hasPrefix("c.tar.") }.sorted()
    #expect(volumes.count > 1)
    #expect(try volumes.map(bytes).reduce(Data(), +) == bytes("a.tar"))
    // Its front is in the first volume, its layers are elsewhere.
    for name in [volumes[0], volumes[volumes.count - 1]] {
      let before = try bytes(name)
      try FileManager.default.removeItem(atPath: ferry.file(name))
      let number = try #require(Int(name.suffix(3)))
      try export("c.tar", "--volume-size", "70000", "--only-volume", "\(number)")
      #expect(try bytes(name) == before)
    }
    let piped = try export("-")
    #expect(try Data(piped.output) == bytes("a.tar"))
    try export("d/")
    try ferry.run(["verify", "--deep", "d/team_old__1.tar"], exits: 0)
    #expect(try made(in: "d/team_old__1.tar") == new)
    // An import of the image as it is makes the same of it.
    try ferry.export([reference()], to: "raw.tar")
    let registry = try RegistryProcess()
    let done = try ferry.run(
      ["import", "raw.tar", "--to", "\(registry.host)/x", "--plain-http", "--convert-schema1"], exits: 0)
    #expect(done.lines.contains { $0.hasSuffix(new) })
  }

  @Test func `is there when the same is asked for again`() throws {
    try export()
    let before = try bytes("a.tar")
    try export().complains("there already: a.tar", "\(digest) → \(try made(in: "a.tar"))")
    #expect(try bytes("a.tar") == before)
    let plan = try export("a.tar", "--dry-run")
    #expect(plan.lines.contains { $0.contains("there already") })
    // What the old manifest became is in the archive, and nothing else is taken for it.
    try Self.image().push(to: old, "team/old", tag: "2")
    try export("a.tar", images: [reference("team/old:2"), reference("team/app:1.0")], exits: 15)
    try export("a.tar", "--force", images: [reference("team/old:2"), reference("team/app:1.0")])
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
  }

  @Test func `is told of before it moves`() throws {
    let plan = try export("a.tar", "--dry-run")
    #expect(plan.lines.contains { $0.contains(reference()) && $0.hasSuffix("\(digest) → schema 2") })
    let report = try Report(export("a.tar", "--dry-run", "--json"))
    #expect(report.objects("archives").first?["digest"] == nil)
    let image = try #require(report.objects("images").first { $0["reference"] as? String == reference() })
    #expect(image["digest"] as? String == digest && image["schema1Digest"] as? String == digest)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    let size = try #require(report.objects("archives").first?["bytes"] as? Int)
    try export()
    #expect(try bytes("a.tar").count == size)
  }

  @Test func `is resumed where a run was broken off`() throws {
    try export("whole.tar")
    let gateway = FaultGateway(
      before: old.host,
      faults: [
        .always(
          .cutAnswer(after: 20_000), on: GatewayFault.Target(methods: ["GET"], path: "/blobs/", leastBody: 0))
      ])
    let images = ["team/old:1", "team/app:1.0"].map(gateway.reference)
    try export("a.tar", "--retries", "0", images: images, exits: 13)
    gateway.clearFaults()
    try export("a.tar", images: images)
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    #expect(try made(in: "a.tar") == made(in: "whole.tar"))
  }

  @Test func `is in a delta without the layers that are there`() throws {
    try export("base.tar")
    let registry = try RegistryProcess()
    let to = ["--to", "\(registry.host)/new", "--plain-http"]
    try ferry.run(["import", "base.tar", "--receipt", "r.json"] + to, exits: 0)
    try Self.image().push(to: old, "team/old", tag: "2")
    for known in ["base.tar", "r.json"] {
      let archive = "delta-\(known).tar"
      try export(archive, "--skip-known", known, images: [reference("team/old:2")])
      try ferry.run(["verify", archive], exits: 0)
      #expect(try bytes(archive).count < 40_000)
      let whole = "whole-\(known).tar"
      try export(whole, images: [reference("team/old:2")])
      #expect(try made(in: archive) == made(in: whole))
    }
    try ferry.run(["import", "delta-base.tar.tar"] + to, exits: 0)
    #expect(registry.storage.tags(of: "new/old") == ["1", "2"])
  }

  @Test func `does not take the others down when it cannot be`() throws {
    let whole = try Schema1Image.layer([("a", Self.noise(9000, seed: 3))])
    try Schema1Image([.init(Array(whole.dropLast(100)), "{}")]).push(to: old, "team/broken", tag: "1")
    let images = [reference(), reference("team/broken:1")]
    let failed = try export("a.tar", images: images, exits: 14)
    failed.complains("cannot be decompressed", "Without --convert-schema1")
    let kept = try export("b.tar", "--keep-going", images: images, exits: 3)
    kept.complains("failed: \(reference("team/broken:1"))")
    let proof = try ferry.run(["verify", "--deep", "b.tar"], exits: 0)
    #expect(proof.lines.contains { $0.contains("lacks \(reference("team/broken:1"))") })
    try ferry.export(images, to: "raw.tar")
  }

  @Test func `is by its digest what it became, and its source is asked for what it was`() throws {
    let named = "\(old.host)/team/old@\(digest)"
    try export("a.tar", images: [named])
    let new = try made(in: "a.tar")
    let inspected = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(inspected.lines.contains { $0.contains("team/old@\(new)") })
    try ferry.run(["check", "a.tar", "--plain-http", "--no-new"], exits: 0)
    let list = try ferry.write("\(named)\n", to: "list.txt")
    try ferry.run(["verify", "a.tar", "--list", list], exits: 0)
  }

  @Test func `is called what it was asked for by until it is known what it becomes`() throws {
    let named = "\(old.host)/team/old@\(digest)"
    let plan = try Report(export("a.tar", "--dry-run", "--json", images: [named]))
    #expect(try plan.strings("images", "reference") == [named])
    try export("a.tar", "--dry-run", "--report", "r.html", images: [named])
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    #expect(Set(page.matches(of: /@sha256:[0-9a-f]{64}/).map { String($0.output) }) == ["@\(digest)"])
    let whole = try Schema1Image.layer([("a", Self.noise(9000, seed: 3))])
    let broken = try Schema1Image([.init(Array(whole.dropLast(100)), "{}")]).push(
      to: old, "team/broken", tag: "1")
    let lost = "\(old.host)/team/broken@\(broken)"
    let kept = try export("b.tar", "--keep-going", "--json", images: [named, lost], exits: 3)
    kept.complains("failed: \(lost)")
    let report = try Report(kept)
    #expect(report.objects("failures").compactMap { $0["image"] as? String } == [lost])
    #expect(
      try Set(report.strings("images", "reference")) == [
        lost, "\(old.host)/team/old@\(made(in: "b.tar"))",
      ])
  }

  /// By then its archive names it by the digest that it became.
  @Test func `is resumed by its digest where a run was killed at its last step`() throws {
    let named = "\(old.host)/team/old@\(digest)"
    try export("whole.tar", images: [named])
    var command = Command(
      "strace",
      [
        "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=renameat2", "-e",
        "inject=renameat2:signal=KILL", ferry.executable, "export", "--plain-http", "--convert-schema1", "-o",
        "a.tar", named,
      ], environment: ["HOME": ferry.home.path])
    command.directory = ferry.home.path
    #expect(try command.run().status != 0)
    #expect(FileManager.default.fileExists(atPath: ferry.file("a.tar.partial")))
    // Another image is another's work.
    let other = try Schema1Image([.init(try Schema1Image.layer([("b", "c")]), "{}")]).push(
      to: old, "team/old", tag: "2")
    try export("a.tar", images: ["\(old.host)/team/old@\(other)"], exits: 15).complains(named)
    try export("a.tar", images: [named]).complains("a.tar: continuing with")
    #expect(try bytes("a.tar") == bytes("whole.tar"))
  }

  @Test func `leaves no signature that has a tag of its own and is asked for by that`() throws {
    try old.storage.add(layers: [[7]], to: "team/old", tag: digest.replacing(":", with: "-") + ".sig")
    let result = try export("a.tar", "--all-tags", images: ["\(old.host)/team/old"])
    #expect(!result.standardError.contains("not carried"))
    try ferry.run(["check", "a.tar", "--plain-http", "--image", "team/old"], exits: 0)
  }

  @Test func `is the same at its source until its tag moves`() throws {
    try export("a.tar", images: [reference()])
    let new = try made(in: "a.tar")
    let registry = try RegistryProcess()
    let imported = try ferry.run(
      ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--receipt", "r.json", "--json"],
      exits: 0)
    imported.complains("converted to schema 2: \(reference()) \(digest) → \(new)")
    let image = try #require(Report(imported).objects("images").first)
    #expect(image["schema1Digest"] as? String == digest && image["digest"] as? String == new)
    let receipt = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    #expect(receipt.contains(digest) && receipt.contains(new))
    try ferry.run(["verify", "--receipt", "r.json", "a.tar"], exits: 0)
    try ferry.run(
      ["check", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--read-back"], exits: 0)
    for file in ["a.tar", "r.json"] {
      let same = try ferry.run(["check", file, "--plain-http", "--no-new", "--json"], exits: 0)
      let checked = try #require(Report(same).objects("images").first)
      #expect(checked["state"] as? String == "same" && checked["schema1Digest"] as? String == digest)
    }
    let moved = try Schema1Image([.init(try Schema1Image.layer([("b", "c")]), "{}")]).push(
      to: old, "team/old", tag: "1")
    for file in ["a.tar", "r.json"] {
      let result = try ferry.run(["check", file, "--plain-http", "--no-new"], exits: 4)
      #expect(result.lines.contains { $0.contains("moved") && $0.contains("\(digest) → \(moved)") })
    }
  }

  @Test func `leaves what is signed for its old digest, and says so`() throws {
    let tag = digest.replacing(":", with: "-") + ".sig"
    try Command.run(
      "skopeo",
      [
        "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-no-creds", "--dest-no-creds",
        "docker://\(reference("team/app:1.0"))", "docker://\(reference("team/old:\(tag)"))", "--all",
      ])
    let result = try export("a.tar", images: [reference()])
    result.complains("not carried", digest, "converted")
    let inspected = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(
      inspected.lines.contains {
        $0.contains("1 image,") || $0.contains("1 image;") || $0.contains("1 image")
      })
  }

  @Test func `is carried as it is byte for byte, with empty entries and a layer that stands there twice`()
    throws
  {
    try ferry.export([reference()], to: "raw.tar")
    try ferry.run(["verify", "--deep", "raw.tar"], exits: 0)
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    let new = try RegistryProcess(options)
    // Its manifest names the repository: elsewhere no registry takes it.
    try ferry.run(
      ["import", "raw.tar", "--to", new.host, "--plain-http", "--map", "team/old=team/old"], exits: 0)
    #expect(new.storage.digest(of: "team/old", "1") == digest)
    #expect(new.storage.bytes(of: digest) == old.storage.bytes(of: digest))
    for layer in try Self.image().layers {
      #expect(new.storage.bytes(of: BlobDigest.of(layer.blob)) == layer.blob)
    }
  }
}

extension String {
  fileprivate var braced: String { "{\(self)}" }
}
