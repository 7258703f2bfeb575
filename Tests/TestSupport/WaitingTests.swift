import Foundation
import Synchronization
import Testing

/// For suites whose tests wait for programs and servers most of their time: three of them for each processor run at once, on
/// threads of their own. Swift's own threads, of which there is one for each processor, stay free for the tests that compute.
public struct WaitingTests: SuiteTrait, TestTrait, TestScoping {
  public var isRecursive: Bool { true }

  public func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Self.places.take()
    defer { Self.places.leave() }
    try await withTaskExecutorPreference(Self.threads) { try await function() }
  }

  private static let count = 3 * ProcessInfo.processInfo.activeProcessorCount
  private static let places = Places(count)
  // A test may have tasks of its own, which it waits for.
  private static let threads = Threads(2 * count)
}

extension Trait where Self == WaitingTests {
  /// Its tests wait for programs.
  public static var waiting: Self { Self() }
}

/// How many may be inside at once.
private final class Places: Sendable {
  private struct State {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state: Mutex<State>

  init(_ count: Int) { state = Mutex(State(free: count)) }

  func take() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        guard state.free > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  func leave() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if state.waiting.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}

/// Threads that run what is given to them, in its order.
private final class Threads: TaskExecutor, @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [UnownedJob] = []

  init(_ count: Int) {
    for _ in 0..<count {
      let thread = Thread { [self] in while true { run(next()) } }
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.withLock { jobs.append(job) }
    condition.signal()
  }

  private func next() -> UnownedJob {
    condition.withLock {
      while jobs.isEmpty { condition.wait() }
      return jobs.removeFirst()
    }
  }

  private func run(_ job: UnownedJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
}
