internal import Glibc

extension HTTPResponse {
  /// Whether the same request may well succeed a little later. What a server does not implement it will not
  /// a second later.
  public var isRetryable: Bool {
    switch status {
    case 408, 429: true
    case 501, 505: false
    default: (500..<600).contains(status)
    }
  }

  /// How long the server asks to be left alone, from its `Retry-After` in either form (RFC 9110, 10.2.3).
  /// A date is measured against the server's own `Date`, else against `now` in seconds since 1970.
  public func retryAfter(now: Int64) -> Duration? {
    guard let value = headers["Retry-After"] else { return nil }
    if !value.isEmpty, value.utf8.allSatisfy({ (48...57).contains($0) }) {
      // More digits than a number holds are still "very long".
      return .seconds(Int64(value).map { min($0, Self.longest) } ?? Self.longest)
    }
    guard let date = HTTPDate(value) else { return nil }
    let start = headers["Date"].flatMap(HTTPDate.init)?.seconds ?? now
    return .seconds(min(max(date.seconds.subtractingReportingOverflow(start).partialValue, 0), Self.longest))
  }

  /// ``retryAfter(now:)`` by this machine's clock.
  public var retryAfter: Duration? { retryAfter(now: Int64(time(nil))) }

  /// A year: longer waits mean the same to us.
  private static let longest: Int64 = 365 * 86_400
}
