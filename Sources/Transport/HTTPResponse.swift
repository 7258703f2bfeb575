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

  /// How long the server asks to be left alone: its `Retry-After` as seconds, as a date (RFC 9110, 10.2.3) or as the
  /// time since 1970 (docker/hub-feedback#2459); beside a 429 without one, when its limit begins anew. A moment is
  /// measured against the server's own `Date`, else against `now` in seconds since 1970.
  func retryAfter(now: Int64) -> Duration? {
    let start = headers["Date"].flatMap(HTTPDate.init)?.seconds ?? now
    if let wait = headers["Retry-After"].flatMap({ Self.wait($0, from: start) }) { return wait }
    guard status == 429, remaining ?? 0 == 0 else { return nil }
    return first(of: "Reset").flatMap { Self.wait($0, from: start) }
  }

  /// ``retryAfter(now:)`` by this machine's clock.
  public var retryAfter: Duration? { retryAfter(now: Int64(time(nil))) }

  /// How many more requests the server says it takes for now; nil where it does not say.
  var remaining: Int? { first(of: "Remaining").flatMap { Self.number($0) }.map { Int(clamping: $0) } }

  /// What it tells of how many requests at a time the server bears.
  var verdict: RequestWindow.Answer {
    switch status {
    case 429: .refused
    case 500...: .unknown
    default: .served(remaining: remaining)
    }
  }

  /// The value of a limit's field by any of its names, without the parameters behind it: `0;w=21600`.
  private func first(of kind: String) -> String? {
    for prefix in ["RateLimit-", "X-RateLimit-", "X-Rate-Limit-"] {
      if let value = headers[prefix + kind] { return String(value.prefix { $0 != ";" && $0 != "," }) }
    }
    return nil
  }

  /// How long after `start` a server wants to be asked again; nil for a text that says no time.
  private static func wait(_ text: String, from start: Int64) -> Duration? {
    let seconds: Int64
    if let number = number(text) {
      switch number {
      case ..<1_000_000_000: seconds = number
      // Nobody asks to wait for thirty years: it is a moment since 1970, in seconds or in thousandths.
      case ..<1_000_000_000_000: seconds = number.subtractingReportingOverflow(start).partialValue
      default: seconds = (number / 1000).subtractingReportingOverflow(start).partialValue
      }
    } else if let date = HTTPDate(text) {
      seconds = date.seconds.subtractingReportingOverflow(start).partialValue
    } else {
      return nil
    }
    return .seconds(min(max(seconds, 0), longest))
  }

  /// A number in digits alone, with blanks around it at most. More digits than a number holds are the largest.
  private static func number(_ text: String) -> Int64? {
    let blanks: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "\t")]
    let digits = text.utf8.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed()
    guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
    return Int64(String(decoding: Array(digits), as: UTF8.self)) ?? .max
  }

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
