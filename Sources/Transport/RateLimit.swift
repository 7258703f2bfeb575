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
