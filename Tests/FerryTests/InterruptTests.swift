import Foundation
import TestSupport
import Testing

/// Ctrl-C and SIGTERM in the middle of a transfer that a registry holds up.
@Suite(.waiting) struct `An interrupted` {
  private let ferry: FerryProcess
  private let storage: RegistryStorage

  init() throws {
    ferry = try FerryProcess()
    storage = try RegistryProcess.fixtures().storage
  }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: ferry.home.path)) ?? []).sorted()
  }

  /// A registry that holds up one kind of request until its gate opens, and says when one has arrived.
  private func registry(
    holding isHeld: @escaping @Sendable (ScriptedRequest) -> Bool, storage: RegistryStorage? = nil
  ) -> (registry: ScriptedRegistry, arrived: Gate, gate: Gate) {
    let (arrived, gate) = (Gate(), Gate())
    let registry = ScriptedRegistry(storage) { request in
      guard isHeld(request), !gate.wait(seconds: 0) else { return nil }
      arrived.open()
      return .stall(gate)
    }
    return (registry, arrived, gate)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `export leaves a partial archive, and the same command completes it`(signal: Int32) throws {
    let (registry, arrived, gate) = registry(
      holding: { $0.method == "GET" && $0.path.contains("/team/app/blobs/") }, storage: storage)
    let arguments = [
      "export", "--plain-http", "-o", "app.tar", registry.reference("team/app:1.0"),
      registry.reference("odd/plain:1"),
    ]
    let running = try ferry.command(arguments).start()
    #expect(arrived.wait())
    #expect(files == ["app.tar.partial", "app.tar.partial.journal"])
    running.signal(signal)
    let result = try #require(running.waitForEnd())
    #expect(result.end == .exited(130))
    result.complains("interrupted", "To go on:")
    #expect(result.standardError.hasSuffix("\n\(ferry.executable) \(arguments.joined(separator: " "))\n"))
    #expect(result.standardOutput == "")
    #expect(files == ["app.tar.partial", "app.tar.partial.journal"])

    gate.open()
    try ferry.run(arguments, exits: 0)
    #expect(files == ["app.tar"])
    try ferry.run(["verify", "app.tar"], exits: 0)
  }

  @Test func `export into a directory keeps what was finished`() throws {
    let (registry, arrived, _) = registry(
      holding: { $0.method == "GET" && $0.path.contains("/team/app/blobs/") }, storage: storage)
    let arguments = [
      "export", "--plain-http", "-o", "out/", registry.reference("odd/plain:1"),
      registry.reference("team/app:1.0"),
    ]
    let running = try ferry.command(arguments).start()
    #expect(arrived.wait())
    running.signal(SIGINT)
    #expect(running.waitForEnd()?.status == 130)
    let names = try FileManager.default.contentsOfDirectory(atPath: ferry.file("out")).sorted()
    #expect(names == ["odd_plain__1.tar", "team_app__1.0.tar.partial", "team_app__1.0.tar.partial.journal"])
  }

  @Test func `export to standard output is cut, and no archive`() throws {
    let (registry, arrived, _) = registry(
      holding: { $0.method == "GET" && $0.path.contains("/team/app/blobs/") }, storage: storage)
    let running = try ferry.command(
      ["export", "--plain-http", "-o", "-", registry.reference("team/app:1.0")]
    ).start()
    #expect(arrived.wait())
    running.signal(SIGINT)
    let result = try #require(running.waitForEnd())
    #expect(result.status == 130)
    try Data(result.output).write(to: URL(fileURLWithPath: ferry.file("piped.tar")))
    try ferry.run(["verify", "piped.tar"], exits: 14)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `import pushes no tag, and the same command completes it`(signal: Int32) throws {
    let (registry, arrived, gate) = registry(holding: { $0.method == "PUT" && $0.path.contains("/blobs/") })
    let arguments = try [
      "import", FixtureArchive.small(), "--plain-http", "--to", "\(registry.host)/new",
    ]
    let running = try ferry.command(arguments).start()
    #expect(arrived.wait())
    running.signal(signal)
    let result = try #require(running.waitForEnd())
    #expect(result.end == .exited(130))
    result.complains("interrupted", "To go on:")
    #expect(result.standardError.hasSuffix("\n\(ferry.executable) \(arguments.joined(separator: " "))\n"))
    #expect(registry.tags == [])

    gate.open()
    try ferry.run(arguments, exits: 0)
    #expect(registry.tags.count == FixtureArchive.smallImages.count)
  }

  @Test func `look at the registry ends at once, with nothing written`() throws {
    let (registry, arrived, _) = registry(holding: { $0.path.contains("/manifests/") }, storage: storage)
    let running = try ferry.command(
      ["export", "--plain-http", "-o", "app.tar", registry.reference("team/app:1.0")]
    ).start()
    #expect(arrived.wait())
    running.signal(SIGINT)
    #expect(running.waitForEnd()?.status == 130)
    #expect(files == [])
  }

  @Test func `or killed export lets go of its archive, a running one does not`() throws {
    let (registry, arrived, gate) = registry(
      holding: { $0.method == "GET" && $0.path.contains("/team/app/blobs/") }, storage: storage)
    let arguments = ["export", "--plain-http", "-o", "app.tar", registry.reference("team/app:1.0")]
    let running = try ferry.command(arguments).start()
    #expect(arrived.wait())
    try ferry.run(arguments, exits: 15).complains("another process (\(running.id)) is writing app.tar")
    running.kill()
    gate.open()
    try ferry.run(arguments, exits: 0)
    try ferry.run(["verify", "app.tar"], exits: 0)
  }
}
