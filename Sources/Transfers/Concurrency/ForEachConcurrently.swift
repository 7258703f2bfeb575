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

  /// The result of one `body` that may block.
  func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask(executorPreference: self) { try body() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }
}
