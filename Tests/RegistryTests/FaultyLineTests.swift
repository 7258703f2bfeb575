import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// Every fault of the gateway, once and for ever, before Docker's own registry: what ends well has the right
/// bytes, and what does not says why.
@Suite(.waiting) struct `Over a faulty line` {
  typealias Case = FaultyLine.Case

  static let pullFaults: [Case] = [
    Case(.cutAnswer(after: 0), .failure(FaultyLine.isTransport)),
    Case(.cutAnswer(after: 400_000), .success),
    Case(.cutAnswer(after: 999_999), .success),
    Case(.resetAnswer(after: 0), .failure(FaultyLine.isTransport)),
    Case(.resetAnswer(after: 400_000), .success),
    Case(.stallAnswer(after: 0), .failure(FaultyLine.isTransport)),
    Case(.stallAnswer(after: 600_000), .success),
    Case(.truncateAnswer(to: 0), .failure(FaultyLine.isWrong)),
    Case(.truncateAnswer(to: 600_000), .failure(FaultyLine.isWrong)),
    Case(.corruptAnswer(at: 0), .failure(FaultyLine.isWrong)),
    Case(.corruptAnswer(at: 999_999), .failure(FaultyLine.isWrong)),
    Case(.slowAnswer(bytesPerSecond: 2_000_000), .success),
    Case(.loseAnswer, .failure(FaultyLine.isTransport)),
    Case(.answer(408), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(429, headers: ["Retry-After": "0"]), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(500), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(502, body: "<html>Bad Gateway</html>"), .failure(FaultyLine.isOverwhelmed)),
    Case(
      .answer(503, headers: ["Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"]),
      .failure(FaultyLine.isOverwhelmed)),
    Case(
      .answer(200, headers: ["Content-Type": "text/html"], body: "<html>Log in</html>"),
      .failure(FaultyLine.isWrong)),
  ]

  private func pull(
    _ gateway: FaultGateway, retries: Int = 2, patience: Duration = FaultyLine.longPatience
  ) throws {
    var sink = MemoryReceiver(FaultyLine.blob)
    try FaultyLine.client(gateway, retries: retries, patience: patience).pullBlob(
      FaultyLine.blob, from: "team/app", into: &sink)
    #expect(sink.bytes == FaultyLine.bytes)
  }

  /// A registry that has the blob.
  private static let source = Result {
    let registry = try RegistryProcess.shared(for: "faulty-line")
    let push = try RegistryTests.client(registry.host).pushBlob(
      FaultyLine.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: FaultyLine.bytes))
    #expect(push == .uploaded(Proof(of: FaultyLine.bytes)))
    return registry
  }

  @Test(arguments: pullFaults) func `a blob arrives as it is, or says why not`(_ fault: Case)
    async throws
  {
    try await onThread {
      let registry = try Self.source.get()
      FaultyLine.patiently(fault) { patience in
        var wrong: [String] = []
        let once = FaultGateway(before: registry.host, faults: [GatewayFault(fault.effect, on: .pulledBlob)])
        do { try pull(once, patience: patience) } catch { wrong.append("once: \(error)") }
        let lasting = FaultGateway(before: registry.host, faults: [.always(fault.effect, on: .pulledBlob)])
        switch fault.lasting {
        case .success:
          do { try pull(lasting, retries: 1, patience: patience) } catch { wrong.append("lasting: \(error)") }
        case .failure(let isExpected):
          let error = error { try pull(lasting, patience: patience) }
          if error.map(isExpected) != true { wrong.append("lasting: \(String(describing: error))") }
          if lasting.exchanges.count > 3 { wrong.append("asked \(lasting.exchanges.count) times") }
        }
        return wrong
      }
    }
  }

  @Test(arguments: [GatewayFault.Effect.ignoreRange, .misdeclareRange(by: 1000), .misplaceRange(by: 1000)])
  func `a range that is not what it says does no harm`(_ effect: GatewayFault.Effect) async throws {
    try await onThread {
      let registry = try Self.source.get()
      for times in [1, Int.max] {
        let gateway = FaultGateway(
          before: registry.host,
          faults: [
            GatewayFault(.cutAnswer(after: 300_000), on: .pulledBlob),
            GatewayFault(effect, on: .pulledBlob, skipping: 1, times: times),
          ])
        try pull(gateway)
      }
    }
  }

  @Test(arguments: [(401, 1), (403, 1), (404, 1), (410, 1), (451, 1)])
  func `a final no is asked for once`(_ status: Int, _ count: Int) async throws {
    try await onThread {
      let registry = try Self.source.get()
      let gateway = FaultGateway(before: registry.host, faults: [.always(.answer(status), on: .pulledBlob)])
      #expect(error { try pull(gateway, retries: 8) } != nil)
      #expect(gateway.exchanges.count == count)
    }
  }

  @Test func `a token that expires in the middle is replaced`() async throws {
    try await onThread {
      let tokens = try TokenServer(users: ["u": "p"]) { _, _, _ in true }
      let registry = try RegistryProcess(.tokens(tokens))
      let gateway = FaultGateway(
        before: registry.host, .continuing,
        faults: [
          GatewayFault(.dropAuthorization, on: .pushedBytes, skipping: 1),
          GatewayFault(.dropAuthorization, on: .closedUpload.carrying(atLeast: 0)),
          GatewayFault(.cutAnswer(after: 300_000), on: .pulledBlob, skipping: 1),
          GatewayFault(.dropAuthorization, on: .pulledBlob, skipping: 2),
        ])
      var configuration = RegistryConfiguration(
        plainHTTP: true, credential: .basic(username: "u", password: "p"))
      configuration.uploads.wholeLimit = 100_000
      configuration.uploads.firstChunk = 300_000
      let client = RegistryClient(
        host: gateway.host, configuration: configuration,
        http: try HTTPClient(TransportOptions(retries: 2, backoff: .milliseconds(1))))
      #expect(
        try client.pushBlob(
          FaultyLine.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: FaultyLine.bytes))
          == .uploaded(Proof(of: FaultyLine.bytes)))
      var sink = MemoryReceiver(FaultyLine.blob)
      try client.pullBlob(FaultyLine.blob, from: "team/app", into: &sink)
      #expect(sink.bytes == FaultyLine.bytes)
    }
  }
}
