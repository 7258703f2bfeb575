/// One request that came to a ``FaultGateway``, and what became of it.
public struct GatewayExchange: Hashable, Sendable {
  public let method: String
  /// Path and query.
  public let target: String
  public let range: String?
  public let contentRange: String?
  /// The effects that struck it.
  public let effects: [GatewayFault.Effect]
  /// Bytes of its body that came from the client.
  public internal(set) var received = 0
  /// The status that was sent; nil when none was.
  public internal(set) var status: Int?
  /// Bytes of the answer's body that went to the client.
  public internal(set) var sent = 0
  public internal(set) var isOver = false

  /// The path alone.
  public var path: String { String(target.prefix { $0 != "?" }) }

  /// `METHOD` and the path's last part.
  public var step: String { "\(method) \(path.split(separator: "/").last ?? "")" }
}
