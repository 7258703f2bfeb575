/// An HTTP server on loopback whose every answer, right or wrong, is scripted by a closure. It records what
/// it was asked, for assertions on what was sent and on what was not.
///
/// It listens on a free port of 127.0.0.1 and stops by ``stop()`` or when the last reference goes.
public final class ScriptedServer: Sendable {
  public typealias Script = @Sendable (ScriptedRequest) -> ScriptedResponse

  /// How much of a request's body is read before the script is asked.
  public enum BodyReading: Sendable {
    case all
    /// Nothing: the script answers early, and says ``ScriptedResponse/Step/readBody`` if it wants the rest.
    case none
  }

  /// How much of each body is kept, in bytes.
  public static let keptBody = 8 << 20

  private let listener: ScriptedListener

  /// Reads every request whole, then asks `script`, which may run on several threads at once.
  public init(_ script: @escaping Script) {
    listener = ScriptedListener(reading: { _ in .all }, script)
  }

  /// Asks `reading` with each request's head whether its body is to be read before `script` is asked.
  public init(reading: @escaping @Sendable (ScriptedRequest) -> BodyReading, _ script: @escaping Script) {
    listener = ScriptedListener(reading: reading, script)
  }

  deinit { listener.stop() }

  public var port: Int { listener.port }

  /// `127.0.0.1:port`, as a registry's host is written.
  public var host: String { "127.0.0.1:\(port)" }

  /// The URL of `path` here.
  public func url(_ path: String = "/") -> String { "http://\(host)\(path)" }

  /// All requests so far, in the order in which the script saw them.
  public var requests: [ScriptedRequest] { listener.requests }

  /// `METHOD target` of all requests so far.
  public var lines: [String] { requests.map(\.line) }

  /// How many connections were accepted.
  public var connections: Int { listener.connections }

  /// Blocks until `count` requests have arrived. False when they did not in `seconds`.
  @discardableResult
  public func waitForRequests(_ count: Int, seconds: Double = 300) -> Bool {
    listener.waitForRequests(count, seconds: seconds)
  }

  /// Ends every connection. The port refuses connections from then on: nobody else gets it while the tests run.
  public func stop() {
    listener.reservePort()
    listener.stop()
  }
}
