import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: the first cancels the running work, the second ends the process at once.
enum Interrupts {
  private static let running = Mutex<(@Sendable () -> Void)?>(nil)
  private static let received = Atomic<Bool>(false)

  /// Whether the work was asked to end.
  static var isInterrupted: Bool { received.load(ordering: .relaxed) }

  /// The writing end of the pipe that the handler tells the waiting thread by.
  private static let bell = Atomic<Int32>(-1)

  /// Takes the signals over from the kernel's default, with a handler: blocking them would not do, for the main
  /// thread of an async `main` waits in libdispatch with no signal blocked.
  static func catchSignals() {
    // A reader that goes away is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    bell.store(ends[1], ordering: .relaxed)
    let reading = ends[0]
    var thread = pthread_t()
    let started = unsafe pthread_create(
      &thread, nil,
      { context in
        Interrupts.wait(on: Int32(truncatingIfNeeded: Int(bitPattern: context)))
        return nil
      }, unsafe UnsafeMutableRawPointer(bitPattern: Int(reading)))
    guard started == 0 else { return }
    pthread_detach(thread)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        // Only what a signal handler may: a write, and errno as it was.
        let code = errno
        var byte: UInt8 = 0
        _ = unsafe write(Interrupts.bell.load(ordering: .relaxed), &byte, 1)
        errno = code
      }
    }
  }

  private static func wait(on reading: Int32) {
    var byte: UInt8 = 0
    while true {
      guard unsafe read(reading, &byte, 1) == 1 else { continue }
      if received.exchange(true, ordering: .relaxed) { _exit(ExitStatus.interrupted.rawValue) }
      let cancel = running.withLock { $0 }
      // Nothing runs yet that could tidy up.
      guard let cancel else { _exit(ExitStatus.interrupted.rawValue) }
      cancel()
    }
  }

  /// Runs `work` so that a signal cancels it.
  static func cancelling<Value: Sendable>(
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let task = Task { try await work() }
    running.withLock { $0 = { task.cancel() } }
    defer { running.withLock { $0 = nil } }
    return try await task.value
  }
}
