import Foundation
import TestSupport
import Testing

/// What standard error shows while a transfer runs: bars on a terminal, lines elsewhere, nothing when quiet.
@Suite(.waiting) struct `While a transfer runs` {
  private let ferry: FerryProcess
  private let registry: ScriptedRegistry
  /// Until it opens, the layer's second half comes byte by byte.
  private let gate: Gate

  init() throws {
    ferry = try FerryProcess()
    let gate = Gate()
    self.gate = gate
    let layer = [UInt8](repeating: 7, count: 1 << 20)
    let digest = BlobDigest.of(layer)
    registry = ScriptedRegistry { request in
      guard request.method == "GET", request.path.hasSuffix(digest) else { return nil }
      return ScriptedResponse(steps: [
        .send(ScriptedResponse.head(200, [], length: layer.count)), .send(Array(layer.prefix(1 << 19))),
        // Slowly: a rate is taken from one look to the next.
        .drip(Array(layer.dropFirst(1 << 19)), until: gate),
      ])
    }
    registry.add(image: [layer], diffIDs: [digest], to: "team/app", tag: "1")
  }

  private var arguments: [String] {
    ["export", "--plain-http", "-o", "a.tar", registry.reference("team/app:1")]
  }

  @Test func `a terminal shows a bar for it and a total, and neither when it is done`() throws {
    let running = try ferry.command(arguments, terminal: true).start()
    #expect(running.waitForError { $0.contains(/[0-9a-f]{12} \[#+\.+\] [0-9.]+ KiB of 1\.0 MiB/) })
    #expect(
      running.waitForError {
        $0.contains(/[0-9.]+ KiB of 1\.0 MiB \(\d+ %\), [0-9.]+ [KM]?i?B\/s, \d+ .*left/)
      })
    gate.open()
    let result = try #require(running.waitForEnd())
    #expect(result.status == 0)
    // The last thing drawn is no bar: what follows the last erasure are lines.
    let end = try #require(result.standardError.components(separatedBy: "\u{1B}[J").last)
    #expect(!end.contains("[#") && !end.contains("%"))
    #expect(result.standardError.contains("1 image exported and proved"))
    #expect(!result.standardOutput.contains("\u{1B}"))
    #expect(result.lines.count == 1)
  }

  @Test func `no line is wider than the terminal`() throws {
    gate.open()
    let result = try ferry.run(arguments, exits: 0, terminal: true)
    let drawn = result.standardError.split(whereSeparator: \.isNewline).filter { $0.contains("\u{1B}[2K") }
    #expect(drawn.allSatisfy { $0.split(separator: "\u{1B}[2K").last?.count ?? 0 <= 100 })
  }

  @Test(arguments: [[], ["--progress", "plain"], ["-v"]])
  func `a pipe gets plain lines`(options: [String]) throws {
    gate.open()
    let result = try ferry.run(arguments + options, exits: 0)
    #expect(!result.standardError.contains("\u{1B}") && !result.standardError.contains("\r"))
    result.complains("looking up 1 image", "wrote a.tar", "1 image exported and proved")
    #expect(result.standardOutput.wholeMatch(of: /a\.tar  sha256:[0-9a-f]{64}\n/) != nil)
  }

  @Test func `a terminal gets plain lines when they are asked for`() throws {
    gate.open()
    for options in [["--progress", "plain"], ["-v"], ["--progress", "none"]] {
      let result = try ferry.run(arguments + options, exits: 0, terminal: true)
      #expect(!result.standardError.contains("\u{1B}"))
      #expect(result.standardError.contains("1 image "))
    }
  }

  @Test func `--quiet leaves the result, and errors`() throws {
    gate.open()
    for isTerminal in [false, true] {
      let result = try ferry.run(arguments + ["-q"], exits: 0, terminal: isTerminal)
      #expect(result.standardError == "")
      #expect(result.lines.count == 1)
      let failed = try ferry.run(
        ["export", "-q", "--plain-http", "-o", "b.tar", registry.reference("team/app:2")], exits: 12,
        terminal: isTerminal)
      failed.complains("has no tag 2")
    }
  }

  @Test func `an interrupted terminal is left without bars`() throws {
    let running = try ferry.command(arguments, terminal: true).start()
    #expect(running.waitForError { $0.contains("[#") })
    running.signal(SIGINT)
    let result = try #require(running.waitForEnd())
    #expect(result.status == 130)
    let end = try #require(result.standardError.components(separatedBy: "\u{1B}[J").last)
    #expect(end.contains("interrupted") && !end.contains("[#"))
  }

  @Test func `a reader that goes away ends an export to it, and only that`() throws {
    gate.open()
    let script = #""$0" "$@" | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}"#
    let export = ["export", "--plain-http", "-o", "-", registry.reference("team/app:1")]
    let cut = try Command("bash", ["-c", script, ferry.executable] + export).run()
    #expect(cut.status == 16)
    cut.complains("standard output", "Broken pipe")
    let help = try Command("bash", ["-c", script, ferry.executable, "inspect", FixtureArchive.everything()])
      .run()
    #expect(help.status == 0)
  }
}
