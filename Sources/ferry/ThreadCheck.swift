import Dispatch
import Glibc

/// Whether the system lets this program have the threads without which nothing of it moves: one to run its tasks, one
/// that may block, one that hears of signals. Without them it would stand still for ever, and Ctrl-C with it.
enum ThreadCheck {
  private static let needed = 5

  /// Holds as many threads at once for a moment; the errno of the first that cannot be had, or nil.
  static func shortage() -> Int32? {
    let gate = DispatchSemaphore(value: 0)
    var threads: [pthread_t] = []
    var code: Int32?
    for _ in 0..<needed {
      var thread = pthread_t()
      let context = unsafe Unmanaged.passRetained(gate)
      let result = unsafe pthread_create(
        &thread, nil,
        { context in
          guard let context = unsafe context else { return nil }
          unsafe Unmanaged<DispatchSemaphore>.fromOpaque(context).takeRetainedValue().wait()
          return nil
        }, context.toOpaque())
      guard result == 0 else {
        unsafe context.release()
        code = result
        break
      }
      threads.append(thread)
    }
    for _ in threads { gate.signal() }
    for thread in threads { pthread_join(thread, nil) }
    return code
  }
}

/// How many files may be open at once: of a directory of archives, each of them.
enum FileLimit {
  /// What the queues and clocks of the system library open, which has no word for being denied it and traps; what hears of
  /// signals; and a few to work with. With less than that no command comes to its end.
  private static let needed = 12

  /// Opens as many for a moment; the errno of the first that cannot be had, or nil. Then the system library has what it opens once:
  /// later it may be that all are taken.
  static func shortage() async -> Int32? {
    var code: Int32?
    var held: [Int32] = []
    while held.count < needed, code == nil {
      let descriptor = fcntl(0, F_DUPFD_CLOEXEC, 0)
      if descriptor >= 0 { held.append(descriptor) } else { code = errno }
    }
    for descriptor in held { close(descriptor) }
    guard code == nil else { return code }
    // What is over at once needs no clock.
    try? await Task.sleep(for: .milliseconds(1))
    return nil
  }

  /// Takes as many as the system lets this program have without asking.
  static func raise() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
      limit.rlim_cur < limit.rlim_max
    else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
