import Foundation
import TestSupport
import Testing

/// Archives that are cut into volumes: written, and read wherever the volumes lie.
@Suite(.waiting) struct `Volumes` {
  private func files(_ directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
  }

  @Test(arguments: [65_536, 100_001, 1 << 20, 64 << 20])
  func `laid end to end are the archive in one file`(size: Int) throws {
    let source = try RegistryProcess.fixtures()
    let ferry = try FerryProcess()
    let images = try FixtureImages.shared().images.map { source.reference($0.name) }
    let options = ["--volume-size", "\(size)"]
    let planned = try ferry.run(
      ["export", "--plain-http", "-o", "set.tar", "--json", "--dry-run"] + options + images, exits: 0)
    #expect(try files(ferry.home.path) == [])
    try ferry.export(images, to: "one.tar")
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "set.tar", "--json"] + options + images, exits: 0)
    let volumes = try files(ferry.home.path).filter { $0.hasPrefix("set.tar") }
    let whole = try Data(contentsOf: URL(fileURLWithPath: ferry.file("one.tar")))
    #expect(volumes.count == (whole.count + size - 1) / size)
    var joined = Command("sh", ["-c", "cat set.tar.* | cmp - one.tar"])
    joined.directory = ferry.home.path
    #expect(try joined.run().status == 0)

    for (report, state) in [(try Report(planned), "planned"), (try Report(result), "written")] {
      let archive = try #require(report.objects("archives").first)
      #expect(archive["bytes"] as? Int == whole.count)
      let listed = try #require(archive["volumes"] as? [[String: Any]])
      #expect(listed.map { $0["path"] as? String } == volumes)
      #expect(listed.allSatisfy { $0["state"] as? String == state })
      #expect(listed.reduce(0) { $0 + ($1["bytes"] as? Int ?? 0) } == whole.count)
    }
    // The same again is up to date, and proved.
    let again = try ferry.run(["export", "--plain-http", "-o", "set.tar"] + options + images, exits: 0)
    again.complains("there already")
    try ferry.run(["verify", "set.tar.001", "--expect", try digest(of: again)], exits: 0)
  }

  private func digest(of result: CommandResult) throws -> String {
    String(try #require(result.standardOutput.firstMatch(of: /sha256:[0-9a-f]{64}/)).output)
  }

  @Test func `are made of each archive in a directory`() throws {
    let source = try RegistryProcess.fixtures()
    let ferry = try FerryProcess()
    let images = [
      source.reference("odd/twice:1"), source.reference("odd/plain:1"), source.reference("odd/zstd:1"),
    ]
    try ferry.export(images, to: "sets/", "--volume-size", "64K")
    try ferry.export(images, to: "ones/")
    for name in try files(ferry.file("ones")) {
      var joined = Command("sh", ["-c", "cat sets/\(name).* | cmp - ones/\(name)"])
      joined.directory = ferry.home.path
      #expect(try joined.run().status == 0)
    }
    let lines = try ferry.run(["verify", "sets"], exits: 0).lines
    #expect(lines.count == 4 && lines.last == "sets  all 3 archives are whole")
    #expect(try ferry.run(["inspect", "sets"], exits: 0).standardOutput.contains("volumes"))
  }

  @Test(arguments: VolumeSet.Harm.allCases)
  func `that are missing, short, damaged or exchanged are named, with the images that hurts`(
    harm: VolumeSet.Harm
  ) throws {
    let set = try VolumeSet(cutting: try FixtureArchive.everything(), size: 250_000)
    let ferry = try FerryProcess()
    let whole = try ferry.run(["verify", set.path(1)], exits: 0)
    #expect(whole.lines.allSatisfy { $0.contains("  whole  ") || $0.contains("left out (foreign)") })
    for index in set.names.indices {
      try set.harming(index, harm) {
        let result = try ferry.run(["verify", set.path(index == 0 ? 1 : 0), "--json"], exits: 14)
        let report = try Report(result)
        guard index > 0, harm != .swapped || index > 1 else {
          // What it holds stands in the first one.
          #expect((result.standardOutput + result.standardError).contains(set.path(0)))
          return
        }
        let archive = try #require(report.objects("archives").first)
        let volumes = try #require(archive["volumes"] as? [[String: Any]])
        let accused = volumes.filter { $0["state"] as? String != "whole" }.compactMap {
          $0["path"] as? String
        }
        #expect(accused.contains(set.path(index)), "\(index): \(result.standardOutput)")
        let problems = try #require(archive["problems"] as? [[String: Any]])
        #expect(problems.contains { ($0["volumes"] as? [String])?.contains(set.path(index)) == true })
        switch harm {
        case .dropped, .truncated:
          #expect(accused == [set.path(index)])
          #expect(volumes[index]["state"] as? String == (harm == .dropped ? "missing" : "wrongSize"))
          #expect(problems.contains { ($0["images"] as? [String])?.isEmpty == false })
        case .damaged: #expect(accused.count <= 6)
        case .swapped:
          #expect(accused.contains(set.path(index + 1 < set.names.count ? index + 1 : index - 1)))
        }
      }
    }
  }

  @Test func `are imported from several places, in any order`() throws {
    let set = try VolumeSet(cutting: try FixtureArchive.small(), size: 70_000)
    let ferry = try FerryProcess()
    let new = try RegistryProcess()
    var places: [String] = []
    for index in set.names.indices {
      let place = ferry.file("disk \(index % 2)")
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try FileManager.default.moveItem(atPath: set.path(index), toPath: "\(place)/\(set.names[index])")
      places.insert("\(place)/\(set.names[index])", at: 0)
    }
    let options = ["--plain-http", "--to", "\(new.host)/new"]
    try ferry.run(["import", places[0]] + options, exits: 14).complains("set.tar.00", "not")
    #expect(new.storage.digests.isEmpty)
    try ferry.run(["import"] + places + options, exits: 0)
    for image in FixtureArchive.smallImages {
      let target = FixtureArchive.target(of: image).split(separator: ":").map(String.init)
      #expect(try new.storage.digest(of: target[0], target[1]) == FixtureImages.digest(of: image))
    }
    try ferry.run(["import", "disk 1", "disk 0"] + options, exits: 0).complains("there already")
  }

  @Test func `of which one is missing still give the images that are whole, when that is allowed`() throws {
    let set = try VolumeSet(cutting: try FixtureArchive.everything(), size: 250_000)
    let ferry = try FerryProcess()
    let new = try RegistryProcess()
    let options = ["--plain-http", "--to", "\(new.host)/new"]
    try FileManager.default.removeItem(atPath: set.path(3))
    let refused = try ferry.run(["import", set.directory.path] + options, exits: 14)
    refused.complains("missing: volume \(set.path(3))", "hurts", "--allow-missing")
    let verified = try ferry.run(["verify", set.path(0)], exits: 14)
    #expect(verified.standardOutput.contains(/missing: \d+ blobs? that lie there/))
    #expect(!verified.standardOutput.contains("missing: sha256:"))
    verified.complains("--only-volume")
    #expect(new.storage.digests.isEmpty)
    let dry = try ferry.run(["import", set.path(0), "--allow-missing", "--dry-run"] + options, exits: 3)
    #expect(new.storage.digests.isEmpty)
    let result = try ferry.run(["import", set.path(0), "--allow-missing", "--json"] + options, exits: 3)
    let report = try Report(result)
    let lost = Set(try report.strings("failures", "image"))
    let taken = report.objects("images").filter { $0["state"] as? String == "pushed" }
    #expect(!lost.isEmpty && !taken.isEmpty)
    #expect(try lost.count + taken.count == FixtureImages.shared().images.count)
    for image in lost { dry.complains(image) }
    for error in try report.strings("failures", "error") { #expect(error.contains(set.path(3))) }
    for image in taken {
      let target = try #require((image["target"] as? String)?.split(separator: "/", maxSplits: 1).last)
      guard !target.contains("@") else { continue }
      let parts = target.split(separator: ":").map(String.init)
      #expect(new.storage.digest(of: parts[0], parts[1]) == image["digest"] as? String)
    }
  }

  @Test func `that are damaged or exchanged inside a layer are named before anything is pushed`() throws {
    let old = try RegistryProcess()
    let new = try RegistryProcess()
    let ferry = try FerryProcess()
    var random = SeededGenerator(seed: 9)
    // Its layer has volumes that hold nothing else.
    try old.storage.add(layers: [random.bytes(500_000)], to: "team/large", tag: "1")
    try old.storage.add(layers: [random.bytes(20_000)], to: "team/small", tag: "1")
    let images = ["team/large:1", "team/small:1"].map(old.reference)
    try ferry.export(images, to: "set.tar", "--volume-size", "100K")
    let options = ["import", "set.tar", "--plain-http", "--to", "\(new.host)/new"]
    try ferry.run(options + ["--dry-run"], exits: 0)
    rename(ferry.file("set.tar.003"), ferry.file("kept"))
    rename(ferry.file("set.tar.004"), ferry.file("set.tar.003"))
    rename(ferry.file("kept"), ferry.file("set.tar.004"))
    let result = try ferry.run(options, exits: 14)
    result.complains("set.tar.003", "set.tar.004", "hurts \(images[0])", "--only-volume")
    #expect(!result.standardError.contains("hurts \(images[1])"))
    #expect(new.storage.digests.isEmpty)
    try ferry.run(options + ["--allow-missing"], exits: 3).complains("set.tar.004", "1 image pushed")
    #expect(new.storage.tags(of: "new/small") == ["1"])
    #expect(new.storage.tags(of: "new/large").isEmpty)
    try ferry.run(options + ["--keep-going"], exits: 3).complains("set.tar.004")
    #expect(new.storage.tags(of: "new/small") == ["1"])
    #expect(new.storage.tags(of: "new/large").isEmpty)
    for number in [3, 4] {
      try ferry.run(
        [
          "export", "--plain-http", "-o", "set.tar", "--volume-size", "100K", "--force", "--only-volume",
          "\(number)",
        ]
          + images, exits: 0)
    }
    try ferry.run(options, exits: 0)
    #expect(new.storage.tags(of: "new/large") == ["1"])
  }

  @Test func `are not needed for a truncated archive to give what is whole in it`() throws {
    let ferry = try FerryProcess()
    let new = try RegistryProcess()
    let whole = try Data(contentsOf: URL(fileURLWithPath: FixtureArchive.everything()))
    try whole.prefix(whole.count * 2 / 3).write(to: URL(fileURLWithPath: ferry.file("cut.tar")))
    let options = ["import", "cut.tar", "--plain-http", "--to", "\(new.host)/new"]
    try ferry.run(options, exits: 14).complains("--allow-missing")
    let report = try Report(try ferry.run(options + ["--allow-missing", "--json"], exits: 3))
    #expect(!report.objects("failures").isEmpty)
    #expect(try report.strings("images", "state").contains("pushed"))
  }

  @Test(arguments: [
    (["-o", "-", "--volume-size", "1M"], "one stream"), (["-o", "a.tar", "--volume-size", "63K"], "64K"),
    (["-o", "a.tar", "--only-volume", "1"], "--volume-size"),
    (["-o", "a.tar", "--volume-size", "1M", "--only-volume", "0"], "from 1"),
    (["-o", "a.tar", "--volume-size", "1M", "--report", "a.tar.003"], "overwrite a volume"),
    (["-o", "a/", "--volume-size", "1M", "--only-volume", "1"], "one archive"),
  ])
  func `are asked for in a way that makes sense`(options: [String], words: String) throws {
    try FerryProcess().run(["export", "h.example/a:1"] + options, exits: 64).complains(words)
  }
}
