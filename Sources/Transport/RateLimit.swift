internal import Synchronization

/// The rate that all transfers of a client share.
final class RateLimit: Sendable {
  /// The largest piece a transfer may move at once, in bytes.
  let piece: Int
  private let bucket: Mutex<TokenBucket>
  private let start = ContinuousClock.now

  init(bytesPerSecond rate: Int64) {
    let bucket = TokenBucket(rate: rate)
    piece = bucket.piece
    self.bucket = Mutex(bucket)
  }

  /// Waits until `bytes` may pass. False when the task was cancelled meanwhile, unless that does not matter.
  func admit(_ bytes: Int, evenCancelled: Bool = false) -> Bool {
    let pause = bucket.withLock { $0.take(bytes, at: start.duration(to: .now)) }
    return pause <= .zero || Pause.sleep(pause, evenCancelled: evenCancelled)
  }
}

/// A rate as a value: how long bytes must wait so that their sum keeps to it. Time comes from outside, as
/// the duration since any fixed moment.
struct TokenBucket: Sendable {
  /// Bytes a second, at least one.
  let rate: Int64
  /// When the line is free again.
  private var free: Duration = .zero

  /// Unused time that may be caught up: enough to bridge a scheduler's hiccup, too little to be a burst.
  static let credit = Duration.milliseconds(100)

  init(rate: Int64) {
    self.rate = max(rate, 1)
  }

  /// The largest piece to move at once: a tenth of a second's worth, so that the flow is smooth.
  var piece: Int { Int(min(max(rate / 10, 1 << 10), 512 << 10)) }

  /// Books `bytes` and says how long to wait until they may have passed.
  mutating func take(_ bytes: Int, at now: Duration) -> Duration {
    let (nanoseconds, overflow) = Int64(bytes).multipliedReportingOverflow(by: 1_000_000_000)
    let cost = overflow ? Duration.seconds(Int64(bytes) / rate) : .nanoseconds(nanoseconds / rate)
    free = max(free, now - Self.credit) + cost
    return max(free - now, .zero)
  }
}
