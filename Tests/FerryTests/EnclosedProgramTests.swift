import Foundation
import TestSupport
import Testing

/// `--with-ferry` on the command line. What it lays beside archives is tested where it is written, and with the static program
/// of a release by `fixtures/package-check`: the ferry of the tests is linked dynamically.
@Suite(.waiting) struct `Sending ferry along` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test func `is refused by a ferry that would not start elsewhere, before anything is asked or written`()
    throws
  {
    let result = try ferry.run(
      ["export", "127.0.0.1:9/a:1", "-o", "a.tar", "--with-ferry", "--plain-http"], exits: 64)
    result.complains("would not start on another", "Use the ferry of a release")
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == [])
  }

  /// The loader, which has no loader itself, is the program that runs then.
  @Test func `never sends along the system's loader in its place`() throws {
    let loader = try Command.run("readelf", ["--program-headers", "--wide", ferry.executable])
      .firstMatch(of: /interpreter: (.+?)\]/).map { String($0.1) }
    var started = ferry
    started.executable = try #require(loader)
    let result = try started.run(
      [ferry.executable, "export", "127.0.0.1:9/a:1", "-o", "a.tar", "--with-ferry", "--plain-http"],
      exits: 64)
    result.complains("would not start on another")
  }

  @Test(arguments: [
    (["-o", "-"], "--with-ferry wants a file"),
    (["-o", "a.tar", "--volume-size", "1M", "--only-volume", "1"], "--only-volume writes a part"),
  ])
  func `goes with whole archives in files`(arguments: [String], words: String) throws {
    try ferry.run(["export", "127.0.0.1:9/a:1", "--with-ferry", "--plain-http"] + arguments, exits: 64)
      .complains(words)
  }
}
