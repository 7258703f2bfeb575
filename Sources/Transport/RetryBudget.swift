internal import Glibc

/// How often, for how long and after which pauses something is tried again. A value: it is told the time.
public struct RetryBudget: Sendable {
  public typealias Instant = ContinuousClock.Instant

  /// The longest random pause.
  static let longestBackoff = Duration.seconds(30)

  private let retries: Int
  private let base: Duration
  private let jitter: @Sendable () -> Double
  private var spent = 0
  /// When the first attempt failed of those that have made no progress since.
  private(set) var firstFailure: Instant?

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

  /// The pause before the next attempt, after one that failed at `now`; nil when it was the last: all attempts are
  /// spent, and `lasting` has passed since the first of them failed. `retryAfter` is what the server asked for, and
  /// is done; beyond the attempts that are counted no pause is shorter than a random one. An attempt that `progressed`
  /// fills the budget again, so that a long transfer over a bad line ends as long as it advances.
  public mutating func delay(
    retryAfter: Duration? = nil, progressed: Bool = false, lasting: Duration = .zero, at now: Instant = .now
  ) -> Duration? {
    if progressed {
      spent = 0
      firstFailure = nil
    }
    let start = firstFailure ?? now
    firstFailure = start
    let left = lasting - start.duration(to: now)
    guard spent < retries || left > .zero else { return nil }
    let isCounted = spent < retries
    let longest = min(base * (1 << min(spent, 16)), Self.longestBackoff)
    spent += 1
    let random = longest * min(max(jitter(), 0), 1)
    if let retryAfter { return max(retryAfter, isCounted ? .zero : random) }
    // The last attempt is made when the time is up, not before.
    return isCounted ? random : min(random, left)
  }

  /// How many attempts are left that are counted.
  var attemptsLeft: Int { max(0, retries - spent) }
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
