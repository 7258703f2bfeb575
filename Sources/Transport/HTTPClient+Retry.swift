extension HTTPClient {
  /// A fresh budget as ``options`` have it.
  public func retryBudget() -> RetryBudget {
    RetryBudget(retries: options.retries, base: options.backoff)
  }

  /// Whether an exchange that failed by `error` is worth another attempt. A host that was never reached is
  /// given up at once: its name is mistyped, or it does not run.
  public func isWorthRetrying(_ error: TransportError, to url: HTTPURL) -> Bool {
    error.isRetryable && (!error.isAboutReaching || knows(url.host))
  }

  /// Waits. Throws ``TransportError/cancelled`` within a tenth of a second of the task's cancellation.
  public func wait(_ duration: Duration) throws(TransportError) {
    guard Pause.sleep(duration) else { throw .cancelled }
  }

  /// Repeats an exchange that may be repeated until it succeeds or ``TransportOptions/retries`` are used
  /// up: the last answer or error is the outcome.
  public func sendRetrying(_ request: HTTPRequest, body: [UInt8] = []) throws(TransportError) -> HTTPResponse
  {
    var budget = retryBudget()
    while true {
      let pause: Duration
      do throws(TransportError) {
        let response = try send(request, body: body)
        guard response.isRetryable, let delay = budget.delay(retryAfter: response.retryAfter) else {
          return response
        }
        pause = delay
      } catch {
        guard isWorthRetrying(error, to: request.url), let delay = budget.delay() else { throw error }
        pause = delay
      }
      options.log?("trying again in \(pause)")
      try wait(pause)
    }
  }
}
