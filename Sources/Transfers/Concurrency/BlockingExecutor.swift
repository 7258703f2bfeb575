import Dispatch
import Glibc
import Synchronization

/// Threads of our own on which blocking is allowed: a transfer holds one from its first byte to its last,
/// and the cooperative pool stays free.
final class BlockingExecutor: TaskExecutor {
  /// What the threads share; they outlive no executor, for `deinit` sends each home.
  private final class Jobs: Sendable {
    let waiting = Mutex<[UnownedJob?]>([])
    let count = DispatchSemaphore(value: 0)

    func add(_ job: UnownedJob?) {
      waiting.withLock { $0.append(job) }
      count.signal()
    }

    /// The oldest job, waiting for one; nil tells the thread to end.
    func take() -> UnownedJob? {
      count.wait()
      return waiting.withLock { $0.removeFirst() }
    }
  }

  /// A thread's own view of the executor, which must not keep it alive.
  @safe private final class Seat: Sendable {
    let jobs: Jobs
    let executor: UnownedTaskExecutor

    init(jobs: Jobs, executor: UnownedTaskExecutor) {
      self.jobs = jobs
      unsafe self.executor = executor
    }

    func work() {
      while let job = jobs.take() { unsafe job.runSynchronously(on: executor) }
    }
  }

  /// How many threads were asked for.
  let width: Int
  private let jobs = Jobs()

  /// Starts `width` threads, or as many of them as the system allows: fewer are merely slower. Throws
  /// ``TransferError/noThread(code:)`` when it allows none, for then the work would wait for ever.
  init(width: Int) throws(TransferError) {
    self.width = width
    var code: Int32 = 0
    var started = 0
    for _ in 0..<width {
      let seat = unsafe Unmanaged.passRetained(
        Seat(jobs: jobs, executor: asUnownedTaskExecutor()))
      var thread = pthread_t()
      let result = unsafe pthread_create(
        &thread, nil,
        { context in
          guard let context = unsafe context else { return nil }
          unsafe Unmanaged<Seat>.fromOpaque(context).takeRetainedValue().work()
          return nil
        }, seat.toOpaque())
      if result == 0 {
        pthread_detach(thread)
        started += 1
      } else {
        unsafe seat.release()
        code = result
      }
    }
    guard started > 0 || width <= 0 else { throw .noThread(code: code) }
  }

  deinit {
    for _ in 0..<width { jobs.add(nil) }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    jobs.add(UnownedJob(job))
  }
}

extension BlockingExecutor {
  /// Runs `body` for each item, at most ``width`` at a time: one window that slides, so no slow item
  /// holds the others up. `body` may block. The first error cancels the rest and is thrown.
  func forEachConcurrently<Item: Sendable>(
    _ items: some Sequence<Item>, _ body: @escaping @Sendable (Item) throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      var waiting = items.makeIterator()
      for _ in 0..<width {
        guard let item = waiting.next() else { break }
        group.addTask(executorPreference: self) { try body(item) }
      }
      while try await group.next() != nil {
        guard let item = waiting.next() else { continue }
        group.addTask(executorPreference: self) { try body(item) }
      }
    }
  }

  /// The results of `body` for each item, in the items' order.
  func mapConcurrently<Item: Sendable, Value: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) throws -> Value
  ) async throws -> [Value] {
    let results = Collected<Value>(count: items.count)
    try await forEachConcurrently(items.enumerated().map { ($0.offset, $0.element) }) { index, item in
      results.set(try body(item), at: index)
    }
    return results.all
  }

  /// The same, but those that `isInOrder` takes come one after the other.
  func mapConcurrently<Item: Sendable, Value: Sendable>(
    _ items: [Item], inOrder isInOrder: (Item) -> Bool, _ body: @escaping @Sendable (Item) throws -> Value
  ) async throws -> [Value] {
    let results = Collected<Value>(count: items.count)
    let ordered = items.indices.filter { isInOrder(items[$0]) }
    let groups = [ordered] + items.indices.filter { !isInOrder(items[$0]) }.map { [$0] }
    try await forEachConcurrently(groups) { group in
      for index in group {
        try Task.checkCancellation()
        results.set(try body(items[index]), at: index)
      }
    }
    return results.all
  }

  /// The result of one `body` that may block.
  func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask(executorPreference: self) { try body() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }
}

/// Results that arrive out of order, kept in order.
private final class Collected<Value: Sendable>: Sendable {
  private let values: Mutex<[Value?]>

  init(count: Int) {
    values = Mutex(Array(repeating: nil, count: count))
  }

  func set(_ value: Value, at index: Int) {
    values.withLock { $0[index] = value }
  }

  /// Those that have arrived, in order.
  var all: [Value] { values.withLock { $0.compactMap(\.self) } }
}
