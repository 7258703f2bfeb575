import Testing

@testable import Transport

@Suite struct `A retry budget` {
  @Test func `doubles its pauses up to a cap and ends`() {
    var budget = RetryBudget(retries: 9, base: .milliseconds(500), jitter: { 1 })
    let pauses = (0..<10).map { _ in budget.delay() }
    #expect(pauses.prefix(7) == [0.5, 1, 2, 4, 8, 16, 30].map { .seconds($0) }[...])
    #expect(pauses[8] == .seconds(30) && pauses[9] == nil)
  }

  @Test func `takes a random part of each pause`() {
    var budget = RetryBudget(retries: 2, base: .seconds(1), jitter: { 0.25 })
    #expect(budget.delay() == .milliseconds(250))
    #expect(budget.delay() == .milliseconds(500))
  }

  @Test func `stays in bounds whatever its random source says`() {
    var budget = RetryBudget(retries: .max, base: .seconds(1), jitter: { 7 })
    #expect((0..<100).allSatisfy { _ in (budget.delay() ?? .zero) <= .seconds(30) })
    var zero = RetryBudget(retries: 0)
    #expect(zero.delay() == nil && zero.delay(progressed: true) == nil)
  }

  @Test func `does what the server asks`() {
    var budget = RetryBudget(retries: 3, jitter: { 1 })
    #expect(budget.delay(retryAfter: .seconds(7)) == .seconds(7))
    #expect(budget.delay(retryAfter: .seconds(3600)) == .seconds(3600))
    #expect(budget.delay(retryAfter: .seconds(-1)) == .zero)
    #expect(budget.delay(retryAfter: .seconds(1)) == nil)
  }

  @Test func `fills again on progress`() {
    var budget = RetryBudget(retries: 1, base: .seconds(1), jitter: { 1 })
    for _ in 0..<50 { #expect(budget.delay(progressed: true) == .seconds(1)) }
    #expect(budget.delay() == nil)
  }

  private let start = ContinuousClock.now

  private func after(_ seconds: Int) -> ContinuousClock.Instant { start.advanced(by: .seconds(seconds)) }

  @Test func `lasts as long as it should, counted from the first failure`() {
    var budget = RetryBudget(retries: 1, base: .seconds(4), jitter: { 1 })
    #expect(budget.delay(lasting: .seconds(60), at: after(100)) == .seconds(4))
    #expect(budget.delay(lasting: .seconds(60), at: after(104)) == .seconds(8))
    #expect(budget.delay(lasting: .seconds(60), at: after(130)) == .seconds(16))
    // The last attempt is made when the time is up.
    #expect(budget.delay(lasting: .seconds(60), at: after(155)) == .seconds(5))
    #expect(budget.delay(lasting: .seconds(60), at: after(160)) == nil)
  }

  @Test func `lasts as long anew after progress`() {
    var budget = RetryBudget(retries: 0, base: .seconds(1), jitter: { 1 })
    #expect(budget.delay(lasting: .seconds(60), at: after(0)) == .seconds(1))
    #expect(budget.delay(progressed: true, lasting: .seconds(60), at: after(3600)) == .seconds(1))
    #expect(budget.delay(lasting: .seconds(60), at: after(3659)) == .seconds(1))
    #expect(budget.delay(lasting: .seconds(60), at: after(3660)) == nil)
  }

  @Test func `ends with the attempts where they take longer than the time`() {
    var budget = RetryBudget(retries: 3, base: .seconds(1), jitter: { 1 })
    for _ in 0..<3 { #expect(budget.delay(lasting: .seconds(1), at: after(0)) != nil) }
    #expect(budget.delay(lasting: .seconds(1), at: after(2)) == nil)
  }

  @Test func `does not run hot for who asks for no pause`() {
    var budget = RetryBudget(retries: 1, base: .seconds(2), jitter: { 1 })
    #expect(budget.delay(retryAfter: .zero, lasting: .seconds(60), at: after(0)) == .zero)
    #expect(budget.delay(retryAfter: .zero, lasting: .seconds(60), at: after(0)) == .seconds(4))
    #expect(budget.delay(retryAfter: .seconds(50), lasting: .seconds(60), at: after(59)) == .seconds(50))
    #expect(budget.delay(retryAfter: .seconds(50), lasting: .seconds(60), at: after(109)) == nil)
  }
}

@Suite struct `Retry-After` {
  private func wait(_ value: String, date: String? = nil, now: Int64 = 784_111_777) throws -> Duration? {
    var headers: HTTPHeaders = ["Retry-After": value]
    if let date { headers.add("Date", date) }
    return try wait(503, headers, now: now)
  }

  private func wait(_ status: Int, _ headers: HTTPHeaders, now: Int64) throws -> Duration? {
    HTTPResponse(status: status, headers: headers, body: [], url: try HTTPURL("https://a/"))
      .retryAfter(now: now)
  }

  private static let now: Int64 = 1_764_412_800

  /// docker/hub-feedback#2459 and its like: a moment where a number of seconds belongs.
  @Test(arguments: [
    ("1764412830", 30), ("1764416400", 3600), (" 1764412830\t", 30), ("1764412800", 0), ("1764412799", 0),
    ("1000000000", 0), ("999999999", 365 * 86_400), ("1764412830000", 30), ("99999999999", 365 * 86_400),
    ("9223372036854775807", 365 * 86_400), ("0", 0), ("  120 ", 120),
  ])
  func `may be the time since 1970`(value: String, seconds: Int) throws {
    #expect(try wait(value, now: Self.now) == .seconds(seconds))
  }

  @Test func `as a time since 1970 is measured by the server's own clock`() throws {
    #expect(try wait("1764412830", date: "Sat, 29 Nov 2025 10:40:10 GMT", now: 5) == .seconds(20))
  }

  @Test(
    arguments: [
      (429, ["x-ratelimit-reset": "1764412830"], 30), (429, ["X-RateLimit-Reset": "45"], 45),
      (429, ["ratelimit-reset": "45;w=60"], 45), (429, ["X-Rate-Limit-Reset": "1764412801"], 1),
      (429, ["RateLimit-Reset": "45", "RateLimit-Remaining": "0"], 45),
      (429, ["RateLimit-Reset": "45", "Retry-After": "7"], 7),
      (429, ["RateLimit-Reset": "45", "Retry-After": "soon"], 45),
      // The limit that is meant is another one.
      (429, ["RateLimit-Reset": "45", "RateLimit-Remaining": "76;w=21600"], nil),
      (429, ["RateLimit-Reset": "never"], nil), (200, ["RateLimit-Reset": "45"], nil),
      (503, ["RateLimit-Reset": "45"], nil),
    ] as [(Int, HTTPHeaders, Int?)])
  func `that is not there is the reset of the limit`(status: Int, headers: HTTPHeaders, seconds: Int?) throws
  {
    #expect(try wait(status, headers, now: Self.now) == seconds.map { .seconds($0) })
  }

  @Test(arguments: [
    ("0", 0), ("120", 120), ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
    ("Sunday, 06-Nov-94 08:49:47 GMT", 10), ("Sun Nov  6 08:49:47 1994", 10),
    ("Sun, 06 Nov 1994 08:00:00 GMT", 0), ("99999999999999999999", 365 * 86_400),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86_400),
  ])
  func `is read in either form`(value: String, seconds: Int) throws {
    #expect(try wait(value) == .seconds(seconds))
  }

  @Test(arguments: [
    "", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:47 CET", "Sun, 06 Nov 1994 08:49:47 -0500",
    "Sun, 06 Nov 1994 08:49:47 +0100", "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 99 Nov 1994 08:49:47 GMT", "a b c d e GMT", "Sun, 06 Foo 1994 08:49:47 GMT",
  ])
  func `is nothing else`(value: String) throws {
    #expect(try wait(value) == nil)
  }

  @Test func `is measured by the server's own clock`() throws {
    let wait = try wait(
      "Sun, 06 Nov 1994 08:50:00 GMT", date: "Sun, 06 Nov 1994 08:49:00 GMT", now: 2_000_000_000)
    #expect(wait == .seconds(60))
  }

  @Test(arguments: [
    ("Thu, 01 Jan 1970 00:00:00 GMT", Int64(0)), ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
    ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600), ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
  ])
  func `reckons with the calendar`(text: String, seconds: Int64) {
    #expect(HTTPDate(text)?.seconds == seconds)
  }
}
