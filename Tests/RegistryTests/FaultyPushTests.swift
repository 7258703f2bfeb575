import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// As `Over a faulty line`, the other way.
@Suite(.waiting) struct `Pushed over a faulty line` {
  typealias Case = FaultyLine.Case

  static let small = content(150_000, seed: 78)

  static let pushFaults: [Case] = [
    Case(.cutRequest(after: 0), .failure(FaultyLine.isTransport)),
    Case(.cutRequest(after: 140_000), .failure(FaultyLine.isTransport)),
    Case(.resetRequest(after: 0), .failure(FaultyLine.isTransport)),
    Case(.resetRequest(after: 140_000), .failure(FaultyLine.isTransport)),
    Case(.stallRequest(after: 100_000), .failure(FaultyLine.isTransport)),
    Case(.slowRequest(bytesPerSecond: 2_000_000), .success),
    Case(.loseAnswer, .success),
    Case(.answer(408), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(429, headers: ["Retry-After": "0"]), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(500), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(502, body: "<html>Bad Gateway</html>"), .failure(FaultyLine.isOverwhelmed)),
    Case(.answer(503, headers: ["Retry-After": "0"]), .failure(FaultyLine.isOverwhelmed)),
    Case(
      .corruptRequest(at: 5), .failure { if case .refused(_, 400, _) = $0 { true } else { false } }),
    Case(.forgetUpload, .failure { _ in true }),
  ]

  private func push(
    _ bytes: [UInt8], to repository: String, _ gateway: FaultGateway,
    patience: Duration = FaultyLine.longPatience
  ) throws -> BlobPush {
    try FaultyLine.client(gateway, retries: 2, patience: patience).pushBlob(
      descriptor(of: bytes), to: repository, mountingFrom: nil, from: MemorySource(bytes: bytes))
  }

  /// Pushes to a registry of its own; the registry must hold the right bytes, or no blob.
  private func outcome(
    _ bytes: [UInt8], _ nature: FaultGateway.Nature, _ fault: GatewayFault,
    patience: Duration = FaultyLine.longPatience
  ) throws -> (error: RegistryError?, gateway: FaultGateway) {
    let registry = try RegistryProcess(deletion: true)
    let gateway = FaultGateway(before: registry.host, nature, faults: [fault])
    let failure = error {
      let outcome = try push(bytes, to: "new/app", gateway, patience: patience)
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
      try FaultyLine.patiently(fault) { patience in
        let once = try outcome(
          Self.small, .transparent, GatewayFault(fault.effect, on: .pushedBytes), patience: patience)
        let lasting = try outcome(
          Self.small, .transparent, .always(fault.effect, on: .pushedBytes), patience: patience)
        var isRight =
          switch (fault.effect, once.error) {
          case (.corruptRequest, .refused): true
          case (.corruptRequest, _): false
          case (_, let error): error == nil
          }
        switch fault.lasting {
        case .success: isRight = isRight && lasting.error == nil
        case .failure(let isExpected): isRight = isRight && lasting.error.map(isExpected) == true
        }
        return isRight ? [] : ["\(String(describing: once.error)), \(String(describing: lasting.error))"]
      }
    }
  }

  @Test(arguments: pushFaults) func `a blob in chunks is stored, or says why not`(_ fault: Case)
    async throws
  {
    try await onThread {
      for nature in [FaultGateway.Nature.transparent, .continuing] {
        try FaultyLine.patiently(fault) { patience in
          var wrong: [String] = []
          let once = try outcome(
            FaultyLine.bytes, nature, GatewayFault(fault.effect, on: .pushedBytes, skipping: 1),
            patience: patience)
          if let error = once.error { wrong.append("once, \(nature): \(error)") }
          let lasting = try outcome(
            FaultyLine.bytes, nature, .always(fault.effect, on: .pushedBytes), patience: patience)
          let ends =
            switch (fault.effect, nature) {
            // What the registry keeps of each is progress.
            case (.cutRequest(1...), .continuing), (.resetRequest(1...), .continuing),
              (.stallRequest, .continuing), (.loseAnswer, .continuing), (.slowRequest, _):
              true
            default: false
            }
          if ends != (lasting.error == nil) {
            let exchanges = lasting.gateway.exchanges.map {
              "\($0.step) \($0.contentRange ?? "") \($0.received) \($0.status ?? 0)"
            }
            wrong.append("lasting, \(nature): \(String(describing: lasting.error)) \(exchanges)")
          }
          return wrong
        }
      }
    }
  }

  @Test func `what arrived of cut chunks is not sent again`() async throws {
    try await onThread {
      let result = try outcome(
        FaultyLine.bytes, .continuing, .always(.cutRequest(after: 140_000), on: .pushedBytes))
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
        #expect(try push(FaultyLine.bytes, to: "new/app", gateway) == .uploaded(Proof(of: FaultyLine.bytes)))
        #expect(registry.storage.bytes(of: "\(FaultyLine.blob.digest)") == FaultyLine.bytes)
      }
    }
  }
}
