import Credentials
import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: the first cancels the running work, the second ends the process at once.
enum Interrupts {
  private static let running = Mutex<(@Sendable () -> Void)?>(nil)
  private static let received = Atomic<Bool>(false)

  /// Whether the work was asked to end.
  static var isInterrupted: Bool { received.load(ordering: .relaxed) }

  /// Where the handler puts a byte for each signal: all that a handler may do.
  private static let bell = Atomic<Int32>(-1)
  private static let reader = Atomic<Int32>(-1)

  /// Takes the signals over from the kernel's default. A handler, and not a mask with `sigwait`: the thread
  /// in which `dispatch_main` ends the program's first one takes every signal, whatever its mask was.
  static func catchSignals() {
    // A reader that goes away, or a limit on files, is an error of the write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reader.store(ends[0], ordering: .relaxed)
    bell.store(ends[1], ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      signal(number) { _ in
        let before = errno
        var byte: UInt8 = 0
        _ = unsafe write(Interrupts.bell.load(ordering: .relaxed), &byte, 1)
        errno = before
      }
    }
    var thread = pthread_t()
    let started = unsafe pthread_create(
      &thread, nil,
      { _ in
        Interrupts.wait(on: Interrupts.reader.load(ordering: .relaxed))
        return nil
      }, nil)
    if started == 0 { pthread_detach(thread) }
  }

  private static func wait(on bell: Int32) {
    var byte: UInt8 = 0
    while true {
      let count = unsafe read(bell, &byte, 1)
      if count < 0 && errno == EINTR { continue }
      guard count == 1 else { return }
      if received.exchange(true, ordering: .relaxed) { end() }
      let cancel = running.withLock { $0 }
      // Nothing runs yet that could tidy up.
      guard let cancel else { end() }
      cancel()
    }
  }

  private static func end() -> Never {
    HelperAnswers.endPrograms()
    _exit(ExitStatus.interrupted.rawValue)
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
