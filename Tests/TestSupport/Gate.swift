import Foundation

/// Something to wait for: closed until it is opened, then open for good.
public final class Gate: @unchecked Sendable {
  private let condition = NSCondition()
  private var isOpen = false

  public init() {}

  public func open() {
    condition.withLock {
      isOpen = true
      condition.broadcast()
    }
  }

  /// Blocks until the gate is open. False when it did not open in `seconds`.
  @discardableResult
  public func wait(seconds: Double = 300) -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    return condition.withLock {
      while !isOpen {
        guard condition.wait(until: end) else { return isOpen }
      }
      return true
    }
  }
}
