import Foundation
import TestSupport
import Testing

/// Old names and new ones.
@Suite struct `Names on NGC` {
  private func table(_ result: CommandResult) -> [String: String] {
    let rows = result.lines.map { $0.split(separator: " ").map(String.init) }
    return Dictionary(rows.filter { $0.count > 2 && $0[1] == "→" }.map { ($0[0], $0[2]) }) { first, _ in first
    }
  }

  private func move() throws -> Move {
    let move = try Move()
    try move.export()
    return move
  }

  @Test func `are by default the organisation's, with projects as teams`() throws {
    let move = try move()
    let result = try move.import("--dry-run")
    #expect(
      table(result) == [
        move.images[0]: move.at("acme/trainer:1.0"), move.images[1]: move.at("acme/vision/detector:2.0"),
      ])
    let report = try move.import("--dry-run", "--json").json()
    #expect(report.strings("images", "source") == move.images)
    #expect(
      report.strings("images", "target") == [
        move.at("acme/trainer:1.0"), move.at("acme/vision/detector:2.0"),
      ])
    #expect(move.tags.isEmpty)
    #expect(try move.import("--json").json().strings("images", "target").count == 2)
    #expect(move.tags == Move.moved)
  }

  @Test func `are what rules make of them, the first that matches`() throws {
    let move = try move()
    try move.ferry.write("# moves\nolddept_*/**=$1-$2\n**=rest/$1\n", to: "rules.txt")
    let result = try move.import(
      "--dry-run", "--map", "olddept/trainer=research/coach", "--map-file", "rules.txt")
    #expect(
      table(result) == [
        move.images[0]: move.at("acme/research/coach:1.0"),
        move.images[1]: move.at("acme/vision-detector:2.0"),
      ])
    try move.import("--map", "olddept/trainer=research/coach", "--map-file", "rules.txt")
    #expect(Set(move.tags.keys) == ["acme/research/coach", "acme/vision-detector"])
  }

  @Test func `that NGC has no room for are refused all at once, before anything is asked`() throws {
    let move = try move()
    let asked = move.stage.requests(at: .registry).count
    let result = try move.import("--map", "olddept/*=deep/er/$1", to: "acme/team", exits: 64)
    result.says(
      "2 images would get names that NGC cannot have:",
      "\(move.images[0]) would become \(move.at("acme/team/deep/er/trainer:1.0")), which has 5 components",
      "\(move.images[1]) would become \(move.at("acme/team/vision/detector:2.0")), which has 4 components",
      "NGC has organisation, team and image, no more", "Give other names with --map")
    #expect(move.stage.requests(at: .registry).count == asked)

    let dry = try move.import("--dry-run", to: "acme/team", exits: 64)
    dry.says("\(move.images[1]) would become \(move.at("acme/team/vision/detector:2.0"))")
    #expect(table(dry).count == 2)
    #expect(dry.lines.contains { $0.hasSuffix("refused") })
    let report = try move.import("--dry-run", "--json", to: "acme/team", exits: 64).json()
    #expect(report.strings("images", "state") == ["new", "refused"])
    #expect(report.strings("images", "target").last == move.at("acme/team/vision/detector:2.0"))

    let place = try move.run(["import", "fleet.tar", "--to", move.stage.host, "--map", "**/*=$2"], exits: 64)
    place.says("which lies in no organisation")
    #expect(move.stage.writes.isEmpty)
  }

  @Test func `that no registry takes are refused, and shown`() throws {
    let move = try move()
    let result = try move.import("--dry-run", "--map", "olddept/*=Big-$1", exits: 64)
    result.says(
      "\(move.images[0]) would become \(move.at("acme/Big-trainer")), which is no repository name")
    #expect(table(result)[move.images[0]] == move.at("acme/Big-trainer:1.0"))
  }

  @Test func `that two images would share are refused, and both are shown`() throws {
    let move = try Move()
    move.stage.add(Move.detector, to: "olddept_vision/detector", tag: "1.0", on: .dgx)
    let images = [move.images[0], move.at("olddept_vision/detector:1.0"), move.images[1]]
    try move.export(images: images)
    let result = try move.import("--dry-run", "--map", "**=one", exits: 15)
    result.says("\(images[0]) and \(images[1]) would all become \(move.at("acme/one:1.0"))")
    #expect(table(result).count == 3)
    #expect(result.lines.count { $0.hasSuffix("refused") } == 2)
    try move.import("--map", "**=one", exits: 15)
    #expect(move.stage.writes.isEmpty)
  }

  @Test func `are all complained of at once, with the rights that are missing`() throws {
    let move = try Move(ngc: .ngc(key: Keys.ngc, organizations: ["acme"], access: ["acme/": .pull]))
    move.stage.add(Move.trainer, to: "olddept_a_b/x", tag: "1", on: .dgx)
    try move.export(images: move.images + [move.at("olddept_a_b/x:1")])
    let result = try move.import("--map", "olddept_a_b/x=a/b/x", exits: 64)
    result.says("which has 4 components", "2 repositories may not be pushed to:")
    let report = try move.import("--map", "olddept_a_b/x=a/b/x", "--json", exits: 64).json()
    #expect(report["schema"] as? String == "ferry/failed-report/v1")
    #expect((report["error"] as? String)?.contains("2 repositories may not be pushed to:") == true)
  }
}
