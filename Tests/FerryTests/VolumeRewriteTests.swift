import Foundation
import TestSupport
import Testing

/// `--only-volume`, and sets that are there already.
@Suite(.waiting) struct `A volume written again` {
  private let source: RegistryProcess
  private let ferry: FerryProcess
  private let images: [String]
  private static let size = 100_000

  init() throws {
    let source = try RegistryProcess()
    for (tag, seed) in [("one", 1), ("two", 2)] { try Self.push(tag, seed: seed, to: source) }
    self.source = source
    ferry = try FerryProcess()
    images = ["one", "two"].map { source.reference("team/app:\($0)") }
  }

  private static func push(_ tag: String, seed: Int, to registry: RegistryProcess) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    try registry.storage.add(layers: [random.bytes(240_000), random.bytes(33_000)], to: "team/app", tag: tag)
  }

  private func export(_ options: String..., exits status: Int32) throws -> CommandResult {
    try ferry.run(
      ["export", "--plain-http", "-o", "set.tar", "--volume-size", "\(Self.size)"] + options + images,
      exits: status)
  }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: ferry.home.path).sorted() }
  }

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
  }

  @Test func `is the same as before, with the others beside it or elsewhere`() throws {
    _ = try export(exits: 0)
    let names = try names
    #expect(names.count == 6)
    let contents = try names.map(bytes)
    for (index, name) in names.enumerated() {
      try export("--only-volume", "\(index + 1)", exits: 15).complains("\(name) exists", "--force")
      try FileManager.default.removeItem(atPath: ferry.file(name))
      try export(exits: 15).complains(name, "--only-volume \(index + 1)")
      _ = try export("--only-volume", "\(index + 1)", exits: 0)
      #expect(try bytes(name) == contents[index])
    }
    for name in names { try FileManager.default.removeItem(atPath: ferry.file(name)) }
    let report = try Report(export("--only-volume", "3", "--only-volume", "5", "--json", exits: 0))
    let volumes = try #require(report.objects("archives").first?["volumes"] as? [[String: Any]])
    #expect(
      volumes.map { $0["state"] as? String } == [
        "elsewhere", "elsewhere", "written", "elsewhere", "written", "elsewhere",
      ])
    #expect(try self.names == ["set.tar.003", "set.tar.005"])
    #expect(try bytes("set.tar.003") == contents[2])
    #expect(try bytes("set.tar.005") == contents[4])
    try export("--only-volume", "7", exits: 64).complains("no volume 7")
  }

  @Test func `is refused beside volumes of another archive`() throws {
    _ = try export(exits: 0)
    try FileManager.default.removeItem(atPath: ferry.file("set.tar.004"))
    try ferry.run(
      ["export", "--plain-http", "-o", "set.tar", "--volume-size", "200K", "--only-volume", "2", "--force"]
        + images,
      exits: 15
    ).complains("of another set")
    try Self.push("two", seed: 3, to: source)
    for options in [["--only-volume", "4"], ["--only-volume", "4", "--dry-run"]] {
      try ferry.run(
        ["export", "--plain-http", "-o", "set.tar", "--volume-size", "\(Self.size)"] + options + images,
        exits: 15
      ).complains("set.tar.001 is of archive", "by digest")
    }
    #expect(try names.contains("set.tar.004") == false)
  }

  @Test func `and a set, are replaced only with --force, whatever their size was`() throws {
    _ = try export(exits: 0)
    let other = ["export", "--plain-http", "-o", "set.tar", "--volume-size", "200K"] + images
    try ferry.run(other, exits: 15).complains("set.tar.001 exists")
    #expect(try names.count == 6)
    try ferry.run(other + ["--force"], exits: 0)
    #expect(try names == ["set.tar.001", "set.tar.002", "set.tar.003"])
    // One file beside it is another output.
    try ferry.run(["export", "--plain-http", "-o", "set.tar"] + images, exits: 0)
    #expect(try names.count == 4)
    try ferry.run(["verify", "set.tar", "set.tar.002"], exits: 0)
  }

  /// Beside the set, behind it, among it.
  @Test(arguments: ["set.tar.099", "set.tar.007", "set.tar.0002", "set.tar.003", "set.tar.006"])
  func `and a set, are not replaced beside a file that is only called like a volume`(name: String) throws {
    _ = try export(exits: 0)
    try ferry.write("the thesis", to: name)
    let (names, contents) = (try names, try names.map(bytes))
    let larger = ["export", "--plain-http", "-o", "set.tar", "--volume-size", "200K"] + images
    for more in [[], ["--force"], ["--force", "--dry-run"]] {
      try ferry.run(larger + more, exits: 15).complains("\(name) is not Ferry's own", "Move it away")
      _ = try ferry.run(
        ["export", "--plain-http", "-o", "set.tar", "--volume-size", "\(Self.size)"] + more
          + [source.reference("team/app:two")], exits: 15
      ).complains("\(name) is not Ferry's own")
      #expect(try self.names == names)
      #expect(try names.map(bytes) == contents)
    }
    if let number = ["set.tar.003": "3", "set.tar.006": "6"][name] {
      try export("--only-volume", number, "--force", exits: 15).complains("\(name) is not Ferry's own")
      try export("--only-volume", number, exits: 15).complains("\(name) is not Ferry's own")
    }
    try FileManager.default.removeItem(atPath: ferry.file(name))
    try ferry.run(larger + ["--force"], exits: 0)
    #expect(try self.names == ["set.tar.001", "set.tar.002", "set.tar.003"])
  }

  @Test(arguments: [1, 3, 5, 6])
  func `is not needed when a run was killed while volumes got their names`(named: Int) throws {
    _ = try export(exits: 0)
    let contents = try names.map(bytes)
    let report = try Report(ferry.run(["inspect", "set.tar", "--json"], exits: 0))
    let archive = try #require(report.objects("archives").first)
    let listed = try #require(archive["images"] as? [[String: Any]]).map {
      #"{"digest":"\#($0["digest"] ?? "")","name":"\#($0["reference"] ?? "")"}"#
    }
    let journal = """
      {"images":[\(listed.joined(separator: ","))],"plan":"\(archive["digest"] ?? "")","version":1,"volumeSize":\(Self.size)}
      {"publishing":6}

      """
    try ferry.write(journal, to: "set.tar.partial.journal")
    for number in (named + 1)...7 where number <= 6 {
      rename(ferry.file("set.tar.00\(number)"), ferry.file("set.tar.00\(number).partial"))
    }
    _ = try export(exits: 0)
    #expect(try names == (1...6).map { "set.tar.00\($0)" })
    #expect(try names.map(bytes) == contents)
  }

  @Test func `after damage, all are proved and named`() throws {
    _ = try export(exits: 0)
    var wrong = try bytes("set.tar.004")
    wrong[50_000] ^= 1
    try wrong.write(to: URL(fileURLWithPath: ferry.file("set.tar.004")))
    try export(exits: 14).complains("set.tar is there already and is damaged", "--force")
    _ = try export("--only-volume", "4", "--force", exits: 0)
    try export(exits: 0).complains("there already")
  }
}
