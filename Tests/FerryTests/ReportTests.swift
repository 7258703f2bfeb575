import Foundation
import TestSupport
import Testing

/// What the commands tell people on standard output, and programs by `--json` and `--report`.
@Suite(.waiting) struct `A result` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  @Test func `of inspect has each image with its platforms, size and digest, and what sharing saves`() throws
  {
    try ferry.export(["team/app:1.0", "team/app:1.1"].map(source.reference), to: "app.tar")
    let shown = try ferry.run(["inspect", "app.tar"], exits: 0)
    #expect(shown.lines.count == 4)
    for tag in ["1.0", "1.1"] {
      let digest = try FixtureImages.digest(of: "team/app:\(tag)")
      let line = try #require(shown.lines.first { $0.contains(digest) })
      #expect(line.contains(source.reference("team/app:\(tag)")) && line.contains("linux/amd64"))
    }
    let sizes = try ["1.0", "1.1"].map { try imageSize("team/app", $0) }
    let shared = Int(try #require(shown.standardOutput.firstMatch(of: /sharing saves ([0-9.]+) ([KM])iB/)).1)
    #expect(shared != 0, "\(sizes)")

    let report = try Report(ferry.run(["inspect", "--json", "app.tar"], exits: 0))
    #expect(report.string("schema") == "ferry/inspect-report/v1")
    let archive = try #require(report.objects("archives").first)
    #expect(archive["totalBytes"] as? Int == sizes.reduce(0, +))
    let images = try #require(archive["images"] as? [[String: Any]])
    #expect(images.map { $0["bytes"] as? Int } == sizes)
    let layers = try #require(
      (images[0]["manifests"] as? [[String: Any]])?.first?["layers"] as? [[String: Any]])
    #expect(layers.count == 3)
    let own = images.compactMap { $0["ownBytes"] as? Int }
    let unique = try #require(archive["uniqueBytes"] as? Int)
    #expect(unique < sizes.reduce(0, +) && unique > own.reduce(0, +))
  }

  /// The bytes of an image's manifest, config and layers, as its registry has them.
  private func imageSize(_ repository: String, _ tag: String) throws -> Int {
    struct Blob: Decodable { let digest: String, size: Int }
    struct Manifest: Decodable { let config: Blob, layers: [Blob] }
    let digest = try #require(source.storage.digest(of: repository, tag))
    let bytes = try #require(source.storage.bytes(of: digest))
    let manifest = try JSONDecoder().decode(Manifest.self, from: Data(bytes))
    return bytes.count + manifest.config.size + manifest.layers.reduce(0) { $0 + $1.size }
  }

  @Test func `of inspect --long lists every platform's layers`() throws {
    let shown = try ferry.run(["inspect", "--long", FixtureArchive.everything()], exits: 0)
    for words in [
      "layer 1", "layer 3", "linux/arm/v7", "attestation", "artifact", "tar+zstd", "left out (foreign)",
    ] {
      #expect(shown.standardOutput.contains(words))
    }
  }

  @Test func `of verify is one line an archive`() throws {
    let archives = [try FixtureArchive.small(), try FixtureArchive.everything()]
    let shown = try ferry.run(["verify"] + archives, exits: 0)
    #expect(shown.lines.count == 3)
    #expect(shown.lines[0].contains("whole") && shown.lines[0].contains("6 images"))
    let deep = try ferry.run(["verify", "--deep"] + archives, exits: 0)
    #expect(deep.lines[1].contains("unpacked and compared"))

    let report = try Report(ferry.run(["verify", "--json"] + archives, exits: 0))
    #expect(report.string("schema") == "ferry/verify-report/v1")
    #expect(report.objects("archives").map { $0["whole"] as? Bool } == [true, true])
  }

  @Test func `of list is what export reads, or a report`() throws {
    let shown = try ferry.run(["list", "--plain-http", source.host], exits: 0)
    let names = try FixtureImages.shared().images.map(\.name).filter { !$0.contains("@") }
    #expect(Set(shown.lines) == Set(names.map(source.reference)))
    #expect(shown.lines == shown.lines.sorted())
    shown.complains("team/untagged has no tags")
    let report = try Report(ferry.run(["list", "--plain-http", "--json", "\(source.host)/odd"], exits: 0))
    #expect(report.string("schema") == "ferry/list-report/v1")
    #expect(try report.strings("images", "repository").allSatisfy { $0.hasPrefix("odd/") })
    #expect(report.objects("images").contains { $0["tag"] as? String == "1" })
  }

  @Test func `of export and import is a report that agrees with the one in the file`() throws {
    let exported = try ferry.export(
      [source.reference("odd/foreign:1")], to: "a.tar", "--json", "--report", "export.json")
    let export = try Report(exported)
    #expect(
      try Report(file: ferry.file("export.json")).fields as NSDictionary == export.fields as NSDictionary)
    #expect(export.string("schema") == "ferry/export-report/v1")
    #expect(try export.strings("archives", "state") == ["written"])
    #expect(export.objects("archives")[0]["bytes"] as? Int == (try size("a.tar")))
    let omissions = export.objects("images")[0]["omissions"] as? [[String: Any]]
    #expect(omissions?.map { $0["reason"] as? String } == ["foreign"])
    exported.complains("not carried: layer")
    let again = try Report(
      ferry.export([source.reference("odd/foreign:1")], to: "a.tar", "--json"))
    #expect(try again.strings("archives", "state") == ["unchanged"])

    let new = try RegistryProcess()
    let arguments = [
      "import", "a.tar", "--plain-http", "--to", "\(new.host)/new", "--json", "--report", "import.json",
    ]
    let report = try Report(ferry.run(arguments, exits: 0))
    #expect(
      try Report(file: ferry.file("import.json")).fields as NSDictionary == report.fields as NSDictionary)
    #expect(report.string("schema") == "ferry/import-report/v1")
    #expect(try report.strings("images", "state") == ["pushed"])
    #expect(try report.strings("images", "target") == [new.reference("new/foreign:1")])
    #expect((report.number("uploadedBytes") ?? 0) > 10_000)
    #expect(try Report(ferry.run(arguments, exits: 0)).strings("images", "state") == ["identical"])
  }

  private func size(_ name: String) throws -> Int {
    try Data(contentsOf: URL(fileURLWithPath: ferry.file(name))).count
  }

  @Test func `of a dry export is the plan, with the room it needs and has`() throws {
    let images = FixtureArchive.smallImages.map(source.reference)
    let text = try ferry.export(images, to: "a.tar", "--dry-run")
    for image in images { #expect(text.standardOutput.contains(image)) }
    #expect(text.standardOutput.contains("a.tar") && text.standardOutput.contains("to write"))
    #expect(text.standardOutput.contains(/needs [0-9.]+ KiB on disk, [0-9.]+ [KMGT]iB free/))
    #expect(text.standardOutput.contains("6 images"))

    let plan = try Report(ferry.export(images, to: "a.tar", "--dry-run", "--json"))
    #expect(plan.fields["dryRun"] as? Bool == true)
    #expect(try plan.strings("archives", "state") == ["planned"])
    #expect((plan.number("freeBytes") ?? 0) > (plan.number("neededBytes") ?? .max))
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).isEmpty)
    try ferry.export(images, to: "a.tar")
    #expect(plan.number("neededBytes") == (try size("a.tar")))
    let there = try ferry.export(images, to: "a.tar", "--dry-run")
    #expect(there.standardOutput.contains("there already"))
  }

  @Test func `of a dry import is the table of old and new names`() throws {
    let new = try RegistryProcess()
    let archive = try FixtureArchive.small()
    let arguments = [
      "import", archive, "--plain-http", "--to", "\(new.host)/new", "--map", "odd/p*=weird/p$1", "--dry-run",
    ]
    let text = try ferry.run(arguments, exits: 0)
    let targets = ["artifact", "empty", "nested", "weird/plain", "weird/pretty", "twice"]
    for (name, target) in zip(FixtureArchive.smallImages, targets) {
      let old = source.reference(name)
      let line = try #require(text.lines.first { $0.contains(old) })
      #expect(line.contains("→") && line.contains(new.reference("new/\(target):1")) && line.contains("new"))
    }
    let plan = try Report(ferry.run(arguments + ["--json"], exits: 0))
    #expect(plan.fields["dryRun"] as? Bool == true)
    #expect(plan.number("presentBytes") == 0)
    try ferry.run(arguments.dropLast(), exits: 0)
    #expect(new.storage.repositories == targets.map { "new/\($0)" }.sorted())
    let again = try ferry.run(arguments, exits: 0)
    #expect(again.lines.count { $0.contains("there already") } == 7)
  }
}
