import Foundation
import TestSupport
import Testing

/// `ferry import`, killed as by a power cut at random moments, and run again.
@Suite(.waiting) struct `A killed import` {
  /// More than CI's fifty with `FERRY_CRASH_RUNS`.
  static let runs = Int(ProcessInfo.processInfo.environment["FERRY_CRASH_RUNS"] ?? "") ?? 50
  private static let shares = 2
  private static let jobs = 2

  /// Kills an import after a random number of bytes, up to three times, then lets one end. Gives the number of
  /// kills that struck.
  private func crash(
    _ seed: Int, _ ferry: FerryProcess, _ archive: LargeArchive, _ gateway: FaultGateway
  ) throws -> Int {
    var random = SeededGenerator(seed: UInt64(seed))
    let arguments = [
      "import", "--plain-http", "--jobs", "\(Self.jobs)", "--journal", "journal", "--to",
      "\(gateway.host)/new",
      archive.path,
    ]
    var kills = 0
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let running = try ferry.command(arguments).start()
      let moment = gateway.received + Int.random(in: 0...archive.size, using: &random)
      while gateway.received < moment, running.isRunning {
        _ = gateway.wait(received: moment, seconds: 0.05)
      }
      usleep(UInt32.random(in: 0...20_000, using: &random))
      if running.kill()?.end == .signalled(SIGKILL) { kills += 1 }
      gateway.waitUntilIdle()
    }
    let result = try ferry.run(arguments, exits: 0)
    #expect(result.lines.count == 1, "seed \(seed)")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("journal")), "seed \(seed)")
    return kills
  }

  @Test(arguments: 0..<shares) func `goes on inside its layers, where the registry kept them`(
    share: Int
  ) throws {
    let archive = try LargeArchive.shared()
    let ferry = try FerryProcess()
    for seed in stride(from: share, to: Self.runs, by: Self.shares) {
      let registry = try RegistryProcess()
      let gateway = FaultGateway(before: registry.host, .continuing)
      let kills = try crash(seed, ferry, archive, gateway)
      #expect(try archive.isHeld(by: registry), "seed \(seed)")
      // What the gateway had read was kept. Layers that go in one request are sent again.
      let again = (1 + kills * Self.jobs * 4) << 20
      #expect(
        gateway.received <= archive.size + again, "seed \(seed): \(gateway.received) of \(archive.size)")
    }
  }

  @Test(arguments: 0..<4) func `goes on inside its layers though the power went`(seed: Int) throws {
    let archive = try LargeArchive.shared()
    let ferry = try FerryProcess()
    let registry = try RegistryProcess()
    let gateway = FaultGateway(before: registry.host, .continuing)
    var random = SeededGenerator(seed: UInt64(seed))
    let arguments = [
      "import", "--plain-http", "--jobs", "\(Self.jobs)", "--journal", "journal", "--to",
      "\(gateway.host)/new",
      archive.path,
    ]
    // However late the signal comes, it has not ended.
    gateway.add(.always(.stallRequest(after: 0), on: .pushedManifest))
    let traces = TemporaryDirectory()
    var command = ferry.command([])
    command.program = "strace"
    command.arguments = TracedWrites.arguments(traces.path, [ferry.executable] + arguments)
    let running = try command.start()
    let moment = Int.random(in: archive.size / 3...archive.size / 10 * 9, using: &random)
    #expect(gateway.wait(received: moment, seconds: 120))
    try running.signalChildren(SIGKILL)
    _ = try #require(running.waitForEnd())
    gateway.waitUntilIdle()
    gateway.clearFaults()
    let journal = ferry.file("journal")
    truncate(journal, off_t(try TracedWrites(traces.path).settledEnd(of: journal)))
    try ferry.run(arguments, exits: 0)
    #expect(try archive.isHeld(by: registry))
    #expect(
      gateway.received <= archive.size + (1 + Self.jobs * 4) << 20, "\(gateway.received) of \(archive.size)")
  }

  @Test func `leaves no journal behind, however late it was`() throws {
    let archive = try LargeArchive.shared()
    let ferry = try FerryProcess()
    let registry = try RegistryProcess()
    let arguments = [
      "import", "--plain-http", "--journal", "journal", "--to", "\(registry.host)/new", archive.path,
    ]
    try ferry.run(arguments, exits: 0)
    try ferry.write("{\"schema\":\"ferry/import-journal/v1\"}\n", to: "journal")
    try ferry.run(arguments, exits: 0)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("journal")))
  }

  /// Distribution loses an upload whose chunk is cut, so what was running is sent again; what was done is not.
  @Test func `never ends wrong, where the registry loses what was cut`() throws {
    let archive = try LargeArchive.shared()
    let ferry = try FerryProcess()
    for seed in 1000..<1000 + max(Self.runs / 5, 1) {
      let registry = try RegistryProcess()
      let gateway = FaultGateway(before: registry.host)
      let kills = try crash(seed, ferry, archive, gateway)
      #expect(try archive.isHeld(by: registry), "seed \(seed)")
      #expect(gateway.received <= archive.size * (kills + 1) + 1 << 20, "seed \(seed)")
    }
  }
}
