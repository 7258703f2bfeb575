internal import Glibc

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
