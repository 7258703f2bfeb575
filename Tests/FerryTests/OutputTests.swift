import Foundation
import TestSupport
import Testing

/// Where an export goes, and what is there before and after.
@Suite(.waiting) struct `An export's output` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  private func names(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: ferry.file(directory)).sorted()
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
  }

  @Test func `is one archive, whose digest is printed, and nothing beside it`() throws {
    let result = try ferry.export(FixtureArchive.smallImages.map(source.reference), to: "a.tar")
    #expect(try names(in: "") == ["a.tar"])
    let index = try Command("tar", ["-xOf", ferry.file("a.tar"), "index.json"]).run().output
    #expect(result.standardOutput == "a.tar  \(BlobDigest.of(index))\n")
  }

  @Test func `is the same bytes whatever the order and the number of jobs`() throws {
    let images = FixtureArchive.smallImages.map(source.reference)
    try ferry.export(images, to: "a.tar", "--jobs", "1")
    try ferry.export(images.reversed(), to: "b.tar", "--jobs", "16")
    #expect(try bytes("a.tar") == bytes("b.tar"))
  }

  @Test func `is the same bytes on standard output`() throws {
    let images = FixtureArchive.smallImages.map(source.reference)
    try ferry.export(images, to: "a.tar")
    let piped = try ferry.export(images, to: "-", "--report", "report.json")
    #expect(try Data(piped.output) == bytes("a.tar"))
    #expect(try Report(file: ferry.file("report.json")).strings("archives", "path") == ["-"])
  }

  @Test func `is one archive an image in a directory, none with a colon in its name`() throws {
    let untagged = try #require(try FixtureImages.shared().images.first { $0.name.contains("@") })
    let images = ["odd/plain:1", "team/backend/worker:1.0", untagged.name]
    try ferry.export(images.map(source.reference), to: "new/deep/")
    let hex = untagged.digest.drop { $0 != ":" }.dropFirst()
    #expect(
      try names(in: "new/deep") == [
        "odd_plain__1.tar", "team_backend_worker__1.0.tar", "team_untagged__sha256-\(hex).tar",
      ])
    // An existing directory is one without a slash, too.
    try ferry.export([source.reference("odd/empty:1")], to: "new")
    #expect(try names(in: "new") == ["deep", "odd_empty__1.tar"])
    for name in try names(in: "new/deep") { try ferry.run(["verify", "new/deep/\(name)"], exits: 0) }
  }

  @Test func `that is there already is left alone, and said so`() throws {
    let images = FixtureArchive.smallImages.map(source.reference)
    try ferry.export(images, to: "a.tar")
    let before = try Command.run("stat", ["-c", "%i %Y %Z", ferry.file("a.tar")])
    let again = try ferry.export(images, to: "a.tar")
    again.complains("there already: a.tar")
    #expect(try Command.run("stat", ["-c", "%i %Y %Z", ferry.file("a.tar")]) == before)
    #expect(try names(in: "") == ["a.tar"])
  }

  @Test func `that holds something else is untouched unless --force replaces it`() throws {
    try ferry.export([source.reference("odd/twice:1")], to: "a.tar")
    let before = try bytes("a.tar")
    let arguments = ["export", "--plain-http", "-o", "a.tar", source.reference("odd/plain:1")]
    try ferry.run(arguments, exits: 15).complains("a.tar exists and is not this archive", "--force")
    try ferry.run(arguments + ["--dry-run"], exits: 15)
    #expect(try bytes("a.tar") == before)
    #expect(try names(in: "") == ["a.tar"])

    try ferry.run(arguments + ["--force", "--dry-run"], exits: 4)
    #expect(try bytes("a.tar") == before)
    try ferry.run(arguments + ["--force"], exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)

    // What is left of one, and what mktemp makes.
    let whole = try bytes("a.tar")
    for rest in [whole.dropLast(1), whole.prefix(5000), whole.prefix(1600), Data()] {
      try rest.write(to: URL(fileURLWithPath: ferry.file("a.tar")))
      try ferry.run(arguments, exits: 15).complains("a.tar exists and is not this archive", "--force")
      try ferry.run(arguments + ["--force"], exits: 0)
      #expect(try bytes("a.tar") == whole)
    }
  }

  @Test func `that differs in nothing but a digest, or in a bit of its headers, is something else`() throws {
    let registry = ScriptedRegistry()
    for (tag, layer) in [("1", [1]), ("2", [2])] as [(String, [UInt8])] {
      registry.add(image: [layer], diffIDs: [BlobDigest.of(layer)], to: "a/b", tag: tag)
    }
    try ferry.export([registry.reference("a/b:1")], to: "a.tar")
    try ferry.export([registry.reference("a/b:2")], to: "b.tar")
    let size = try bytes("a.tar").count
    #expect(try bytes("b.tar").count == size)
    let other = ["export", "--plain-http", "-o", "a.tar", registry.reference("a/b:2")]
    try ferry.run(other, exits: 15)

    var damaged = try DamagedArchive(of: ferry.file("b.tar"))
    damaged.flip(size - 1)
    try damaged.write(to: ferry.file("b.tar"))
    try ferry.run(other.map { $0 == "a.tar" ? "b.tar" : $0 }, exits: 15)
  }

  @Test func `in a directory is refused when two images would have one file name`() throws {
    let registry = ScriptedRegistry()
    for repository in ["a/b", "a_b"] {
      registry.add(image: [[1]], diffIDs: [BlobDigest.of([1])], to: repository, tag: "1")
    }
    let images = ["a/b:1", "a_b:1"].map(registry.reference)
    try ferry.run(["export", "--plain-http", "-o", "out/"] + images, exits: 15)
      .complains("a_b__1.tar", images[0], images[1])
    #expect(try names(in: "") == [])
    try ferry.export(images, to: "out.tar")
  }

  @Test func `names each image, and the tag alone where one repository is held`() throws {
    func annotations(_ archive: String) throws -> [[String: String]] {
      let index = try Command("tar", ["-xOf", ferry.file(archive), "index.json"]).run()
      let json = try JSONSerialization.jsonObject(with: Data(index.output)) as? [String: Any]
      let manifests = try #require(json?["manifests"] as? [[String: Any]])
      return try manifests.map { try #require($0["annotations"] as? [String: String]) }
    }
    let full = source.reference("team/app:1.0")
    let (name, ref) = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
    try ferry.export([full], to: "one.tar")
    #expect(try annotations("one.tar") == [[name: full, ref: "1.0"]])
    try ferry.export([full, source.reference("odd/plain:1")], to: "two.tar")
    #expect(try annotations("two.tar").contains([name: full, ref: full]))
  }
}
