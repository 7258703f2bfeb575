import Foundation
import TestSupport
import Testing

/// Registries list names that their own specification does not allow. Each is named, and the others travel.
@Suite(.waiting) struct `A name that no reference can have` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

  /// The first is skopeo#2542's and bk-repo#4195's; a repository in capitals, below, is skopeo#1740's.
  private static let oddTags = [
    "-ot-beta-jmx", ".hidden", "sha256:" + String(repeating: "a", count: 64), "a b", "", "ü",
    String(repeating: "x", count: 129), "a/b", "\\u0007bell",
  ]

  private func registry(tags: [String]) -> ScriptedRegistry {
    let names = (tags + ["1", "2"]).map { "\"\($0)\"" }.joined(separator: ",")
    let registry = ScriptedRegistry { request in
      switch request.path {
      case "/v2/old/app/tags/list": ScriptedResponse(json: #"{"name":"old/app","tags":[\#(names)]}"#)
      case "/v2/_catalog":
        ScriptedResponse(json: #"{"repositories":["Old/Upper","old/app","old//b","../x"]}"#)
      default: nil
      }
    }
    for tag in ["1", "2"] { registry.add(image: [Array(tag.utf8)], to: "old/app", tag: tag) }
    return registry
  }

  @Test(arguments: oddTags) func `as a tag does not hide the others`(_ tag: String) throws {
    let registry = registry(tags: [tag])
    let listed = try ferry.run(["list", "--plain-http", registry.reference("old/app")], exits: 3)
    #expect(listed.lines.sorted() == ["1", "2"].map { registry.reference("old/app:\($0)") })
    let result = try ferry.run(
      ["export", "--plain-http", registry.reference("old/app"), "--all-tags", "-o", "a.tar"], exits: 3)
    result.complains("2 images")
    let held = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(held.standardOutput.contains("old/app:1") && held.standardOutput.contains("old/app:2"))
  }

  @Test func `as a repository does not hide the others`() throws {
    let registry = registry(tags: [])
    let listed = try ferry.run(["list", "--plain-http", registry.host], exits: 3)
    #expect(listed.lines.sorted() == ["1", "2"].map { registry.reference("old/app:\($0)") })
    for name in ["Old/Upper", "old//b", "../x"] { listed.complains(name) }
    try ferry.run(
      ["export", "--plain-http", registry.reference("old"), "--all-repositories", "-o", "a.tar"], exits: 3)
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `is asked for when it is given by itself`() throws {
    let registry = ScriptedRegistry()
    registry.add(image: [[1]], to: "old/app", tag: "-ot-beta-jmx")
    try ferry.run(
      ["export", "--plain-http", registry.reference("old/app:-ot-beta-jmx"), "-o", "a.tar"], exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `is named once, in words and in reports`() throws {
    let registry = ScriptedRegistry { request in
      request.path == "/v2/old/app/tags/list"
        ? ScriptedResponse(json: #"{"tags":["-odd","1","-odd",null,7,{"a":1}]}"#) : nil
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    let place = registry.reference("old/app")
    let listed = try ferry.run(["list", "--plain-http", place], exits: 3)
    #expect(listed.standardError.split(separator: "-odd").count == 2)
    listed.complains("what no reference can have", "an entry that is no text")
    for command in [["list", place], ["export", "--all-tags", place, "-o", "a.tar"]] {
      let report = try Report(ferry.run(command + ["--plain-http", "--json"], exits: 3))
      #expect(try report.strings("failures", "image") == [place])
      #expect(try report.strings("failures", "error").allSatisfy { $0.contains("'-odd'") })
    }
    let page = try ferry.run(
      ["export", "--plain-http", "--all-tags", place, "-o", "b.tar", "--report", "b.html"], exits: 3)
    #expect(page.standardError.split(separator: "-odd").count == 2)
    let text = try String(contentsOfFile: ferry.file("b.html"), encoding: .utf8)
    #expect(text.contains("-odd") && text.contains("Not all that is listed can be asked for."))
    try ferry.run(["export", "--plain-http", "--all-tags", place, "-o", "c.tar", "--dry-run"], exits: 3)
  }

  @Test func `is no matter where it was not selected`() throws {
    let registry = registry(tags: ["-ot-beta-jmx"])
    let place = registry.reference("old/app")
    try ferry.run(["export", "--plain-http", place, "--tags", "1*", "-o", "a.tar"], exits: 0)
    try ferry.run(["export", "--plain-http", place, "--tags=-*", "-o", "b.tar"], exits: 3)
      .complains("'-ot-beta-jmx'")
    // Nothing but such names is there.
    let other = ScriptedRegistry { request in
      request.path == "/v2/old/app/tags/list" ? ScriptedResponse(json: #"{"tags":["-odd"]}"#) : nil
    }
    try ferry.run(["list", "--plain-http", other.reference("old/app")], exits: 3).complains("'-odd'")
    try ferry.run(
      ["export", "--plain-http", other.reference("old/app"), "--all-tags", "-o", "c.tar"], exits: 3
    ).complains("'-odd'")
  }

  @Test(arguments: ["-ot-beta-jmx", ".hidden", String(repeating: "x", count: 129)])
  func `travels when it is asked for by itself`(_ tag: String) throws {
    let registry = ScriptedRegistry()
    registry.add(image: [[1]], diffIDs: [BlobDigest.of([1])], to: "old/app", tag: tag)
    let name = registry.reference("old/app:\(tag)")
    try ferry.export([name], to: "a.tar")
    #expect(try ferry.run(["inspect", "a.tar"], exits: 0).standardOutput.contains(name))
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(registry.host)/new", "--receipt", "r.json"], exits: 0)
    #expect(registry.tags.contains("new/app:\(tag)"))
    try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
  }

  @Test func `is called what it is where nothing has it`() throws {
    let registry = ScriptedRegistry()
    registry.add(image: [[1]], to: "old/app", tag: "1")
    try ferry.run(
      ["export", "--plain-http", registry.reference("old/app:-beta"), "-o", "a.tar"], exits: 64
    ).complains("'-beta'", "is no tag by the rules, and was asked for in vain", "has no")
  }

  @Test(arguments: ["a b", "ü", "", "..", "a/b"]) func `is refused when no address can hold it`(_ tag: String)
    throws
  {
    try ferry.run(["export", "127.0.0.1:1/old/app:\(tag)", "-o", "a.tar"], exits: 64)
  }
}
