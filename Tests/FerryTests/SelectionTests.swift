import Foundation
import TestSupport
import Testing

/// Which images a command line and a list mean.
@Suite(.waiting) struct `Images to export` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  /// What is exported, as `repository:tag` or `repository@digest`.
  private func chosen(_ arguments: [String], input: String = "") throws -> [String] {
    let result = try ferry.run(
      ["export", "--plain-http", "--dry-run", "--json", "-o", "a.tar"] + arguments, exits: 0, input: input)
    let report = try Report(result)
    return try report.strings("images", "reference").map {
      try #require($0.hasPrefix("\(source.host)/"))
      return String($0.dropFirst(source.host.count + 1))
    }
  }

  @Test func `are those that are named`() throws {
    let names = ["docker/schema2:1", "team/app:1.1"].map(source.reference)
    #expect(try chosen(names) == ["docker/schema2:1", "team/app:1.1"])
    #expect(try chosen([names[1], names[0], names[1]]) == ["docker/schema2:1", "team/app:1.1"])
  }

  @Test func `are all tags of a repository`() throws {
    let all = ["1.0", "1.1", "2.0", "2.0-rc1", "latest"].map { "team/app:\($0)" }
    #expect(try chosen([source.reference("team/app"), "--all-tags"]) == all)
    let two = try chosen([source.reference("team/app-debug"), source.reference("odd/plain"), "--all-tags"])
    #expect(two == ["odd/plain:1", "team/app-debug:1.0", "team/app-debug:2.0"])
  }

  @Test(arguments: [
    (["1.*"], ["1.0", "1.1"]), (["2*", "!*-rc*"], ["2.0"]), (["!latest", "!2*"], ["1.0", "1.1"]),
    (["1.[1-9]", "latest"], ["1.1", "latest"]), (["?.0"], ["1.0", "2.0"]),
  ])
  func `are the tags that match and are not taken away`(globs: [String], tags: [String]) throws {
    let options = globs.flatMap { ["--tags", $0] }
    #expect(try chosen([source.reference("team/app")] + options) == tags.map { "team/app:\($0)" })
  }

  @Test func `are the lines of a list, from a file or from standard input`() throws {
    let text = """
      # the old fleet
      \(source.host)/team/app:1.0   # keep

      \(source.host)/odd/plain:1\r
      """
    try ferry.write(text, to: "images.txt")
    #expect(try chosen(["-f", "images.txt"]) == ["odd/plain:1", "team/app:1.0"])
    #expect(try chosen(["-f", "-"], input: text) == ["odd/plain:1", "team/app:1.0"])
    #expect(
      try chosen(["-f", "-", source.reference("odd/empty:1")], input: text)
        == ["odd/empty:1", "odd/plain:1", "team/app:1.0"])
  }

  @Test func `may be named by their digest alone, or by tag and digest`() throws {
    let untagged = try #require(try FixtureImages.shared().images.first { $0.name.contains("@") })
    #expect(try chosen([source.reference(untagged.name)]) == [untagged.name])
    let digest = try FixtureImages.digest(of: "team/app:1.0")
    let both = "team/app:1.0@\(digest)"
    #expect(try chosen([source.reference(both)]) == [both])
    try ferry.export([source.reference(untagged.name)], to: "untagged.tar")
    try ferry.run(["verify", "untagged.tar"], exits: 0)
  }

  @Test func `without a tag are the latest, which is said`() throws {
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", source.reference("team/app")], exits: 0)
    result.complains("names no tag: taking latest")
  }

  @Test func `of a listing are those of the registry`() throws {
    let listing = try ferry.run(["list", "--plain-http", "\(source.host)/team"], exits: 0)
    #expect(listing.lines.contains("\(source.host)/team/backend/worker:1.0"))
    let images = try chosen(["-f", "-"], input: listing.standardOutput)
    #expect(images.allSatisfy { $0.hasPrefix("team/") })
    #expect(images.count == listing.lines.count)
  }

  @Test func `can be shared out without overlap`() throws {
    let names = try FixtureImages.shared().images.map(\.name)
    let list = names.map(source.reference).joined(separator: "\n")
    let parts = try (1...3).map { try chosen(["-f", "-", "--shard", "\($0)/3"], input: list) }
    #expect(parts.flatMap(\.self).sorted() == names.sorted())
  }
}
