import Foundation

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable {
  case exited(Int32)
  case signalled(Int32)
}

/// What a process has written, and how it ended once it has; readable from any thread.
final class ProcessOutput: @unchecked Sendable {
  private let condition = NSCondition()
  // All guarded by the condition.
  private var output: [UInt8] = []
  private var error: [UInt8] = []
  private var openStreams = 2
  private var end: ProcessEnd?

  enum Stream { case output, error }

  /// Collects all that comes from `descriptor`, and closes it, on a thread of its own.
  func collect(_ stream: Stream, from descriptor: Int32) {
    Thread.detachNewThread { [self] in
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        // A pseudo terminal whose other side was closed answers EIO.
        guard count > 0 else { break }
        change {
          switch stream {
          case .output: output += buffer[..<count]
          case .error: error += buffer[..<count]
          }
        }
      }
      close(descriptor)
      change { openStreams -= 1 }
    }
  }

  /// Waits for the process `id` to end, on a thread of its own.
  func reap(_ id: pid_t) {
    Thread.detachNewThread { [self] in
      var information = siginfo_t()
      // The id stays the process's until it is reaped, which happens under the lock that signals take.
      while waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
      change {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        end = status & 0x7f == 0 ? .exited(status >> 8 & 0xff) : .signalled(status & 0x7f)
      }
    }
  }

  private func change(_ body: () -> Void) {
    condition.withLock {
      body()
      condition.broadcast()
    }
  }

  /// Runs `body` while the process's id is certain to be its own; not at all once it has ended.
  func ifRunning(_ body: () -> Void) {
    condition.withLock { if end == nil { body() } }
  }

  var text: (output: [UInt8], error: [UInt8]) { condition.withLock { (output, error) } }

  var isRunning: Bool { condition.withLock { end == nil } }

  /// Waits until `isMet` or until nothing more can come; the value of the last look.
  func wait(until deadline: Date, _ isMet: (_ output: [UInt8], _ error: [UInt8]) -> Bool) -> Bool {
    condition.withLock {
      while true {
        if isMet(output, error) { return true }
        if end != nil && openStreams == 0 { return false }
        if !condition.wait(until: deadline) { return isMet(output, error) }
      }
    }
  }

  /// Waits for the end of the process and of all it wrote.
  func waitForEnd(until deadline: Date) -> ProcessEnd? {
    condition.withLock {
      while end == nil || openStreams > 0 {
        if !condition.wait(until: deadline) { return nil }
      }
      return end
    }
  }
}
