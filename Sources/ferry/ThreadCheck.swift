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
