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

  @Test func `does what the server asks, up to five minutes`() {
    var budget = RetryBudget(retries: 3, jitter: { 1 })
    #expect(budget.delay(retryAfter: .seconds(7)) == .seconds(7))
    #expect(budget.delay(retryAfter: .seconds(3600)) == .seconds(300))
    #expect(budget.delay(retryAfter: .seconds(-1)) == .zero)
    #expect(budget.delay(retryAfter: .seconds(1)) == nil)
  }

  @Test func `fills again on progress`() {
    var budget = RetryBudget(retries: 1, base: .seconds(1), jitter: { 1 })
    for _ in 0..<50 { #expect(budget.delay(progressed: true) == .seconds(1)) }
    #expect(budget.delay() == nil)
  }
}

@Suite struct `Retry-After` {
  private func wait(_ value: String, date: String? = nil, now: Int64 = 784_111_777) throws -> Duration? {
    var headers: HTTPHeaders = ["Retry-After": value]
    if let date { headers.add("Date", date) }
    let response = HTTPResponse(status: 503, headers: headers, body: [], url: try HTTPURL("https://a/"))
    return response.retryAfter(now: now)
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
