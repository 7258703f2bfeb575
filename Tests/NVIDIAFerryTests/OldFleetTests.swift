import Foundation
import TestSupport
import Testing

/// A fleet as old registries hold them: an image of Docker's schema 1, a signed one, one that no tag names, and one whose
/// bytes the registry has lost.
@Suite struct `An old fleet that moves to NGC` {
  private let move: Move
  private let ancient = StagedImage(
    schema1: [StagedImage.noise(70_000, seed: 21), StagedImage.noise(30_000, seed: 22)],
    name: "olddept/ancient", tag: "0.9")
  private let untagged = StagedImage(layers: [StagedImage.noise(40_000, seed: 23)])
  private let broken = StagedImage(layers: [StagedImage.noise(60_000, seed: 24)])
  private let signature = StagedImage(layers: [Array(#"{"critical":{}}"#.utf8)])

  init() throws {
    move = try Move()
    move.stage.add(ancient, to: "olddept/ancient", tag: "0.9", on: .dgx)
    // Known by what speaks of it: of others the registry tells nobody.
    move.stage.add(untagged, to: "olddept/trainer", on: .dgx)
    move.stage.add(
      signature, to: "olddept/trainer", tag: "\(untagged.digest.replacing(":", with: "-")).sig", on: .dgx)
    move.stage.add(broken, to: "olddept/broken", tag: "1", on: .dgx)
    move.stage.edit("olddept/broken", on: .dgx) {
      $0.damage(StagedImage.digest(of: StagedImage.noise(60_000, seed: 24)))
    }
    let signed = "\(Move.detector.digest.replacing(":", with: "-")).sig"
    move.stage.add(signature, to: "olddept_vision/detector", tag: signed, on: .dgx)
  }

  private var brokenName: String { move.at("olddept/broken:1") }

  private func images(_ name: String, in list: String, of file: String) throws -> [String] {
    let data = try Data(contentsOf: URL(fileURLWithPath: move.ferry.file(file)))
    let report = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(report[list] as? [[String: Any]]).compactMap { $0[name] as? String }
  }

  private func exportAll(_ options: String..., exits status: Int32) throws -> CommandResult {
    try move.run(
      [
        "export", move.at("olddept"), move.at("olddept_vision"), "--all-repositories", "--untagged",
        "--keep-going",
        "-o", "fleet.tar", "--report", "export.json",
      ] + options, exits: status)
  }

  @Test func `is there at the end, or named by the summary, the report and the check`() throws {
    let ancientName = move.at("olddept/ancient:0.9")
    try move.ferry.write(
      (move.images + [ancientName, brokenName]).joined(separator: "\n"), to: "images.txt")
    let exported = try exportAll(exits: 3)
    exported.says(
      "\(ancientName) is a Docker schema 1 image", "failed: \(brokenName): sha256:", "1 image failed",
      "untagged manifests: cannot be listed at \(move.stage.host)")
    let listed = try Set(images("reference", in: "images", of: "export.json"))
    let untaggedName = move.at("olddept/trainer@\(untagged.digest)")
    #expect(listed.isSuperset(of: [ancientName, brokenName, untaggedName] + move.images))
    #expect(try images("image", in: "failures", of: "export.json") == [brokenName])

    // On the last evening, with the old key; and of the copy that travels, without any.
    let before = try move.run(["check", "fleet.tar", "-f", "images.txt"], exits: 4)
    #expect(
      before.lines == [
        "missing  \(brokenName): on the list, and not in fleet.tar: it failed when the archive was made",
        "3 of 4 images on the list are in fleet.tar and unchanged at \(move.stage.host), and 3 of 3 others in it; "
          + "1 image failed when it was made; nothing is new since",
      ])
    let verified = try move.ferry.command(["verify", "--deep", "fleet.tar", "--list", "images.txt"]).run()
    #expect(verified.status == 4 && verified.standardOutput.contains(brokenName))

    // NGC takes no schema 1: the others go, and the option that helps is named. With it, all goes.
    let first = try move.import("--keep-going", exits: 3)
    first.says("\(ancientName): the registry did not take", "--convert-schema1 makes a schema 2 image of it")
    let second = try move.import("--convert-schema1", "--receipt", "receipt.json")
    second.says("converted to schema 2: \(ancientName) \(ancient.digest)")
    let converted = try #require(move.tags["acme/ancient"]?["0.9"])
    #expect(converted != ancient.digest)
    var expected = Move.moved
    expected["acme/ancient"] = ["0.9": converted]
    let signed = "\(Move.detector.digest.replacing(":", with: "-")).sig"
    expected["acme/vision/detector"]?[signed] = signature.digest
    expected["acme/trainer"]?["\(untagged.digest.replacing(":", with: "-")).sig"] = signature.digest
    #expect(move.tags == expected)
    #expect(move.stage.content(on: .ngc)["acme/trainer"]?.manifests[untagged.digest] != nil)

    let after = try move.run(["check", "fleet.tar", "--to", move.at("acme"), "--read-back"], exits: 4)
    #expect(after.lines.first == "missing  \(brokenName): it failed when the archive was made")
    #expect(after.lines.last?.hasPrefix("4 of 4 images and 2 of 2 referrers of fleet.tar are at") == true)
    #expect(after.lines.count == 2)
    try move.run(["check", "receipt.json", "--to", move.at("acme"), "--read-back"])
    move.searchHome()

    // The registry mends what it had lost; one command more on each side, and nothing is named any longer.
    move.stage.edit("olddept/broken", on: .dgx) {
      $0.damage(StagedImage.digest(of: StagedImage.noise(60_000, seed: 24)))
    }
    _ = try exportAll("--force", exits: 0)
    try move.run(["check", "fleet.tar", "-f", "images.txt"])
    try move.import("--convert-schema1")
    expected["acme/broken"] = ["1": broken.digest]
    #expect(move.tags == expected)
    try move.run(["check", "fleet.tar", "--to", move.at("acme"), "-f", "images.txt", "--read-back"])
  }
}
