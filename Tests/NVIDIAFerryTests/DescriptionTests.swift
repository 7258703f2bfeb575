import Foundation
import TestSupport
import Testing

/// Descriptions of DGX's repositories travel in the archive.
@Suite(.waiting) struct `Descriptions of repositories` {
  private static let markdown = "# Trainer\n\n\u{1B}]0;title\u{07}Use **it**.\n\u{202E}moc\n"

  private func move() throws -> Move {
    let move = try Move()
    move.stage.edit("olddept/trainer", on: .dgx) { $0.description = Self.markdown }
    return move
  }

  @Test func `travel in the archive as they are`() throws {
    let move = try move()
    try move.export()
    let listed = try Command.run("tar", ["-tf", move.ferry.file("fleet.tar")])
    let names = listed.split(separator: "\n").map(String.init)
    #expect(
      names.filter { $0.hasPrefix("ferry/") } == ["ferry/descriptions/olddept/trainer.md"],
      "one of two has one")
    let text = try Command.run(
      "tar", ["-xOf", move.ferry.file("fleet.tar"), "ferry/descriptions/olddept/trainer.md"])
    #expect(text == Self.markdown)
    #expect(try move.ferry.run("verify", "fleet.tar").status == 0)
  }

  @Test func `are shown by inspect --long without what a terminal would obey`() throws {
    let move = try move()
    try move.export()
    let brief = try move.ferry.run("inspect", "fleet.tar")
    #expect(brief.standardOutput.contains("descriptions of 1 repository; --long shows them"))
    let long = try move.ferry.run("inspect", "fleet.tar", "--long")
    #expect(long.lines.contains("  description of olddept/trainer"))
    #expect(long.lines.contains(#"    \u{1B}]0;title\u{7}Use **it**."#))
    #expect(long.lines.contains(#"    \u{202E}moc"#))
    #expect(!long.standardOutput.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    let report = try move.ferry.run("inspect", "fleet.tar", "--json").json()
    #expect(
      report.objects("archives").first?["descriptions"] as? [String: String]
        == ["olddept/trainer": Self.markdown])
  }

  @Test func `are written out by import for the new owner`() throws {
    let move = try move()
    try move.export()
    try move.import("--descriptions", "texts", "--dry-run")
    #expect(!FileManager.default.fileExists(atPath: move.ferry.file("texts")))
    try move.import("--descriptions", "texts").says(
      "wrote 1 description of repositories in fleet.tar to texts")
    let text = try String(contentsOfFile: move.ferry.file("texts/olddept/trainer.md"), encoding: .utf8)
    #expect(text == "# Trainer\n\n]0;titleUse **it**.\nmoc\n")
    let paths = FileManager.default.enumerator(atPath: move.ferry.file("texts"))?.compactMap { $0 as? String }
    #expect(paths?.sorted() == ["olddept", "olddept/trainer.md"])
  }

  private static let notes = "the only copy\nof my notes\n"

  private func text(_ path: String, of move: Move) -> String? {
    try? String(contentsOfFile: move.ferry.file(path), encoding: .utf8)
  }

  /// Nothing is pushed for an import that could not write them where they belong.
  @Test(arguments: ["file", "symbolic link", "hard link", "directory"])
  func `take no place of what no import wrote`(kind: String) throws {
    let move = try move()
    try move.export()
    let files = FileManager.default
    try move.ferry.write(Self.notes, to: "notes")
    try files.createDirectory(
      atPath: move.ferry.file("texts/olddept"), withIntermediateDirectories: true)
    let place = move.ferry.file("texts/olddept/trainer.md")
    switch kind {
    case "file": try move.ferry.write(Self.notes, to: "texts/olddept/trainer.md")
    case "symbolic link":
      try files.createSymbolicLink(atPath: place, withDestinationPath: move.ferry.file("notes"))
    case "hard link": try files.linkItem(atPath: move.ferry.file("notes"), toPath: place)
    default: try files.createDirectory(atPath: place, withIntermediateDirectories: true)
    }
    for options in [["--dry-run"], []] {
      try move.run(
        ["import", "fleet.tar", "--to", move.at("acme"), "--descriptions", "texts"] + options, exits: 15
      ).says("texts/olddept/trainer.md")
      #expect(move.tags == [:])
      #expect(text("notes", of: move) == Self.notes)
      if kind != "directory" { #expect(text("texts/olddept/trainer.md", of: move) == Self.notes) }
    }
    try move.import("--descriptions", "other")
  }

  @Test func `follow no link below their directory, which may be one itself`() throws {
    let move = try move()
    try move.export()
    let files = FileManager.default
    for name in ["elsewhere", "texts"] {
      try files.createDirectory(atPath: move.ferry.file(name), withIntermediateDirectories: true)
    }
    try files.createSymbolicLink(
      atPath: move.ferry.file("texts/olddept"), withDestinationPath: move.ferry.file("elsewhere"))
    for options in [["--dry-run"], []] {
      try move.run(
        ["import", "fleet.tar", "--to", move.at("acme"), "--descriptions", "texts"] + options, exits: 15
      ).says("texts/olddept")
      #expect(move.tags == [:])
      #expect(try files.contentsOfDirectory(atPath: move.ferry.file("elsewhere")) == [])
    }
    try files.createSymbolicLink(
      atPath: move.ferry.file("named"), withDestinationPath: move.ferry.file("elsewhere"))
    try move.import("--descriptions", "named")
    #expect(text("elsewhere/olddept/trainer.md", of: move)?.hasPrefix("# Trainer") == true)
  }

  @Test func `are written for imported repositories alone`() throws {
    let move = try move()
    try move.export()
    try move.import("--descriptions", "texts", "--image", "*/detector")
    let written = FileManager.default.enumerator(atPath: move.ferry.file("texts"))?.compactMap {
      $0 as? String
    }
    #expect((written ?? []) == [])
  }

  @Test func `replace what an import wrote, until somebody changes it`() throws {
    let move = try move()
    try move.export()
    for _ in 0..<2 { try move.import("--descriptions", "texts") }
    move.stage.edit("olddept/trainer", on: .dgx) { $0.description = "another\n" }
    try move.export("--force", images: [move.images[0]])
    try move.import("--descriptions", "texts")
    #expect(text("texts/olddept/trainer.md", of: move) == "another\n")

    try move.ferry.write(Self.notes, to: "texts/olddept/trainer.md")
    try move.import("--descriptions", "texts", exits: 15)
    #expect(text("texts/olddept/trainer.md", of: move) == Self.notes)
  }

  @Test func `that cannot be had stop nothing`() throws {
    var dgx = StageAccount.dgx(key: Keys.dgx)
    dgx.mayList = false
    let move = try Move(dgx: dgx)
    let result = try move.export()
    result.says("no descriptions of repositories from \(move.stage.host)")
    try move.import("--descriptions", "texts").says("wrote 0 descriptions")
    #expect(move.tags == Move.moved)
  }

  @Test func `that have changed since leave an archive as it is, and it is signed as it is`() throws {
    let minisign = try Minisign()
    let move = try move()
    try move.export()
    let before = try Data(contentsOf: URL(fileURLWithPath: move.ferry.file("fleet.tar")))
    move.stage.edit("olddept/trainer", on: .dgx) { $0.description = "another" }
    try move.export("--sign-key", minisign.secretKey)
    #expect(try Data(contentsOf: URL(fileURLWithPath: move.ferry.file("fleet.tar"))) == before)
    let verified = try move.ferry.run("verify", "fleet.tar", "--public-key", minisign.publicKey)
    #expect(verified.status == 0)
  }
}
