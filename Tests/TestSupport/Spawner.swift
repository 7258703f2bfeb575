import Foundation

/// The one thread that starts child processes.
///
/// A child that asked for a signal at its parent's death gets it when the *thread* that started it ends
/// (`PR_SET_PDEATHSIG` in `prctl(2)`), and the threads that tests run on come and go.
final class Spawner: @unchecked Sendable {
  static let shared = Spawner()

  private let condition = NSCondition()
  // Guarded by the condition.
  private var waiting: [@Sendable () -> Void] = []

  private init() {
    Thread.detachNewThread { [self] in
      while true { next()() }
    }
  }

  private func next() -> @Sendable () -> Void {
    condition.withLock {
      while waiting.isEmpty { condition.wait() }
      return waiting.removeFirst()
    }
  }

  /// Runs `body` on the thread and returns what it does.
  func run(_ body: @escaping @Sendable () -> Int32) -> Int32 {
    let answer = Answer()
    condition.withLock {
      waiting.append {
        answer.value = body()
        answer.isThere.signal()
      }
      condition.signal()
    }
    answer.isThere.wait()
    return answer.value
  }

  /// Written before the semaphore is signalled, read after.
  private final class Answer: @unchecked Sendable {
    var value: Int32 = 0
    let isThere = DispatchSemaphore(value: 0)
  }
}
