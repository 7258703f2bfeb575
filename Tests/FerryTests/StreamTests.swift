import Foundation
import TestSupport
import Testing

/// Archives that come through pipes, or out of compressed files.
@Suite(.waiting) struct `An archive in a pipe` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let destination: RegistryProcess
  private let archive: String
  private let names = FixtureArchive.smallImages

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
    destination = try RegistryProcess()
    archive = try FixtureArchive.small()
  }

  /// That the destination has every image of `names` as the source has it, as its own API and skopeo say.
  private func expectImported(_ names: [String], below namespace: String = "new") throws {
    let digests = try names.map { try FixtureImages.digest(of: $0) }
    let targets = names.map { "\(namespace)/" + FixtureArchive.target(of: $0).dropFirst("new/".count) }
    let answers = RegistryAnswers(registry: destination)
    #expect(try answers.digests(of: targets) == digests)
    #expect(try answers.skopeoDigest(of: targets[0]) == digests[0])
  }

  private var to: String { "\(destination.host)/new" }

  @Test func `goes from one registry into another without touching a disk`() throws {
    let source = try RegistryProcess.fixtures()
    let images = names.map(source.reference).joined(separator: " ")
    let moved = try pipeline.run(
      "$ferry export --plain-http -q -o - \(images) | $ferry import - --plain-http --to $1", [to])
    #expect(moved.status == 0, "\(moved.standardError)")
    try expectImported(names)
    let proved = try pipeline.run("$ferry export --plain-http -q -o - \(images) | $ferry verify -")
    #expect(proved.status == 0)
    #expect(proved.standardOutput.hasPrefix("-  whole  \(names.count) images"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == [])
  }

  @Test func `goes through zstd, split and cat`() throws {
    let source = try RegistryProcess.fixtures()
    let images = names.map(source.reference).joined(separator: " ")
    let result = try pipeline.run(
      """
      $ferry export --plain-http -q -o - \(images) | zstd -q | split -b 700 - part.
      cat part.* | $ferry import - --plain-http --to "$1" && cat part.* | zstd -dc | $ferry verify -
      """, [to])
    #expect(result.status == 0, "\(result.standardError)")
    try expectImported(names)
  }

  @Test(arguments: ["gzip", "zstd", "xz", "bzip2"])
  func `may be compressed, and so may one in a file, whatever its name`(tool: String) throws {
    let result = try pipeline.run(
      "\(tool) -c < \"$1\" > packed.tar && $ferry import packed.tar --plain-http --to \"$2\"", [archive, to])
    #expect(result.status == 0, "\(result.standardError)")
    try expectImported(names)
    #expect(try pipeline.run("$ferry verify packed.tar <(cat packed.tar) - < packed.tar").status == 0)
    let plain = try ferry.run(["inspect", archive], exits: 0).lines
    let told = try ferry.run(["inspect", "packed.tar"], exits: 0).lines.filter {
      !$0.contains("nothing behind that")
    }
    #expect(told.dropFirst() == plain.dropFirst())
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == ["packed.tar"])
  }

  @Test func `is proved as one in a file is, deep and against an expected digest too`() throws {
    func report(_ command: String) throws -> [String: Any] {
      let result = try pipeline.run("$ferry \(command)", [archive])
      var report = try #require(Report(result).objects("archives").first)
      #expect(report.removeValue(forKey: "path") != nil)
      return report
    }
    for option in ["", "--deep"] {
      let piped = try report("verify \(option) --json - < \"$1\"")
      let resting = try report("verify \(option) --json \"$1\"")
      #expect(piped as NSDictionary == resting as NSDictionary)
      #expect(piped["whole"] as? Bool == true)
    }
    let everything = try FixtureArchive.everything()
    #expect(try pipeline.run("$ferry verify --deep - < \"$1\"", [everything]).status == 0)
    let wrong = BlobDigest.of([1])
    for verb in ["verify", "import --plain-http --to \(to)"] {
      let refused = try pipeline.run("$ferry \(verb) --expect \(wrong) - < \"$1\"", [archive])
      #expect(refused.status == 14)
      refused.complains("standard input is archive", "not \(wrong)")
    }
    #expect(destination.storage.repositories == [])
  }

  @Test func `without an image is told as one in a file is`() throws {
    for files in ["('manifest.json', b'[]')", "('manifest.json', b'null'), ('repositories', b'{}')"] {
      let made = try MadeArchive("write([\(files)])")
      for way in ["$ferry VERB \"$1\"", "cat \"$1\" | $ferry VERB -", "gzip -c \"$1\" | $ferry VERB -"] {
        for verb in ["verify", "inspect", "import --plain-http --to \(to)"] {
          let told = try pipeline.run(way.replacing("VERB", with: verb), [made.path])
          #expect(told.status == 12 && told.standardError.contains("holds no image"), "\(way) \(verb)")
        }
      }
    }
  }

  @Test func `is planned and checked only when all of it was read`() throws {
    let everything = try FixtureArchive.everything()
    var damaged = try DamagedArchive(of: everything)
    let layer = try #require(damaged.entries.first { $0.size > 1 << 16 })
    damaged.flip(layer.content + 9000)
    try damaged.write(to: ferry.file("damaged.tar"))
    let plan = "import --dry-run --plain-http --to \(to)"
    let whole = try pipeline.run("cat \"$1\" | $ferry \(plan) -", [everything])
    #expect(whole.status == 0, "\(whole.standardError)")
    #expect(whole.standardOutput.contains("team/app:1.0") && !whole.standardOutput.contains("were not read"))
    for verb in [plan, "check --plain-http --to \(to)", "check --plain-http"] {
      for way in ["cat damaged.tar | $ferry \(verb) -", "$ferry \(verb) <(cat damaged.tar)"] {
        let refused = try pipeline.run(way)
        #expect(refused.status == 14, "\(way): \(refused.standardError)")
        refused.complains("damaged: ", "hashes to")
      }
      let cut = try pipeline.run("head -c \(layer.content + 9000) \"$1\" | $ferry \(verb) -", [everything])
      #expect(cut.status == 14, "\(verb): \(cut.standardError)")
    }
    // Of a file no layer is read, and a plan says so.
    #expect(
      try ferry.run(plan.split(separator: " ").map(String.init) + ["damaged.tar"], exits: 0)
        .standardOutput.contains("layers were not read"))
    // As in a run, what is not hurt is taken where that is asked for.
    let some = try pipeline.run("cat damaged.tar | $ferry \(plan) --keep-going -")
    #expect(some.status == 3, "\(some.standardError)")
    #expect(destination.storage.repositories == [])
  }

  @Test func `that is there already is read and proved all the same`() throws {
    let both = "$ferry import - --plain-http --json --to \"$2\" < \"$1\""
    #expect(try pipeline.run(both, [archive, to]).status == 0)
    let again = try pipeline.run(both, [archive, to])
    #expect(again.status == 0)
    #expect(try Report(again).strings("images", "state") == names.map { _ in "identical" })
    #expect(try Report(again).strings("archives", "path") == ["-"])
    var damaged = try DamagedArchive(of: archive)
    let last = try #require(damaged.entries.last)
    damaged.flip(last.content)
    try damaged.write(to: ferry.file("damaged.tar"))
    #expect(try pipeline.run(both, ["damaged.tar", to]).status == 14)
  }

  @Test func `beside others in files shares their blobs and their tags' moment`() throws {
    let everything = try FixtureArchive.everything()
    var cut = try DamagedArchive(of: everything)
    cut.cut(at: cut.endMarker)
    try cut.write(to: ferry.file("cut.tar"))
    let broken = try pipeline.run(
      "$ferry import \"$1\" - --plain-http --to \"$2\" < cut.tar", [archive, to])
    #expect(broken.status == 14)
    #expect(destination.storage.repositories == [])
    let result = try pipeline.run(
      "$ferry import \"$1\" - --plain-http --to \"$2\" < \"$3\"", [archive, to, everything])
    #expect(result.status == 0, "\(result.standardError)")
    try expectImported(names + ["team/app:1.0", "tools/multi:1.0"])
  }

  @Test func `wants standard input for itself`() throws {
    for arguments in [
      ["import", "-", "-", "--to", to], ["import", "-", "--map-file", "-", "--to", to],
      ["import", "-", "--username", "u", "--password-stdin", "--to", to], ["verify", "-", "-"],
      ["inspect", "-", "-"],
    ] {
      try ferry.run(arguments, exits: 64).complains("both want standard input")
    }
  }
}
