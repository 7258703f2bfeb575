import Foundation
import TestSupport
import Testing

/// Registries list names that their own specification does not allow. Each is named, and the others travel.
struct `A name that no reference can have` {
  private let ferry: FerryProcess
  init() throws { ferry = try FerryProcess() }

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
}
