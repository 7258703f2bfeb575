import Glibc
import Synchronization

/// A child process that gets its input at once and must end in time. Its standard error goes nowhere; it is
/// killed when the value goes before it has ended.
struct HelperProcess: ~Copyable {
  private let pid: pid_t
  private let output: OwnedDescriptor
  private var isReaped = false

  /// Starts `program`. `input` must fit a pipe's buffer: all of it is written before the child runs, so no
  /// write can meet a closed pipe and its signal.
  init(
    program: String, arguments: [String], environment: [String: String], input: [UInt8]
  ) throws(CredentialHelperFailure) {
    guard input.count <= 4096 else { throw .notStarted(errno: E2BIG) }
    let (child, reading) = try Self.starting.withLock { _ throws(CredentialHelperFailure) in
      let toChild = try OwnedDescriptor.pipe()
      let fromChild = try OwnedDescriptor.pipe()
      let written = unsafe input.withUnsafeBytes { bytes in
        unsafe write(toChild.writing.number, bytes.baseAddress, bytes.count)
      }
      guard written == input.count else { throw .notStarted(errno: errno) }
      let child = try Self.spawn(
        program, [program] + arguments, environment.map { "\($0.key)=\($0.value)" },
        input: toChild.reading.number, output: fromChild.writing.number)
      return (child, fromChild.reading.release())
    }
    pid = child
    output = OwnedDescriptor(reading)
  }

  /// One start at a time: between a pipe's making and its mark, another child would inherit it.
  private static let starting = Mutex(())

  deinit {
    guard !isReaped else { return }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }

  /// Reads what the child writes until it ends, and how it ended: its exit status, or less than 0 for a
  /// signal.
  consuming func finish(
    within timeLimit: Duration, limit: Int
  ) throws(CredentialHelperFailure) -> (output: [UInt8], status: Int32) {
    let deadline = ContinuousClock.now.advanced(by: timeLimit)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    reading: while true {
      try Self.check(deadline, timeLimit)
      var wanted = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
      // Wakes ten times a second to see whether it is cancelled.
      let ready = unsafe poll(&wanted, 1, 100)
      guard ready > 0 else { continue }
      let count = unsafe piece.withUnsafeMutableBytes { unsafe read(output.number, $0.baseAddress, $0.count) }
      if count == 0 { break reading }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw .notStarted(errno: errno)
      }
      bytes += piece[..<count]
      guard bytes.count <= limit else { throw .tooLong(limit: limit) }
    }
    var status: Int32 = 0
    while true {
      let ended = unsafe waitpid(pid, &status, WNOHANG)
      if ended == pid { break }
      if ended < 0, errno != EINTR { throw .notStarted(errno: errno) }
      try Self.check(deadline, timeLimit)
      // It has closed its output: the rest of its life is a matter of moments.
      usleep(2_000)
    }
    isReaped = true
    let signal = status & 0x7f
    return (bytes, signal == 0 ? (status >> 8) & 0xff : -signal)
  }

  private static func check(
    _ deadline: ContinuousClock.Instant, _ timeLimit: Duration
  ) throws(CredentialHelperFailure) {
    if Task.isCancelled { throw .cancelled }
    if ContinuousClock.now >= deadline { throw .timedOut(timeLimit) }
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], input: CInt, output: CInt
  ) throws(CredentialHelperFailure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)

    // What a caller does with signals is no business of the program's.
    var attributes = posix_spawnattr_t()
    var defaults = sigset_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe sigemptyset(&defaults)
    unsafe posix_spawnattr_setsigmask(&attributes, &defaults)
    for number in [SIGPIPE, SIGINT, SIGTERM, SIGXFSZ] { unsafe sigaddset(&defaults, number) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer { unsafe (argv + envp).forEach { unsafe free($0) } }
    var pid: pid_t = 0
    let result = unsafe posix_spawn(&pid, program, &actions, &attributes, &argv, &envp)
    guard result == 0 else { throw .notStarted(errno: result) }
    return pid
  }
}

/// A file descriptor that is closed when its owner goes.
private struct OwnedDescriptor: ~Copyable {
  let number: CInt

  init(_ number: CInt) { self.number = number }

  deinit { close(number) }

  /// Gives the descriptor up unclosed.
  consuming func release() -> CInt {
    let number = number
    discard self
    return number
  }

  /// A pipe whose ends no child inherits, unless one is started before this returns.
  static func pipe() throws(CredentialHelperFailure) -> Ends {
    var numbers: [CInt] = [-1, -1]
    guard unsafe Glibc.pipe(&numbers) == 0 else { throw .notStarted(errno: errno) }
    for number in numbers { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    return Ends(reading: Self(numbers[0]), writing: Self(numbers[1]))
  }

  struct Ends: ~Copyable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor
  }
}
