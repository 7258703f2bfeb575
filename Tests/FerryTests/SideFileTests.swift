import Foundation
import TestSupport
import Testing

/// Reports and receipts, and what they must leave alone.
@Suite(.waiting) struct `Files beside the work` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test func `never take the place of what is read`() throws {
    let set = try VolumeSet(cutting: try FixtureArchive.small(), size: 70_000)
    let whole = ferry.file("whole.tar")
    try FileManager.default.copyItem(atPath: try FixtureArchive.small(), toPath: whole)
    try FileManager.default.linkItem(atPath: whole, toPath: ferry.file("linked"))
    try Command.run("tar", ["-C", ferry.home.path, "--one-top-level=layout", "-xf", whole])
    let to = ["--to", "127.0.0.1:9/new"]
    let cases: [[String]] = [
      ["import", set.directory.path] + to + ["--receipt", set.path(1)],
      ["import", set.path(0)] + to + ["--report", set.path(1)],
      ["verify", set.directory.path, "--report", set.path(1)],
      ["verify", ".", "--report", "whole.tar"],
      ["verify", "whole.tar", "--report", "linked"],
      ["verify", "layout", "--report", "layout/index.json"],
      ["import", "whole.tar"] + to + ["--receipt", "r.json", "--report", "./r.json"],
      ["import", "whole.tar"] + to + [
        "--receipt", "r.json", "--api-key-file", "linked", "--report", "whole.tar",
      ],
      ["export", "r.example/a:1", "-o", "a.tar", "--checksum", "--report", "a.tar.sha256"],
      ["export", "r.example/a:1", "-o", "a.tar", "--skip-known", "whole.tar", "--report", "whole.tar"],
      ["export", "r.example/a:1", "-o", "/dev/null", "--force"],
      ["verify", ""], ["export", "r.example/a:1", "-o", "a.tar", "--skip-known", ""],
      ["import", "whole.tar", "--to", ""],
    ]
    for arguments in cases { try ferry.run(arguments, exits: 64).complains("Error: ") }
    try ferry.run(["verify", "whole.tar"], exits: 0)
    try ferry.run(["verify", set.path(0)], exits: 0)
    try ferry.run(["verify", "layout"], exits: 0)
  }

  @Test func `are written into a pipe, not in its place`() throws {
    let script = """
      mkfifo pipe && { cat pipe > got & } && "$0" verify "$1" --report pipe && wait && test -p pipe
      """
    var command = Command("sh", ["-c", script, ferry.executable, try FixtureArchive.small()])
    command.directory = ferry.home.path
    #expect(try command.run().status == 0)
    #expect(try String(contentsOfFile: ferry.file("got"), encoding: .utf8).contains("ferry/verify-report/v1"))
  }
}
