/// A request as a server's access log tells it.
public struct LoggedRequest: Hashable, Sendable {
  public let method: String
  /// With its query.
  public let path: String
  public let status: Int
  /// The body's size in bytes.
  public let sent: Int64
  public let userAgent: String

  /// Reads a line of the combined log format; nil for any other.
  init?(_ line: Substring) {
    let pattern = /"(\S+) (\S+) HTTP\/[0-9.]+" (\d+) (\d+|-) "[^"]*" "([^"]*)"/
    guard let match = line.firstMatch(of: pattern), let status = Int(match.3) else { return nil }
    method = String(match.1)
    path = String(match.2)
    self.status = status
    sent = Int64(match.4) ?? 0
    userAgent = String(match.5)
  }
}
