internal import Glibc

/// What a person should know while requests wait. Told at most once for many that wait for the same.
public enum TransportNotice: Hashable, Sendable {
  /// The host, by an answer with `status`, asks to be left alone until a moment in seconds since 1970, and is.
  case waiting(host: String, status: Int, until: Int64, seconds: Int64)
  /// Requests to the host fail and are tried again until a moment in seconds since 1970; nil where they are counted
  /// alone, and so many attempts are left.
  case failing(host: String, cause: ExchangeFault.Cause, until: Int64?, attempts: Int)
}

/// How one attempt failed that may go better a little later.
public struct ExchangeFault: Hashable, Sendable {
  public enum Cause: Hashable, Sendable {
    case status(Int)
    case line(TransportError)
    /// An answer came that is not what was asked for.
    case content
  }

  /// With its port, unless that is the scheme's own.
  let host: String
  let cause: Cause
  /// How long the server asks to be left alone.
  let retryAfter: Duration?

  /// A failure in talking to who is at `url`.
  public init(_ cause: Cause, at url: HTTPURL, retryAfter: Duration? = nil) {
    host = url.authority
    self.cause = cause
    self.retryAfter = retryAfter
  }

  /// An answer that asks, or lets hope, to be asked again.
  public init(_ response: HTTPResponse) {
    self.init(.status(response.status), at: response.url, retryAfter: response.retryAfter)
  }

  /// Whether the host, or the way to it, is out of order: then it takes its time to come back. Another answer 5xx may
  /// be meant for this one request for ever.
  fileprivate var isOutage: Bool {
    switch cause {
    case .status(408), .status(429), .status(502), .status(503), .status(504), .status(520...530), .line: true
    case .status, .content: false
    }
  }
}

/// One piece of work that is tried again when it fails: how often, for how long, and what is said of it.
public struct Retrying: Sendable {
  private let client: HTTPClient
  private let isOptional: Bool
  private var budget: RetryBudget

  /// How long is tried again what the work can do without, what may fail for ever, and a host that has never answered.
  private static let shortest = Duration.seconds(60)
  /// What fails for less is not worth a word.
  private static let hiccup = Duration.seconds(2)

  fileprivate init(_ client: HTTPClient, isOptional: Bool) {
    self.client = client
    self.isOptional = isOptional
    budget = client.retryBudget()
  }

  /// Waits before another attempt, after one that failed by `fault` and, if it `progressed`, brought something. False
  /// when it was the last. Throws ``TransportError/waitTooLong(host:until:seconds:limit:)`` when the server asks for
  /// more than ``TransportOptions/maxWait``, and ``TransportError/cancelled``.
  public mutating func again(
    after fault: ExchangeFault, progressed: Bool = false
  ) throws(TransportError) -> Bool {
    let options = client.options
    if let asked = fault.retryAfter, asked > options.maxWait {
      let seconds = asked.components.seconds
      throw .waitTooLong(
        host: fault.host, until: Self.moment(in: asked), seconds: seconds, limit: options.maxWait)
    }
    let host = client.host(fault.host)
    let isLasting = fault.isOutage && host.hasAnswered && !isOptional
    let lasting = isLasting ? options.retryFor : min(options.retryFor, Self.shortest)
    let now = ContinuousClock.now
    guard
      let pause = budget.delay(
        retryAfter: fault.retryAfter, progressed: progressed, lasting: lasting, at: now)
    else { return false }
    tell(of: fault, by: host, pause: pause, lasting: lasting, at: now)
    options.log?("trying again in \(pause)")
    try client.wait(pause)
    return true
  }

  private func tell(
    of fault: ExchangeFault, by host: RemoteHost, pause: Duration, lasting: Duration,
    at now: RetryBudget.Instant
  ) {
    guard let notice = client.options.notice else { return }
    if let asked = fault.retryAfter, case .status(let status) = fault.cause {
      guard asked >= .seconds(1), host.mayTellWait(until: now.advanced(by: asked), at: now) else { return }
      notice(
        .waiting(
          host: fault.host, status: status, until: Self.moment(in: asked), seconds: asked.components.seconds))
      return
    }
    let failing = budget.firstFailure.map { $0.duration(to: now) } ?? .zero
    guard fault.cause != .content, failing + pause >= Self.hiccup, host.mayTellFailure(at: now) else {
      return
    }
    let left = lasting - failing
    notice(
      .failing(
        host: fault.host, cause: fault.cause, until: left > .zero ? Self.moment(in: left) : nil,
        attempts: budget.attemptsLeft + 1))
  }

  /// In seconds since 1970.
  private static func moment(in duration: Duration) -> Int64 {
    Int64(time(nil)) + duration.components.seconds
  }
}

extension HTTPClient {
  /// A fresh budget as ``options`` have it.
  public func retryBudget() -> RetryBudget {
    RetryBudget(retries: options.retries, base: options.backoff)
  }

  /// For a piece of work that begins. What `isOptional` the work can do without: it is tried again for a minute at most.
  public func retrying(isOptional: Bool = false) -> Retrying { Retrying(self, isOptional: isOptional) }

  /// Whether an exchange that failed by `error` is worth another attempt. A host that was never reached is
  /// given up at once: its name is mistyped, or it does not run.
  public func isWorthRetrying(_ error: TransportError, to url: HTTPURL) -> Bool {
    error.isRetryable && (!error.isAboutReaching || host(url.authority).hasAnswered)
  }

  /// Waits. Throws ``TransportError/cancelled`` within a tenth of a second of the task's cancellation.
  public func wait(_ duration: Duration) throws(TransportError) {
    guard Pause.sleep(duration) else { throw .cancelled }
  }

  /// Repeats an exchange that may be repeated until it succeeds or ``Retrying`` gives it up: the last answer or error
  /// is the outcome. With `outlastsStalls` false a server that keeps silent is not asked again.
  public func sendRetrying(
    _ request: HTTPRequest, body: [UInt8] = [], outlastsStalls: Bool = true
  ) throws(TransportError) -> HTTPResponse {
    var retrying = retrying(isOptional: request.isOptional)
    while true {
      do throws(TransportError) {
        let response = try send(request, body: body)
        guard response.isRetryable, try retrying.again(after: ExchangeFault(response)) else {
          return response
        }
      } catch {
        if case .stalled = error, !outlastsStalls { throw error }
        guard isWorthRetrying(error, to: request.url),
          try retrying.again(after: ExchangeFault(.line(error), at: request.url))
        else { throw error }
      }
    }
  }
}
