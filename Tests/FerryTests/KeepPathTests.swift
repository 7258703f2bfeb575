import Foundation
import TestSupport
import Testing

/// `--keep-path`: the whole repository path below `--to`, beside the default that takes its first component away.
@Suite(.waiting) struct `A path that is kept` {
  private let ferry: FerryProcess
  private let new: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    new = try RegistryProcess()
  }

  @discardableResult
  private func run(_ command: String, _ file: String, _ options: String..., exits status: Int32 = 0) throws
    -> CommandResult
  {
    try ferry.run([command, file, "--plain-http", "--to", "\(new.host)/x"] + options, exits: status)
  }

  @Test func `stands below the destination, in import and in check`() throws {
    let archive = try FixtureArchive.small()
    let plan = try run("import", archive, "--keep-path", "--dry-run")
    #expect(plan.standardOutput.contains("\(new.host)/x/odd/plain:1"))
    try run("import", archive, "--keep-path", "--receipt", "r.json")
    #expect(new.storage.repositories.allSatisfy { $0.hasPrefix("x/odd/") })
    #expect(new.storage.repositories.contains("x/odd/plain"))
    #expect(try new.storage.digest(of: "x/odd/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
    try run("check", archive, "--keep-path")
    try run("check", archive, exits: 4)
    // A receipt has its names; at another place they are made anew.
    try run("check", "r.json")
    try run("check", "r.json", "--keep-path")
    try run("check", "r.json", "--map", "odd/*=other/$1", exits: 4)
    try ferry.run(["check", "r.json", "--plain-http", "--to", new.host, "--map", "**=x/$1"], exits: 0)
    try ferry.run(["check", "r.json", "--plain-http", "--to", new.host, "--keep-path"], exits: 4)
  }

  @Test func `gives way to a rule that matches`() throws {
    try run("import", FixtureArchive.small(), "--keep-path", "--map", "odd/plain=flat")
    #expect(new.storage.repositories.contains("x/flat") && new.storage.repositories.contains("x/odd/twice"))
    #expect(!new.storage.repositories.contains("x/odd/plain"))
  }

  @Test func `is looked at for collisions before anything moves`() throws {
    let hosts = [ScriptedRegistry(), ScriptedRegistry()]
    for (index, registry) in hosts.enumerated() {
      registry.add(image: [[UInt8(index)]], to: "team/a/b", tag: "1")
    }
    try ferry.export(hosts.map { $0.reference("team/a/b:1") }, to: "a.tar")
    for more in [[], ["--dry-run"]] {
      try ferry.run(
        ["import", "a.tar", "--plain-http", "--to", "\(new.host)/x", "--keep-path"] + more, exits: 15
      )
      .complains("would all become \(new.host)/x/team/a/b:1")
    }
    #expect(new.storage.repositories.isEmpty)
  }

  @Test func `is a matter of a destination`() throws {
    try ferry.run(["check", FixtureArchive.small(), "--keep-path"], exits: 64).complains(
      "--keep-path", "--to")
  }
}
