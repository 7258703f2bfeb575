import Synchronization

/// Counts what a script was asked.
final class Counter: Sendable {
  private let count = Mutex(0)

  /// 0, 1, 2, …
  func next() -> Int {
    count.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}
