import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: the first cancels the running work, the second ends the process at once.
enum Interrupts {
  private static let running = Mutex<(@Sendable () -> Void)?>(nil)
  private static let received = Atomic<Bool>(false)

  /// Whether the work was asked to end.
  static var isInterrupted: Bool { received.load(ordering: .relaxed) }

  /// Takes the signals over from the kernel's default. Call before any other thread exists: threads inherit
  /// the mask that leaves the signals to the one that waits for them.
  static func catchSignals() {
    // A reader that goes away is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    var thread = pthread_t()
    let started = unsafe pthread_create(
      &thread, nil,
      { _ in
        Interrupts.wait()
        return nil
      }, nil)
    if started == 0 { pthread_detach(thread) }
  }

  private static func wait() {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe sigaddset(&signals, SIGINT)
    unsafe sigaddset(&signals, SIGTERM)
    while true {
      var number: Int32 = 0
      guard unsafe sigwait(&signals, &number) == 0 else { continue }
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
