import Foundation
import TestSupport
import Testing

/// What stands in an import's way is told before anything moves.
@Suite(.waiting) struct `A conflict at the destination` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  @Test func `between two sources that would get one name stops everything`() throws {
    let new = try RegistryProcess()
    let arguments = try [
      "import", FixtureArchive.small(), "--plain-http", "--to", "\(new.host)/new", "--map", "odd/*=one",
    ]
    for more in [[], ["--dry-run"], ["--overwrite"], ["--keep-going"]] {
      let result = try ferry.run(arguments + more, exits: 15)
      result.complains("would all become \(new.host)/new/one:1", source.reference("odd/plain:1"), "--map")
    }
    #expect(new.storage.digests.isEmpty)
    #expect(new.requests.allSatisfy { $0.method != "PUT" && $0.method != "PATCH" })
    try ferry.run(arguments + ["--image", "odd/plain"], exits: 0)
    #expect(new.storage.repositories == ["new/one"])
  }

  @Test func `is none where names of one image become one, and each of them arrives`() throws {
    let sources = ["rega.example/x/a:1", "regb.example/x/a:1"]
    let layer = try DockerSave.layer("a")
    try DockerSave([.init(sources, layers: [layer])]).write(to: ferry.file("both.tar"))
    for source in sources {
      try DockerSave([.init([source], layers: [layer])]).write(to: ferry.file("\(source.prefix(4)).tar"))
    }
    for archives in [["both.tar"], ["rega.tar", "regb.tar"]] {
      let new = try RegistryProcess()
      let to = ["--plain-http", "--to", "\(new.host)/new"]
      let written = ["--receipt", "r.json", "--switch-over", "switch", "--json"]
      let report = try Report(ferry.run(["import"] + archives + to + written, exits: 0))
      #expect(try report.strings("images", "source") == sources)
      #expect(try report.strings("images", "state") == ["pushed", "pushed"])
      #expect(new.requests.count { $0.method == "PUT" && $0.path.hasSuffix("/manifests/1") } == 1)
      #expect(try names(in: "switch") == sources)
      for archive in archives { try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 0) }
      for evidence in [archives, ["r.json"]] {
        let checked = try Report(
          ferry.run(["check"] + evidence + to + ["--switch-over", "switch", "--json"], exits: 0))
        #expect(try checked.strings("images", "source") == sources)
        #expect(try names(in: "switch") == sources)
      }
      let again = try Report(ferry.run(["import"] + archives + to + written, exits: 0))
      #expect(try again.strings("images", "state") == ["identical", "identical"])
    }
  }

  /// The old names that what pulls is told of.
  private func names(in directory: String) throws -> [String] {
    try String(contentsOfFile: ferry.file("\(directory)/names.tsv"), encoding: .utf8).split(separator: "\n")
      .filter { !$0.hasPrefix("#") }.compactMap { $0.split(separator: "\t").first.map(String.init) }
  }

  @Test func `between two registries' images of one path is met with what tells them apart`() throws {
    let new = try RegistryProcess()
    let sources = ["rega.example/x/a:1", "regb.example/x/a:1"]
    try DockerSave(try sources.map { .init([$0], layers: [try DockerSave.layer($0)]) })
      .write(to: ferry.file("a.tar"))
    let arguments = ["import", "a.tar", "--plain-http", "--to"]
    let result = try ferry.run(
      arguments + ["\(new.host)/new", "--map", "rega.example/x/a=ra/a"], exits: 15)
    result.complains(
      "would all become \(new.host)/new/a:1", "--image 'rega.example/*'", "which it has to name without")
    #expect(!result.standardError.contains("Tell them apart with --map"))
    for host in ["rega", "regb"] {
      try ferry.run(arguments + ["\(new.host)/\(host)", "--image", "\(host).example/*"], exits: 0)
    }
    #expect(new.storage.repositories == ["rega/a", "regb/a"])
  }

  @Test func `between a tag there and another image needs --overwrite`() throws {
    let new = try RegistryProcess(fixtures: true)
    try ferry.export([source.reference("odd/twice:1"), source.reference("odd/zstd:1")], to: "a.tar")
    let arguments = [
      "import", "a.tar", "--plain-http", "--to", new.host, "--map", "odd/twice=odd/plain", "--map",
      "odd/zstd=fresh",
    ]
    let (old, wanted) = try (FixtureImages.digest(of: "odd/plain:1"), FixtureImages.digest(of: "odd/twice:1"))
    let refused = try ferry.run(arguments, exits: 15)
    refused.complains("1 tag", new.reference("odd/plain:1"), old, wanted, "--overwrite")
    #expect(new.storage.digest(of: "odd/plain", "1") == old)
    #expect(new.storage.tags(of: "fresh") == [])

    let plan = try ferry.run(arguments + ["--dry-run"], exits: 15)
    #expect(plan.standardOutput.contains("taken by"))
    let moving = try ferry.run(arguments + ["--dry-run", "--overwrite"], exits: 4)
    #expect(moving.standardOutput.contains("moves from"))
    #expect(new.storage.digest(of: "odd/plain", "1") == old)

    let report = try Report(ferry.run(arguments + ["--overwrite", "--json"], exits: 0))
    #expect(report.objects("images").contains { $0["previousDigest"] as? String == old })
    #expect(new.storage.digest(of: "odd/plain", "1") == wanted)
    #expect(new.storage.tags(of: "fresh") == ["1"])
    try ferry.run(arguments, exits: 0)
  }

  @Test func `is not what a rule that is for no image makes, but it is told`() throws {
    let new = try RegistryProcess()
    let result = try ferry.run(
      [
        "import", FixtureArchive.small(), "--plain-http", "--to", "\(new.host)/new", "--dry-run", "--map",
        "od/*=one/$1", "--map", "odd/**=two/$1", "--map", "odd/plain=three",
      ], exits: 0)
    // The second decides before the third.
    result.complains("rule 'od/*=one/$1' is for none", "rule 'odd/plain=three' is for none")
    #expect(!result.standardError.contains("rule 'odd/**"))
  }

  @Test func `with the rules for names is a matter of the command line`() throws {
    let archive = try FixtureArchive.small()
    let base = ["import", archive, "--plain-http", "--to", "127.0.0.1:9/new"]
    try ferry.run(base + ["--map", "odd/*"], exits: 64).complains("'odd/*' is no mapping rule")
    try ferry.run(base + ["--map", "odd/*=$2"], exits: 64).complains("'odd/*=$2'")
    try ferry.run(base + ["--map", "odd/*=UPPER/$1"], exits: 64).complains("UPPER", "no repository name")
    try ferry.run(base + ["--image", "odd/plane"], exits: 12)
      .complains("'odd/plane'", "Did you mean odd/plain")
  }

  @Test func `is avoided by rules from a file`() throws {
    let new = try RegistryProcess()
    try ferry.write("# the odd ones\nodd/n**=kept/n$1\nodd/*=flat-$1 # the rest\n", to: "rules.txt")
    try ferry.run(
      ["import", FixtureArchive.small(), "--plain-http", "--to", new.host, "--map-file", "rules.txt"],
      exits: 0)
    #expect(
      new.storage.repositories == [
        "flat-artifact", "flat-empty", "flat-plain", "flat-pretty", "flat-twice", "kept/nested",
      ])
  }

  @Test func `of an image that the registry will not take leaves the others, with --keep-going`() throws {
    let pushed = ScriptedRegistry { request in
      request.method == "PUT" && request.path.contains("/new/plain/manifests/")
        ? ScriptedResponse(
          400, json: #"{"errors":[{"code":"MANIFEST_INVALID","message":"not on a Monday"}]}"#)
        : nil
    }
    let arguments = [
      "import", try FixtureArchive.small(), "--plain-http", "--to", "\(pushed.host)/new", "--retries", "0",
    ]
    try ferry.run(arguments, exits: 13).complains("not on a Monday")
    let result = try ferry.run(arguments + ["--keep-going", "--report", "report.json"], exits: 3)
    result.complains("failed: \(source.reference("odd/plain:1"))", "not on a Monday", "1 image failed")
    #expect(pushed.tags == ["artifact", "empty", "nested", "pretty", "twice"].map { "new/\($0):1" })
    let report = try Report(file: ferry.file("report.json"))
    #expect(try report.strings("failures", "image") == [source.reference("odd/plain:1")])
    #expect(report.objects("images").contains { $0["state"] as? String == "failed" })
  }
}
