import Foundation
import TestSupport
import Testing

/// What an import leaves for the next one.
@Suite(.waiting) struct `An import that is broken off` {
  private let ferry: FerryProcess
  private let archive: LargeArchive
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    archive = try LargeArchive.shared()
    registry = try RegistryProcess()
    try Command.run("cp", ["--reflink=auto", archive.path, ferry.file("a.tar")])
  }

  private func arguments(_ gateway: FaultGateway, _ archive: String = "a.tar") -> [String] {
    ["import", "--plain-http", "--jobs", "1", "--to", "\(gateway.host)/new", archive]
  }

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: ferry.file(name))
  }

  /// The first bytes of layers go through; then the registry falls silent until faults are cleared.
  private func stalled(_ nature: FaultGateway.Nature = .continuing, skipping: Int = 1) -> FaultGateway {
    FaultGateway(
      before: registry.host, nature,
      faults: [
        GatewayFault(
          .stallRequest(after: 1 << 20), on: .pushedBytes.carrying(atLeast: 8 << 20), skipping: skipping)
      ])
  }

  /// Starts an import and waits until it is in the second chunk of the first layer, or farther.
  private func start(
    _ gateway: FaultGateway, _ arguments: [String], received: Int = 17 << 20
  ) throws -> ChildProcess {
    let running = try ferry.command(arguments).start()
    #expect(gateway.wait(received: received))
    return running
  }

  @Test func `keeps a journal beside the archive, and the next run goes on with it`() throws {
    let gateway = stalled()
    let running = try start(gateway, arguments(gateway))
    running.kill()
    gateway.waitUntilIdle()
    let text = try String(contentsOfFile: ferry.file("a.tar.import-journal"), encoding: .utf8)
    #expect(text.contains("\"repository\":\"new/team/model\""))
    let mode =
      try FileManager.default.attributesOfItem(atPath: ferry.file("a.tar.import-journal"))[.posixPermissions]
      as? Int
    #expect(mode == 0o600)
    gateway.clearFaults()
    let before = gateway.received
    let result = try ferry.run(arguments(gateway), exits: 0)
    result.complains("continuing with 17.0 MiB of 44.0 MiB")
    #expect(gateway.received - before < archive.size - 16 << 20)
    #expect(try archive.isHeld(by: registry))
    #expect(!exists("a.tar.import-journal"))
  }

  @Test func `keeps it elsewhere where the archive's medium is read-only`() throws {
    let medium = ferry.file("medium")
    try FileManager.default.createDirectory(atPath: medium, withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: ferry.file("a.tar"), toPath: "\(medium)/a.tar")
    // Nothing can be made there, whoever runs the tests: a directory has the journal's name.
    try FileManager.default.createDirectory(
      atPath: "\(medium)/a.tar.import-journal", withIntermediateDirectories: true)
    let gateway = stalled()
    let running = try start(gateway, arguments(gateway, "medium/a.tar"))
    running.kill()
    gateway.waitUntilIdle()
    let state = ferry.file(".local/state/ferry")
    let names = try FileManager.default.contentsOfDirectory(atPath: state)
    #expect(names.count == 1 && names[0].hasPrefix("a.tar-"))
    gateway.clearFaults()
    try ferry.run(arguments(gateway, "medium/a.tar"), exits: 0).complains("continuing with")
    #expect(try FileManager.default.contentsOfDirectory(atPath: state) == [])
  }

  @Test func `says where it cannot keep one, and ends all the same`() throws {
    try FileManager.default.createDirectory(
      atPath: ferry.file("a.tar.import-journal"), withIntermediateDirectories: true)
    var ferry = ferry
    ferry.environment = ["XDG_STATE_HOME": "/proc/nowhere"]
    let gateway = FaultGateway(before: registry.host)
    try ferry.run(arguments(gateway), exits: 0).complains("--journal")
    #expect(try archive.isHeld(by: registry))
    try ferry.run(
      arguments(gateway).map { $0.replacing("/new", with: "/other") } + ["--journal", "no/where/j"], exits: 16
    )
  }

  @Test func `lets no second one write its journal`() throws {
    let gateway = stalled()
    let running = try start(gateway, arguments(gateway))
    let second = FaultGateway(before: registry.host)
    let refused = try ferry.run(arguments(second), exits: 15)
    refused.complains("another process (\(running.id))", "a.tar.import-journal", "--journal")
    #expect(second.received == 0)
    try ferry.run(arguments(second) + ["--journal", "other"], exits: 0)
    running.kill()
  }

  /// How far the journal says that an upload has come, in bytes.
  private var acknowledged: Int {
    let journal = try? String(contentsOfFile: ferry.file("a.tar.import-journal"), encoding: .utf8)
    return journal?.matches(of: /"offset":(\d+)/).last.flatMap { Int($0.1) } ?? 0
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `ends its chunk when it is told to end, so that distribution too can go on`(signal: Int32) throws {
    // The signal comes in the second chunk of 16 MiB, of which the line brings the rest in half of the time it
    // is given. Where the machine stood still for as long, the chunk is cut and the upload lost: once more.
    let gateway = FaultGateway(
      before: registry.host,
      faults: [.always(.slowRequest(bytesPerSecond: 24 << 20), on: .pushedBytes.carrying(atLeast: 8 << 20))])
    for _ in 0..<20 where acknowledged <= 16 << 20 {
      let running = try start(gateway, arguments(gateway), received: gateway.received + 17 << 20)
      running.signal(signal)
      #expect(try #require(running.waitForEnd()).end == .exited(130))
      #expect(gateway.waitUntilIdle())
    }
    let acknowledged = acknowledged
    #expect(acknowledged > 16 << 20)
    gateway.clearFaults()
    let before = gateway.received
    try ferry.run(arguments(gateway), exits: 0).complains("continuing with", "of 44.0 MiB")
    #expect(gateway.received - before < archive.size - acknowledged + 1 << 20)
    #expect(try archive.isHeld(by: registry))
  }

  @Test func `is interrupted though nothing moves`() throws {
    let gateway = stalled()
    let running = try start(gateway, arguments(gateway) + ["--stall-timeout", "3600"])
    running.signal(SIGINT)
    // The gateway still holds the line, and the limit is an hour.
    #expect(try #require(running.waitForEnd()).end == .exited(130))
    gateway.clearFaults()
    try ferry.run(arguments(gateway), exits: 0).complains("continuing with 17.0 MiB of 44.0 MiB")
    #expect(try archive.isHeld(by: registry))
  }

  @Test func `does not send again what was acknowledged when the line is cut over and over`() throws {
    let gateway = FaultGateway(
      before: registry.host, .continuing,
      faults: [.always(.resetRequest(after: 5 << 20), on: .pushedBytes.carrying(atLeast: 8 << 20))])
    try ferry.run(arguments(gateway) + ["--retries", "1"], exits: 0)
    #expect(try archive.isHeld(by: registry))
    #expect(gateway.received < archive.size + 8 << 20)
  }
}
