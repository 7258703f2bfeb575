import Digests
import Images
import Registry
import TestSupport
import Testing
import Transport

/// Bytes that pass once: what lies farther back than the reach cannot be had again.
private struct PassingSource: BlobSource {
  let bytes: [UInt8]
  let reach: Int64? = 100_000
  private let farthest = Noted<Int64>(0)

  init(bytes: [UInt8]) { self.bytes = bytes }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    let first = farthest.now - 100_000
    guard offset >= first else { throw Mishap() }
    let count = MemorySource(bytes: bytes).read(into: buffer, at: offset)
    farthest.change { $0 = max($0, offset + Int64(count)) }
    return count
  }
}

@Suite(.waiting) struct `A blob whose bytes pass once` {
  private static let bytes = content(1_000_000, seed: 78)
  private static let blob = descriptor(of: bytes)

  private func push(_ bytes: [UInt8], _ gateway: FaultGateway, wholeLimit: Int64 = 200_000) throws -> BlobPush
  {
    var configuration = RegistryConfiguration(plainHTTP: true)
    configuration.uploads.wholeLimit = wholeLimit
    configuration.uploads.firstChunk = 300_000
    configuration.uploads.smallestChunk = 300_000
    let options = TransportOptions(retries: 2, backoff: .milliseconds(20))
    let client = RegistryClient(
      host: gateway.host, configuration: configuration, http: try HTTPClient(options))
    return try client.pushBlob(
      descriptor(of: bytes), to: "new/app", mountingFrom: nil, from: PassingSource(bytes: bytes))
  }

  @Test func `goes in chunks that can be sent again`() async throws {
    try await onThread {
      for limit in [200_000, 1 << 30] as [Int64] {
        let registry = try RegistryProcess()
        let gateway = FaultGateway(
          before: registry.host, .continuing,
          faults: [.always(.resetRequest(after: 70_000), on: .pushedBytes.carrying(atLeast: 80_000))])
        #expect(try push(Self.bytes, gateway, wholeLimit: limit) == .uploaded(Proof(of: Self.bytes)))
        #expect(registry.storage.bytes(of: "\(Self.blob.digest)") == Self.bytes)
        #expect(gateway.exchanges.filter { $0.method == "PATCH" }.count >= 10)
        #expect(gateway.exchanges.allSatisfy { $0.received <= 100_000 })
      }
    }
  }

  @Test func `goes whole when all of it can be sent again`() async throws {
    try await onThread {
      let small = Array(Self.bytes.prefix(100_000))
      let registry = try RegistryProcess()
      let gateway = FaultGateway(
        before: registry.host, faults: [GatewayFault(.resetRequest(after: 70_000), on: .pushedBytes)])
      #expect(try push(small, gateway) == .uploaded(Proof(of: small)))
      #expect(!gateway.exchanges.contains { $0.method == "PATCH" })
    }
  }

  @Test func `fails as its source says when the registry has lost more`() async throws {
    try await onThread {
      let registry = try RegistryProcess()
      // Distribution loses an upload whose PATCH is cut.
      let gateway = FaultGateway(
        before: registry.host,
        faults: [GatewayFault(.resetRequest(after: 70_000), on: .pushedBytes, skipping: 2)])
      #expect(throws: Mishap()) { try push(Self.bytes, gateway) }
      #expect(registry.storage.bytes(of: "\(Self.blob.digest)") == nil)
    }
  }
}
