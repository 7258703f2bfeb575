import Foundation
import TestSupport
import Testing

/// `ferry verify --list`: is every image of a list in the archives?
@Suite(.waiting) struct `A list that archives are verified against` {
  private let ferry: FerryProcess
  private let old: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess()
    for tag in ["1", "2", "latest"] {
      try old.storage.add(layers: [Array(tag.utf8)], to: "old/app", tag: tag)
    }
    try ferry.export([old.reference("old/app:1")], to: "one.tar")
    try ferry.export([old.reference("old/app:2"), old.reference("old/app")], to: "two.tar")
    old.stop()
  }

  @Test func `is in them together, and what is in none is named`() throws {
    try ferry.write(
      "# all\n\(old.host)/old/app:1 # 1 MiB\n\(old.host)/old/app\n\(old.host)/old/app:2\n", to: "images.txt")
    let whole = try ferry.run(["verify", "one.tar", "two.tar", "--list", "images.txt"], exits: 0)
    #expect(whole.lines.last == "3 of 3 images on the list are in one.tar and two.tar")
    let short = try ferry.run(
      ["verify", "two.tar", "--list", "images.txt", "--report", "r.html"], exits: 4)
    #expect(
      short.lines.suffix(2) == [
        "missing  \(old.host)/old/app:1: on the list, and in no archive",
        "2 of 3 images on the list are in two.tar",
      ])
    #expect(try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8).contains("in no archive"))
    let report = try Report(
      ferry.run(["verify", "two.tar", "--json", "--list", "-"], exits: 4, input: "\(old.host)/old/app:9\n"))
    let list = try #require(report.fields["list"] as? [String: Any])
    #expect(list["images"] as? Int == 1 && list["missing"] as? [String] == ["\(old.host)/old/app:9"])
    #expect(try Report(ferry.run(["verify", "two.tar", "--json"], exits: 0)).fields["list"] == nil)
  }

  @Test func `outranks no damage, and is itself no list of nothing`() throws {
    try ferry.write("\(old.host)/old/app:9\n", to: "images.txt")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: ferry.file("two.tar")))
    bytes[bytes.count - 1536] ^= 1
    try bytes.write(to: URL(fileURLWithPath: ferry.file("bad.tar")))
    try ferry.run(["verify", "bad.tar", "--list", "images.txt"], exits: 14)
    try ferry.write("# nothing\n", to: "images.txt")
    try ferry.run(["verify", "two.tar", "--list", "images.txt"], exits: 64)
    try ferry.run(["verify", "two.tar", "--list", "none.txt"], exits: 12)
    try ferry.run(["verify", "-", "--list", "-"], exits: 64)
    try ferry.run(["verify", "two.tar", "--list", "images.txt", "--report", "images.txt"], exits: 64)
  }
}
