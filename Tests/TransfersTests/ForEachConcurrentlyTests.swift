import Glibc
import Synchronization
import Testing

@testable import Transfers

@Suite struct `A sliding window` {
  private struct Refusal: Error {}

  @Test func `runs no more at once than it is wide, and all in the end`() async throws {
    let executor = try BlockingExecutor(width: 3)
    let state = Mutex((running: 0, most: 0, done: 0))
    // Each waits until the window is full, or nobody is left to fill it: no timing is involved.
    let items = 30
    try await executor.forEachConcurrently(0..<items) { item in
      state.withLock { state in
        state.running += 1
        state.most = max(state.most, state.running)
      }
      while state.withLock({ $0.most < 3 }) { try Task.checkCancellation() }
      state.withLock { state in
        state.running -= 1
        state.done += 1
      }
    }
    #expect(state.withLock { $0.most } == 3)
    #expect(state.withLock { $0.done } == items)
  }

  @Test func `throws the first error and cancels what runs`() async throws {
    let executor = try BlockingExecutor(width: 2)
    await #expect(throws: Refusal.self) {
      try await executor.forEachConcurrently(0..<2) { item in
        if item == 0 { throw Refusal() }
        // Whoever cancels it waits for its turn among all tests; a thread that only looks would keep a core from them.
        while !Task.isCancelled { usleep(1000) }
      }
    }
  }

  @Test func `keeps results in the items' order`() async throws {
    let executor = try BlockingExecutor(width: 4)
    let squares = try await executor.mapConcurrently(Array(0..<100)) { $0 * $0 }
    #expect(squares == (0..<100).map { $0 * $0 })
  }
}
