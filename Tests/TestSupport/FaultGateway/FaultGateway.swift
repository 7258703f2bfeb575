import Foundation
import Glibc
import Synchronization

/// A gateway of plain HTTP before a real registry, on which things go wrong as ``GatewayFault``s say. It
/// counts the bytes of bodies in both directions.
///
/// It listens on a free port of loopback and ends with the last reference to it. The registry builds its
/// `Location`s from the `Host` that clients send, so all of them come back through the gateway.
public final class FaultGateway: Sendable {
  /// What the gateway is when nothing goes wrong.
  public enum Nature: Sendable {
    /// Bytes go on as they come: a cut `PATCH` reaches the registry as one. Distribution then loses the upload.
    case transparent
    /// Uploads by `PATCH` can be continued where they were cut, as at registries that count what they have;
    /// a `Content-Range` that does not follow on is answered with 416.
    case continuing
  }

  private let listener: GatewayListener

  /// A gateway before `host`, `127.0.0.1:port`.
  public init(before host: String, _ nature: Nature = .transparent, faults: [GatewayFault] = []) {
    let port = host.split(separator: ":").last.flatMap { Int($0) } ?? 0
    listener = GatewayListener(before: port, nature, faults: faults)
  }

  deinit { listener.stop() }

  /// `127.0.0.1:port`, as a registry's host is written.
  public var host: String { "127.0.0.1:\(listener.port)" }
  public var url: String { "http://\(host)" }
  /// `host/name`, where `name` is such as `team/app:1.0`.
  public func reference(_ name: String) -> String { "\(host)/\(name)" }

  /// Adds a fault; the first ones come first.
  public func add(_ fault: GatewayFault) { listener.change { $0.faults.append(.init(fault)) } }
  /// All is well from now on. Connections on which nothing moved end.
  public func clearFaults() { listener.change { $0.faults = [] } }

  /// Every request so far, in the order in which they came.
  public var exchanges: [GatewayExchange] { listener.change { $0.exchanges } }
  /// Bytes of bodies that came from clients.
  public var received: Int { listener.change { $0.received } }
  /// Bytes of answers' bodies that went to clients.
  public var sent: Int { listener.change { $0.sent } }
  /// Forgets exchanges and counts; call it between runs, not in them.
  public func resetCounts() { listener.change { $0.resetCounts() } }

  /// Waits until that many bytes of bodies have moved since the start or ``resetCounts()``. False when they
  /// did not in `seconds`.
  public func wait(received: Int = 0, sent: Int = 0, seconds: Double = 300) -> Bool {
    listener.wait(seconds: seconds) { $0.received >= received && $0.sent >= sent }
  }

  /// Waits until all requests have been dealt with, those of dead clients included.
  @discardableResult
  public func waitUntilIdle(seconds: Double = 300) -> Bool {
    listener.wait(seconds: seconds) { $0.connections == 0 }
  }
}
