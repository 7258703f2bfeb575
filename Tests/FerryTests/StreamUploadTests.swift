import Foundation
import TestSupport
import Testing

/// What a pipe brings once and a registry wants twice.
@Suite(.waiting) struct `An upload out of a pipe` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let registry: RegistryProcess
  private let large: LargeArchive
  private let archive: String

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
    registry = try RegistryProcess()
    large = try LargeArchive.shared()
    archive = try LargeArchive.writtenByFerry()
  }

  private func run(_ gateway: FaultGateway, _ options: String = "") throws -> CommandResult {
    try pipeline.run(
      "cat \"$1\" | $ferry import - --plain-http --to \"$2/new\" \(options); exit ${PIPESTATUS[1]}",
      [archive, gateway.host])
  }

  private func expectHeld() throws { #expect(try large.isHeld(by: registry)) }

  private static let largeChunks = GatewayFault.Target.pushedBytes.carrying(atLeast: 8 << 20)

  @Test func `goes on from its window when the line is cut over and over`() throws {
    let gateway = FaultGateway(
      before: registry.host, .continuing,
      faults: [.always(.resetRequest(after: 5 << 20), on: Self.largeChunks)])
    let result = try run(gateway, "--retries 1")
    #expect(result.status == 0, "\(result.standardError)")
    try expectHeld()
    #expect(gateway.received < large.size + 8 << 20)
    #expect(gateway.exchanges.allSatisfy { $0.received <= 16 << 20 })
  }

  @Test func `keeps small blobs until they are stored`() throws {
    let gateway = FaultGateway(
      before: registry.host,
      faults: [
        GatewayFault(.resetRequest(after: 1 << 20), on: .pushedBytes.carrying(atLeast: 2 << 20), times: 1),
        GatewayFault(.loseAnswer, on: .closedUpload, times: 2),
        GatewayFault(.answer(503, headers: ["Retry-After": "0"]), on: .openedUpload, times: 2),
      ])
    let result = try run(gateway)
    #expect(result.status == 0, "\(result.standardError)")
    try expectHeld()
  }

  @Test func `that the registry has lost says what to do, and the next run does it`() throws {
    // Distribution loses an upload whose PATCH is cut: the first chunk would be needed again.
    let gateway = FaultGateway(
      before: registry.host,
      faults: [GatewayFault(.resetRequest(after: 5 << 20), on: Self.largeChunks, skipping: 1)])
    let lost = try run(gateway)
    #expect(lost.status == 13)
    lost.complains("bytes of sha256:", "once more", "--spool DIR", "same command")
    #expect(registry.storage.tags(of: "new/team/model") == [])
    #expect(try run(gateway).status == 0)
    try expectHeld()
  }

  @Test func `with --spool needs no second run`() throws {
    let gateway = FaultGateway(
      before: registry.host,
      faults: [GatewayFault(.resetRequest(after: 5 << 20), on: Self.largeChunks, skipping: 1)])
    let result = try run(gateway, "--spool .")
    #expect(result.status == 0, "\(result.standardError)")
    try expectHeld()
  }

  @Test func `for two repositories is mounted, and where nothing is mounted says so`() throws {
    let source = try RegistryProcess()
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(source.host)/a", "--map", "**=one"], exits: 0)
    try ferry.run(
      ["import", archive, "--plain-http", "--to", "\(source.host)/a", "--map", "**=two"], exits: 0)
    let images = ["a/one:1.0", "a/two:1.0"].map(source.reference).joined(separator: " ")
    let copy = "$ferry export --plain-http -q -o - \(images) | $ferry import - --plain-http --to $1/new"
    let gateway = FaultGateway(before: registry.host)
    let mounted = try pipeline.run(copy, [gateway.host])
    #expect(mounted.status == 0, "\(mounted.standardError)")
    for name in ["new/one", "new/two"] { #expect(try large.isHeld(by: registry, as: name)) }
    #expect(gateway.received < large.size + 1 << 20)

    let stubborn = try RegistryProcess()
    let closed = FaultGateway(
      before: stubborn.host,
      faults: [.always(.answer(404), on: GatewayFault.Target(methods: ["POST"], path: "mount="))])
    let refused = try pipeline.run("\(copy); exit ${PIPESTATUS[1]}", [closed.host])
    #expect(refused.status == 13)
    refused.complains("once more", "--spool DIR")
    #expect(["new/one", "new/two"].flatMap { stubborn.storage.tags(of: $0) } == [])
    let kept = try pipeline.run(
      "\(copy) --keep-going; exit ${PIPESTATUS[1]}", [closed.host])
    #expect(kept.status == 3, "\(kept.standardError)")
    let spooled = try pipeline.run("\(copy) --spool .", [closed.host])
    #expect(spooled.status == 0, "\(spooled.standardError)")
    for name in ["new/one", "new/two"] { #expect(try large.isHeld(by: stubborn, as: name)) }
  }
}

extension LargeArchive {
  /// The same image in an archive of Ferry's, made once for a run.
  static func writtenByFerry() throws -> String { try exported.get() }

  private static let exported = Result {
    let path = try "\(RunDirectory.make("large-archive"))/ferrys.tar"
    let registry = try RegistryProcess()
    let ferry = try FerryProcess()
    try withExtendedLifetime(ferry) {
      for arguments in [
        ["import", try shared().path, "--plain-http", "--to", "\(registry.host)/old"],
        ["export", registry.reference("old/team/model:1.0"), "--plain-http", "-o", path],
      ] {
        let result = try ferry.command(arguments).run()
        guard result.status == 0 else { throw TestFailure("ferry: \(result.standardError)") }
      }
    }
    return path
  }
}
