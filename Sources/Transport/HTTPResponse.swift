private import CCurl
internal import Glibc

/// An answer: any status is one.
public struct HTTPResponse: Sendable {
  public let status: Int
  public let headers: HTTPHeaders
  /// What was collected; empty where the body went to a sink.
  public let body: [UInt8]
  /// Where the answer came from, after redirects.
  public let url: HTTPURL

  public init(status: Int, headers: HTTPHeaders, body: [UInt8], url: HTTPURL) {
    self.status = status
    self.headers = headers
    self.body = body
    self.url = url
  }

  public var isSuccess: Bool { (200..<300).contains(status) }

  /// Where a redirect points, as it stands there; nil for any other answer (RFC 9110, 15.4).
  public var redirect: String? {
    [301, 302, 303, 307, 308].contains(status) ? headers["Location"] : nil
  }
}

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
  func retryAfter(now: Int64) -> Duration? {
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

/// A moment as HTTP writes it, in any of the three forms of RFC 9110, 5.6.7.
struct HTTPDate: Hashable {
  /// Seconds since 1970, UTC.
  let seconds: Int64

  /// Nil for a text in none of the forms.
  init?(_ text: String) {
    // libcurl takes other zones as well. HTTP has this one alone; asctime's form names none and ends with the year.
    guard let last = text.split(separator: " ").last, last == "GMT" || Self.isYear(last) else { return nil }
    let time = unsafe curl_getdate(text, nil)
    guard time >= 0 else { return nil }
    seconds = Int64(time)
  }

  private static func isYear(_ word: Substring) -> Bool {
    word.utf8.count == 4 && word.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
}
