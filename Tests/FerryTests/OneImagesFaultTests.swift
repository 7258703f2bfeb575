import Foundation
import TestSupport
import Testing

/// What is wrong with one image is that image's alone, and what is offered as a way round it is one.
@Suite(.waiting) struct `The fault of one image` {
  private let ferry: FerryProcess
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
  }

  private func text(_ digest: String) throws -> String {
    String(decoding: try #require(registry.storage.bytes(of: digest)), as: UTF8.self)
  }

  private func export(_ tags: String..., to archive: String = "a.tar") -> [String] {
    ["export", "--plain-http", "--retries", "0", "-o", archive]
      + tags.map { registry.reference("team/app:\($0)") }
  }

  private func `import`(_ archive: String, _ options: String..., exits status: Int32) throws -> CommandResult
  {
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(registry.host)/new"] + options, exits: status)
  }

  @Test func `that gives a shared layer a wrong size does not fail an export's others`() throws {
    let shared = [UInt8](repeating: 7, count: 3000)
    try registry.storage.add(layers: [shared], to: "team/app", tag: "good")
    let other = try registry.storage.add(layers: [shared, [1]], to: "team/app", tag: "other")
    let wrong = try text(other).replacing("\"size\":3000", with: "\"size\":2999")
    try registry.storage.add(manifest: wrong, to: "team/app", tag: "wrong")

    let refused = try ferry.run(export("good", "other", "wrong"), exits: 14)
    refused.complains(
      "1 of 3 images", registry.reference("team/app:wrong"), "--keep-going carries the others")
    let result = try ferry.run(export("good", "other", "wrong") + ["--keep-going"], exits: 3)
    result.complains("failed: \(registry.reference("team/app:wrong"))")
    let verified = try ferry.run(["verify", "a.tar"], exits: 0)
    #expect(verified.standardOutput.contains("whole  2 images"))
  }

  @Test func `whose config speaks of other layers fails alone, and is named`() throws {
    try registry.storage.add(layers: [[1]], to: "team/app", tag: "good")
    let two = try registry.storage.add(layers: [[1], [2]], to: "team/app", tag: "two")
    let text = try text(two)
    let start = try #require(text.range(of: "\"layers\":["))
    try registry.storage.add(
      manifest: text[..<start.upperBound] + "]}", to: "team/app", tag: "hollow")
    try ferry.run(export("good", "hollow"), exits: 14).complains(registry.reference("team/app:hollow"))
    try ferry.run(export("good", "hollow") + ["--keep-going"], exits: 3)
      .complains("failed: \(registry.reference("team/app:hollow"))")
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `whose config's type says nothing is found all the same`() throws {
    let two = try registry.storage.add(layers: [[1], [2]], to: "team/app", tag: "two")
    let text = try text(two).replacing(
      "application/vnd.oci.image.config.v1+json", with: "application/octet-stream")
    let start = try #require(text.range(of: "\"layers\":["))
    try registry.storage.add(manifest: text, to: "team/app", tag: "good")
    try registry.storage.add(manifest: text[..<start.upperBound] + "]}", to: "team/app", tag: "hollow")
    try ferry.run(export("good"), exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)
    try ferry.run(export("good", "hollow", to: "b.tar"), exits: 14).complains(
      registry.reference("team/app:hollow"))
  }

  @Test func `that lists nothing is no archive, but may stand beside others`() throws {
    try registry.storage.add(layers: [[1]], to: "team/app", tag: "good")
    try registry.storage.add(index: [], to: "team/app", tag: "none")
    try ferry.run(export("none", to: "none.tar"), exits: 12).complains("holds no image")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("none.tar")))
    try ferry.run(export("none", "good"), exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test(arguments: [false, true])
  func `whose manifest is damaged in an archive is left out where that is offered`(isCut: Bool) throws {
    try registry.storage.add(layers: [[1]], to: "team/app", tag: "one")
    try registry.storage.add(layers: [[1], [2]], to: "team/app", tag: "two")
    try ferry.run(export("one", "two"), exits: 0)
    var archive = try DamagedArchive(of: ferry.file("a.tar"))
    let digest = try #require(registry.storage.digest(of: "team/app", "two"))
    let entry = try #require(archive.entries.first { digest.hasSuffix($0.path.suffix(64)) })
    archive.flip(entry.content + 3)
    try archive.write(to: ferry.file("b.tar"))
    var name = ferry.file("b.tar")
    var set: VolumeSet?
    if isCut {
      set = try VolumeSet(cutting: name, size: 3000)
      name = try #require(set?.path(0))
    }
    try `import`(name, exits: 14).complains("--keep-going takes the images that are whole", digest)
    #expect(registry.storage.tags(of: "new/app") == [])
    let result = try `import`(name, "--keep-going", exits: 3)
    result.complains(registry.reference("team/app:two"))
    #expect(registry.storage.tags(of: "new/app") == ["one"])

    // With nothing whole, nothing is offered.
    let other = try #require(registry.storage.digest(of: "team/app", "one"))
    let second = try #require(archive.entries.first { other.hasSuffix($0.path.suffix(64)) })
    archive.flip(second.content + 3)
    try archive.write(to: ferry.file("c.tar"))
    for options in [[], ["--keep-going"], ["--allow-missing"]] {
      let refused = try ferry.run(
        ["import", "c.tar", "--plain-http", "--to", "\(registry.host)/none"] + options, exits: 14)
      #expect(!refused.standardError.contains("takes the images"))
    }
  }

  @Test func `that is an unfinished export is told by each command that reads`() throws {
    try registry.storage.add(layers: [[1]], to: "team/app", tag: "one")
    try ferry.run(export("one"), exits: 0)
    try FileManager.default.moveItem(atPath: ferry.file("a.tar"), toPath: ferry.file("a.tar.partial"))
    for command in [["verify"], ["inspect"], ["import", "--plain-http", "--to", "\(registry.host)/new"]] {
      try ferry.run(command + ["a.tar.partial"], exits: 14).complains(
        "is an unfinished export", "ferry export")
    }
  }
}
