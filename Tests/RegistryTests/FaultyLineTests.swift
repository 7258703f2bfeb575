import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// Every fault of the gateway, once and for ever, before Docker's own registry: what ends well has the right
/// bytes, and what does not says why.
@Suite struct `Over a faulty line` {
  static let bytes = content(1_000_000, seed: 77)
  static let blob = descriptor(of: bytes)

  /// What a fault that never stops leads to.
  enum Lasting: Sendable {
    case success
    case failure(@Sendable (RegistryError) -> Bool)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let effect: GatewayFault.Effect
    let lasting: Lasting
    var testDescription: String { "\(effect)" }
    var isStall: Bool { effect.isStall }

    init(_ effect: GatewayFault.Effect, _ lasting: Lasting) {
      self.effect = effect
      self.lasting = lasting
    }
  }

  static let isTransport: @Sendable (RegistryError) -> Bool = {
    if case .transport = $0 { true } else { false }
  }
  static let isWrong: @Sendable (RegistryError) -> Bool = {
    if case .wrongContent = $0 { true } else { false }
  }
  static let isOverwhelmed: @Sendable (RegistryError) -> Bool = {
    if case .overwhelmed = $0 { true } else { false }
  }

  func client(_ gateway: FaultGateway, retries: Int, isStalling: Bool = false) throws -> RegistryClient {
    var configuration = RegistryConfiguration(plainHTTP: true)
    configuration.uploads.wholeLimit = 200_000
    configuration.uploads.firstChunk = 300_000
    configuration.uploads.smallestChunk = 300_000
    configuration.uploads.largestChunk = 300_000
    // Only who meets a stall is to take one for it: a busy machine is slow at times.
    let patience: Duration = isStalling ? .seconds(2) : .seconds(60)
    let options = TransportOptions(
      retries: retries, backoff: .milliseconds(20), stallTimeout: patience, answerTimeout: patience)
    return RegistryClient(
      host: gateway.host, configuration: configuration, http: try HTTPClient(options))
  }

  // MARK: Pull

  static let pullFaults: [Case] = [
    Case(.cutAnswer(after: 0), .failure(isTransport)),
    Case(.cutAnswer(after: 400_000), .success),
    Case(.cutAnswer(after: 999_999), .success),
    Case(.resetAnswer(after: 0), .failure(isTransport)),
    Case(.resetAnswer(after: 400_000), .success),
    Case(.stallAnswer(after: 0), .failure(isTransport)),
    Case(.stallAnswer(after: 600_000), .success),
    Case(.truncateAnswer(to: 0), .failure(isWrong)),
    Case(.truncateAnswer(to: 600_000), .failure(isWrong)),
    Case(.corruptAnswer(at: 0), .failure(isWrong)),
    Case(.corruptAnswer(at: 999_999), .failure(isWrong)),
    Case(.slowAnswer(bytesPerSecond: 2_000_000), .success),
    Case(.loseAnswer, .failure(isTransport)),
    Case(.answer(408), .failure(isOverwhelmed)),
    Case(.answer(429, headers: ["Retry-After": "0"]), .failure(isOverwhelmed)),
    Case(.answer(500), .failure(isOverwhelmed)),
    Case(.answer(502, body: "<html>Bad Gateway</html>"), .failure(isOverwhelmed)),
    Case(
      .answer(503, headers: ["Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"]), .failure(isOverwhelmed)),
    Case(
      .answer(200, headers: ["Content-Type": "text/html"], body: "<html>Log in</html>"), .failure(isWrong)),
  ]

  private func pull(_ gateway: FaultGateway, retries: Int = 2, isStalling: Bool = false) throws -> [UInt8] {
    var sink = MemorySink()
    let proof = try client(gateway, retries: retries, isStalling: isStalling).pullBlob(
      Self.blob, from: "team/app", into: &sink)
    #expect(proof == Proof(of: Self.bytes))
    return sink.bytes
  }

  /// A registry that has the blob.
  private static let source = Result {
    let registry = try RegistryProcess.shared(for: "faulty-line")
    let push = try RegistryTests.client(registry.host).pushBlob(
      blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: bytes))
    #expect(push == .uploaded(Proof(of: bytes)))
    return registry
  }

  @Test(arguments: pullFaults) func `a blob arrives as it is, or says why not`(_ fault: Case) async throws {
    try await onThread {
      let registry = try Self.source.get()
      let once = FaultGateway(before: registry.host, faults: [GatewayFault(fault.effect, on: .pulledBlob)])
      #expect(try pull(once, isStalling: fault.isStall) == Self.bytes)
      let lasting = FaultGateway(before: registry.host, faults: [.always(fault.effect, on: .pulledBlob)])
      switch fault.lasting {
      case .success:
        #expect(try pull(lasting, retries: 1, isStalling: fault.isStall) == Self.bytes)
      case .failure(let isExpected):
        let error = error { _ = try pull(lasting, isStalling: fault.isStall) }
        #expect(error.map(isExpected) == true, "\(String(describing: error))")
        #expect(lasting.exchanges.count <= 3)
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
        #expect(try pull(gateway) == Self.bytes, "\(times)")
      }
    }
  }

  @Test(arguments: [(401, 1), (403, 1), (404, 1), (410, 1), (451, 1)])
  func `a final no is asked for once`(_ status: Int, _ count: Int) async throws {
    try await onThread {
      let registry = try Self.source.get()
      let gateway = FaultGateway(before: registry.host, faults: [.always(.answer(status), on: .pulledBlob)])
      #expect(error { _ = try pull(gateway, retries: 8) } != nil)
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
          Self.blob, to: "team/app", mountingFrom: nil, from: MemorySource(bytes: Self.bytes))
          == .uploaded(Proof(of: Self.bytes)))
      var sink = MemorySink()
      _ = try client.pullBlob(Self.blob, from: "team/app", into: &sink)
      #expect(sink.bytes == Self.bytes)
    }
  }

  // MARK: Push

  static let small = content(150_000, seed: 78)

  static let pushFaults: [Case] = [
    Case(.cutRequest(after: 0), .failure(isTransport)),
    Case(.cutRequest(after: 140_000), .failure(isTransport)),
    Case(.resetRequest(after: 0), .failure(isTransport)),
    Case(.resetRequest(after: 140_000), .failure(isTransport)),
    Case(.stallRequest(after: 100_000), .failure(isTransport)),
    Case(.slowRequest(bytesPerSecond: 2_000_000), .success),
    Case(.loseAnswer, .success),
    Case(.answer(408), .failure(isOverwhelmed)),
    Case(.answer(429, headers: ["Retry-After": "0"]), .failure(isOverwhelmed)),
    Case(.answer(500), .failure(isOverwhelmed)),
    Case(.answer(502, body: "<html>Bad Gateway</html>"), .failure(isOverwhelmed)),
    Case(.answer(503, headers: ["Retry-After": "0"]), .failure(isOverwhelmed)),
    Case(.corruptRequest(at: 5), .failure { if case .refused(_, 400, _) = $0 { true } else { false } }),
    Case(.forgetUpload, .failure { _ in true }),
  ]

  private func push(
    _ bytes: [UInt8], to repository: String, _ gateway: FaultGateway, isStalling: Bool = false
  ) throws -> BlobPush {
    try client(gateway, retries: 2, isStalling: isStalling).pushBlob(
      descriptor(of: bytes), to: repository, mountingFrom: nil, from: MemorySource(bytes: bytes))
  }

  /// Pushes to a registry of its own; the registry must hold the right bytes, or no blob.
  private func outcome(
    _ bytes: [UInt8], _ nature: FaultGateway.Nature, _ fault: GatewayFault
  ) throws -> (error: RegistryError?, gateway: FaultGateway) {
    let registry = try RegistryProcess(deletion: true)
    let gateway = FaultGateway(before: registry.host, nature, faults: [fault])
    let failure = error {
      let outcome = try push(bytes, to: "new/app", gateway, isStalling: fault.effect.isStall)
      #expect(outcome == .uploaded(Proof(of: bytes)))
    }
    let stored = registry.storage.bytes(of: "\(Digest(of: bytes))")
    if failure == nil {
      #expect(stored == bytes)
      #expect(registry.storage.hasBlob("\(Digest(of: bytes))", in: "new/app"))
    } else {
      #expect(stored == nil || stored == bytes)
    }
    return (failure, gateway)
  }

  @Test(arguments: pushFaults) func `a blob in one request is stored, or says why not`(
    _ fault: Case
  ) async throws {
    try await onThread {
      let once = try outcome(Self.small, .transparent, GatewayFault(fault.effect, on: .pushedBytes))
      if case .corruptRequest = fault.effect {
        guard case .refused = once.error else {
          Issue.record("\(String(describing: once.error))")
          return
        }
      } else {
        #expect(once.error == nil)
      }
      let lasting = try outcome(Self.small, .transparent, .always(fault.effect, on: .pushedBytes))
      switch fault.lasting {
      case .success: #expect(lasting.error == nil)
      case .failure(let isExpected):
        #expect(lasting.error.map(isExpected) == true, "\(String(describing: lasting.error))")
      }
    }
  }

  @Test(arguments: pushFaults) func `a blob in chunks is stored, or says why not`(_ fault: Case) async throws
  {
    try await onThread {
      for nature in [FaultGateway.Nature.transparent, .continuing] {
        let once = try outcome(Self.bytes, nature, GatewayFault(fault.effect, on: .pushedBytes, skipping: 1))
        #expect(once.error == nil, "\(fault) \(nature)")
        let lasting = try outcome(
          Self.bytes, nature, .always(fault.effect, on: .pushedBytes.carrying(atLeast: 1)))
        switch (fault.effect, nature) {
        // What the registry keeps of each is progress.
        case (.cutRequest(1...), .continuing), (.resetRequest(1...), .continuing),
          (.stallRequest, .continuing), (.loseAnswer, .continuing), (.slowRequest, _):
          #expect(
            lasting.error == nil,
            "\(fault) \(nature) \(lasting.gateway.exchanges.map { "\($0.step) \($0.contentRange ?? "") \($0.received) \($0.status ?? 0)" })"
          )
        default:
          #expect(lasting.error != nil, "\(fault) \(nature)")
        }
      }
    }
  }

  @Test func `what arrived of cut chunks is not sent again`() async throws {
    try await onThread {
      let result = try outcome(
        Self.bytes, .continuing, .always(.cutRequest(after: 140_000), on: .pushedBytes))
      #expect(result.error == nil)
      let offsets = result.gateway.exchanges.filter { $0.method == "PATCH" }.compactMap(\.contentRange)
      #expect(offsets.count == 8)
      #expect(offsets.allSatisfy { (Int($0.prefix { $0 != "-" }) ?? 1) % 140_000 == 0 })
    }
  }

  @Test(arguments: [
    GatewayFault.Effect.loseAnswer, .answer(503), .cutAnswer(after: 0), .answer(502, body: "<html>"),
  ])
  func `openings, closings and questions are asked again`(_ effect: GatewayFault.Effect) async throws {
    try await onThread {
      for target in [GatewayFault.Target.openedUpload, .closedUpload, .uploadStatus] {
        let registry = try RegistryProcess()
        let gateway = FaultGateway(
          before: registry.host, .continuing,
          faults: [
            GatewayFault(effect, on: target),
            GatewayFault(.cutRequest(after: 100_000), on: .pushedBytes, skipping: 1),
          ])
        #expect(try push(Self.bytes, to: "new/app", gateway) == .uploaded(Proof(of: Self.bytes)))
        #expect(registry.storage.bytes(of: "\(Self.blob.digest)") == Self.bytes)
      }
    }
  }
}

extension GatewayFault.Effect {
  fileprivate var isStall: Bool {
    switch self {
    case .stallAnswer, .stallRequest: true
    default: false
    }
  }
}
