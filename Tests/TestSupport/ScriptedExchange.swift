/// A request as ``ScriptedServer`` received it.
public struct ScriptedRequest: Sendable {
  public let method: String
  /// The request target as it stood in the request line: path and query.
  public let target: String
  public let headers: [(name: String, value: String)]
  /// The body, of which at most ``ScriptedServer/keptBody`` bytes are kept.
  public var body: [UInt8] = []
  /// How many bytes of the body arrived.
  public var bodyLength = 0
  /// Which connection of the server it came by, from 0.
  public let connection: Int

  /// The target without its query.
  public var path: String { String(target.prefix { $0 != "?" }) }

  /// The query without its question mark.
  public var query: String? {
    target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) }
  }

  /// The first value of a header; names are compared without case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// `METHOD target`.
  public var line: String { "\(method) \(target)" }
}

/// What ``ScriptedServer`` does with a request: steps on its connection, one after the other.
public struct ScriptedResponse: Sendable {
  public enum Step: Sendable {
    case send([UInt8])
    /// Sends `chunk` over and over until `count` bytes went out.
    case sendRepeated([UInt8], count: Int)
    /// Sends `bytes` one by one as packets of their own, a millisecond apart; what is left when the gate opens,
    /// at once.
    case drip([UInt8], until: Gate? = nil)
    /// Does nothing for a while, as a server that thinks.
    case pause(milliseconds: Int)
    /// Does nothing until the gate is open, or the server stops.
    case stall(Gate)
    /// Reads what is left of the request's body.
    case readBody
    /// Ends the connection in order.
    case close
    /// Ends the connection with RST.
    case reset
  }

  public var steps: [Step]

  public init(steps: [Step]) { self.steps = steps }

  /// A whole answer. `declaredLength` beyond the body's cuts it: the rest never comes.
  public init(
    _ status: Int = 200, headers: [(String, String)] = [], body: [UInt8] = [], declaredLength: Int? = nil
  ) {
    steps = [.send(Self.head(status, headers, length: declaredLength ?? body.count)), .send(body)]
    if let declaredLength, declaredLength > body.count { steps.append(.close) }
  }

  public init(_ status: Int = 200, headers: [(String, String)] = [], text: String) {
    self.init(status, headers: headers, body: Array(text.utf8))
  }

  public init(_ status: Int = 200, headers: [(String, String)] = [], json: String) {
    self.init(status, headers: headers + [("Content-Type", "application/json")], body: Array(json.utf8))
  }

  /// Ends the connection without a word.
  public static var silence: Self { Self(steps: [.close]) }
  /// Ends the connection with RST, without a word.
  public static var reset: Self { Self(steps: [.reset]) }
  /// Sends `text` as it is, whatever it be, and ends the connection.
  public static func garbage(_ text: String) -> Self { Self(steps: [.send(Array(text.utf8)), .close]) }
  /// Says nothing until the gate opens, then closes.
  public static func stall(_ gate: Gate) -> Self { Self(steps: [.stall(gate), .close]) }

  /// A whole answer to a HEAD request for content of `length` bytes.
  public static func headOnly(
    _ status: Int = 200, headers: [(String, String)] = [], length: Int
  ) -> Self {
    Self(steps: [.send(head(status, headers, length: length))])
  }

  /// The head alone, with the length that the body would have: what HEAD is answered.
  public var withoutBody: Self { Self(steps: Array(steps.prefix(1))) }

  /// The same answer with more lines in its head.
  public func adding(headers: [(String, String)]) -> Self {
    guard case .send(let head) = steps.first, head.suffix(2) == Array("\r\n".utf8)[...] else { return self }
    let lines = headers.map { "\($0): \($1)\r\n" }.joined()
    var answer = self
    answer.steps[0] = .send(head.dropLast(2) + Array((lines + "\r\n").utf8))
    return answer
  }

  /// These steps after the ones there are.
  public func then(_ more: Step...) -> Self { Self(steps: steps + more) }

  /// A status line and header lines. Without `length` the body ends with the connection.
  public static func head(_ status: Int, _ headers: [(String, String)], length: Int?) -> [UInt8] {
    var text = "HTTP/1.1 \(status) Scripted\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if let length, status != 204, status != 304 { text += "Content-Length: \(length)\r\n" }
    return Array((text + "\r\n").utf8)
  }
}
