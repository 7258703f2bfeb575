import Foundation
import TestSupport
import Testing

/// The checks of a move: on the last evening of the old registry, and when all is in the new one.
@Suite struct `A check of a move between NVIDIA's registries` {
  private let list = "# kept\n"

  @Test func `asks each side with its own key, and finds all unchanged, and there`() throws {
    let move = try Move()
    try move.export()
    try move.ferry.write(list + move.images.joined(separator: "  # 1 MiB\n"), to: "images.txt")
    let before = try move.run(["check", "fleet.tar", "-f", "images.txt"])
    before.says("\(move.stage.host): credentials from FERRY_EXPORT_API_KEY")
    #expect(
      before.standardOutput
        == "2 of 2 images on the list are in fleet.tar and unchanged at \(move.stage.host); nothing is new since\n"
    )
    #expect(move.stage.sites(thatSaw: Keys.ngc).isEmpty)
    try move.import("--receipt", "receipt.json")
    let writes = move.stage.writes.count
    let after = try move.run(["check", "fleet.tar", "--to", move.at("acme"), "--read-back"])
    after.says("\(move.stage.host): credentials from FERRY_IMPORT_API_KEY")
    #expect(
      after.standardOutput.contains("2 of 2 images of fleet.tar are at \(move.at("acme")); read back"))
    try move.run(["check", "receipt.json", "--to", move.at("acme")])
    #expect(move.stage.writes.count == writes)
    move.searchHome()
  }

  @Test func `names what has come to the spaces since, and to no other`() throws {
    let move = try Move()
    try move.export()
    move.stage.add(Move.detector, to: "olddept/trainer", tag: "2.0", on: .dgx)
    move.stage.add(Move.detector, to: "olddept/late", tag: "1", on: .dgx)
    move.stage.add(Move.trainer, to: "olddept_vision/detector", tag: "2.0", on: .dgx)
    move.stage.add(Move.detector, to: "olddept_speech/other", tag: "1", on: .dgx)
    let result = try move.run(["check", "fleet.tar"], exits: 4)
    #expect(
      result.lines.dropLast() == [
        "moved    \(move.at("olddept_vision/detector:2.0")): \(Move.detector.digest) → \(Move.trainer.digest)",
        "new      \(move.at("olddept/late:1")), in a repository that is new",
        "new      \(move.at("olddept/trainer:2.0"))",
      ])
  }
}
