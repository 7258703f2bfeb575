internal import Glibc

/// How often and after which pauses something is tried again. A value without a clock: it says how long to
/// wait, ``HTTPClient/wait(_:)`` waits.
public struct RetryBudget: Sendable {
  /// The longest random pause.
  static let longestBackoff = Duration.seconds(30)
  /// The longest pause a server can ask for.
  static let longestRetryAfter = Duration.seconds(300)

  private let retries: Int
  private let base: Duration
  private let jitter: @Sendable () -> Double
  private var spent = 0

  /// A budget of `retries` attempts after the first. Pauses are random up to `base`, doubled with each
  /// attempt that made no progress; `jitter` gives numbers from 0 to 1.
  init(
    retries: Int, base: Duration = .milliseconds(500),
    jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
  ) {
    self.retries = retries
    self.base = base
    self.jitter = jitter
  }

  /// The pause before the next attempt, after one that failed; nil when it was the last. `retryAfter` is
  /// what the server asked for, honoured up to five minutes. An attempt that `progressed` fills the budget
  /// again, so that a long transfer over a bad line ends as long as it advances.
  public mutating func delay(retryAfter: Duration? = nil, progressed: Bool = false) -> Duration? {
    if progressed { spent = 0 }
    guard spent < retries else { return nil }
    let doublings = min(spent, 16)
    spent += 1
    if let retryAfter { return min(max(retryAfter, .zero), Self.longestRetryAfter) }
    return min(base * (1 << doublings), Self.longestBackoff) * min(max(jitter(), 0), 1)
  }
}

/// Waiting that blocks the thread and ends early when the task is cancelled.
enum Pause {
  /// How soon a cancellation is seen.
  static let slice = Duration.milliseconds(50)

  /// Sleeps for `duration`. False when the task was cancelled meanwhile, unless that does not matter.
  static func sleep(_ duration: Duration, evenCancelled: Bool = false) -> Bool {
    let end = ContinuousClock.now.advanced(by: duration)
    while evenCancelled || !Task.isCancelled {
      let left = ContinuousClock.now.duration(to: end)
      guard left > .zero else { return true }
      // A slice is far below what microseconds in 32 bits hold.
      let microseconds = min(left, slice) / .microseconds(1)
      usleep(UInt32(max(microseconds, 1)))
    }
    return false
  }
}
