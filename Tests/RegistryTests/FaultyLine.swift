import Digests
import Foundation
import Images
import Registry
import TestSupport
import Testing
import Transport

/// A gateway's faults and what becomes of a blob on the way through them.
enum FaultyLine {
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

  /// What nobody who meets no stall is to reach: a busy machine is slow at times.
  static let longPatience = Duration.seconds(300)

  /// Runs `body`, which says what is wrong, with the patience that the fault asks for. Who is to notice a stall
  /// soon takes a busy machine for one, too: then again with more.
  static func patiently(_ fault: Case, _ body: (Duration) throws -> [String]) rethrows {
    var wrong: [String] = []
    for patience in fault.isStall ? [.seconds(2), .seconds(30), Self.longPatience] : [Self.longPatience] {
      wrong = try body(patience)
      if wrong.isEmpty { return }
    }
    #expect(wrong == [])
  }

  static func client(
    _ gateway: FaultGateway, retries: Int, patience: Duration = longPatience
  ) throws -> RegistryClient {
    var configuration = RegistryConfiguration(plainHTTP: true)
    configuration.uploads.wholeLimit = 200_000
    configuration.uploads.firstChunk = 300_000
    configuration.uploads.smallestChunk = 300_000
    configuration.uploads.largestChunk = 300_000
    let options = TransportOptions(
      retries: retries, backoff: .milliseconds(20), stallTimeout: patience, answerTimeout: patience)
    return RegistryClient(
      host: gateway.host, configuration: configuration, http: try HTTPClient(options))
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
