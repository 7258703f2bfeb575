import Glibc
import Registry
import Synchronization

/// A child process that gets its input at once and must end in time. It is killed when the value goes before it has
/// ended.
struct HelperProcess: ~Copyable {
  private let pid: pid_t
  private let output: OwnedDescriptor
  /// Its standard error.
  private let errors: OwnedDescriptor
  private var isReaped = false

  /// Starts `program`. `input` must fit a pipe's buffer: all of it is written before the child runs, so no
  /// write can meet a closed pipe and its signal.
  init(
    program: String, arguments: [String], environment: [String: String], input: [UInt8]
  ) throws(CredentialHelperFailure) {
    guard input.count <= 4096 else { throw .notStarted(errno: E2BIG) }
    let (child, reading, complaints) = try Self.starting.withLock { _ throws(CredentialHelperFailure) in
      let toChild = try OwnedDescriptor.pipe()
      let fromChild = try OwnedDescriptor.pipe()
      let complaints = try OwnedDescriptor.pipe()
      let written = unsafe input.withUnsafeBytes { bytes in
        unsafe write(toChild.writing.number, bytes.baseAddress, bytes.count)
      }
      guard written == input.count else { throw .notStarted(errno: errno) }
      let child = try Self.spawn(
        program, [program] + arguments, environment.map { "\($0.key)=\($0.value)" },
        input: toChild.reading.number, output: fromChild.writing.number, errors: complaints.writing.number)
      return (child, fromChild.reading.release(), complaints.reading.release())
    }
    pid = child
    Self.running.withLock { _ = $0.insert(child) }
    output = OwnedDescriptor(reading)
    errors = OwnedDescriptor(complaints)
    // Both are looked at in turn, and neither is waited for alone.
    for descriptor in [reading, complaints] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
  }

  /// One start at a time: between a pipe's making and its mark, another child would inherit it.
  private static let starting = Mutex(())

  deinit {
    guard !isReaped else { return }
    // It may have started others, which wait for what it waits for.
    kill(-pid, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    Self.running.withLock { _ = $0.remove(pid) }
  }

  /// The process groups of those that run.
  private static let running = Mutex<Set<pid_t>>([])

  /// Ends all that run, for a program that ends at once.
  static func endAll() {
    running.withLock { groups in for group in groups { kill(-group, SIGKILL) } }
  }

  /// How much is kept of what the child writes to its standard error, in bytes: the end of it.
  static let longestRemarks = 4096

  /// Reads what the child writes until it ends, and how it ended: its exit status, or less than 0 for a
  /// signal. Whoever else holds its pipes open is not waited for. `remarks` gets what it wrote to its standard error,
  /// also when this throws.
  consuming func finish(
    within timeLimit: Duration, limit: Int, remarks: inout [UInt8]
  ) throws(CredentialHelperFailure) -> (output: [UInt8], status: Int32) {
    let deadline = ContinuousClock.now.advanced(by: timeLimit)
    var bytes: [UInt8] = []
    var said: [UInt8] = []
    defer { remarks = said }
    var isOutputOpen = true
    var areErrorsOpen = true
    var ending: Int32?
    while true {
      try Self.check(deadline, timeLimit)
      // What a child wrote before it ended is in its pipes by then.
      if ending == nil { ending = try reap() }
      let isOver = ending != nil
      let hasMore = Self.wait(
        for: isOutputOpen ? output.number : -1, or: areErrorsOpen ? errors.number : -1, atOnce: isOver)
      if !hasMore, let ending {
        let signal = ending & 0x7f
        return (bytes, signal == 0 ? (ending >> 8) & 0xff : -signal)
      }
      if isOutputOpen { isOutputOpen = try Self.read(output.number, into: &bytes) }
      guard bytes.count <= limit else { throw .tooLong(limit: limit) }
      if areErrorsOpen { areErrorsOpen = try Self.read(errors.number, into: &said) }
      if said.count > Self.longestRemarks { said.removeFirst(said.count - Self.longestRemarks) }
    }
  }

  /// How the child ended, as `waitpid` has it; nil while it runs.
  private mutating func reap() throws(CredentialHelperFailure) -> Int32? {
    var status: Int32 = 0
    let ended = unsafe waitpid(pid, &status, WNOHANG)
    if ended == pid {
      isReaped = true
      Self.running.withLock { _ = $0.remove(pid) }
      return status
    }
    if ended < 0, errno != EINTR { throw .notStarted(errno: errno) }
    return nil
  }

  /// Waits for something to be read; false when nothing is. Two descriptors less than 0 mean that both are at their end:
  /// what is left of the child's life is a matter of moments.
  private static func wait(for output: CInt, or errors: CInt, atOnce: Bool) -> Bool {
    if output < 0, errors < 0 {
      if !atOnce { usleep(2_000) }
      return false
    }
    var wanted = [
      pollfd(fd: output, events: Int16(POLLIN), revents: 0),
      pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
    ]
    // Wakes ten times a second to see whether it is cancelled.
    return unsafe poll(&wanted, 2, atOnce ? 0 : 100) > 0
  }

  /// Reads what is there, without waiting. False at the end.
  private static func read(
    _ descriptor: CInt, into bytes: inout [UInt8]
  ) throws(CredentialHelperFailure) -> Bool {
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = unsafe piece.withUnsafeMutableBytes {
      unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
    }
    if count == 0 { return false }
    guard count > 0 else {
      if errno == EINTR || errno == EAGAIN { return true }
      throw .notStarted(errno: errno)
    }
    bytes += piece[..<count]
    return true
  }

  private static func check(
    _ deadline: ContinuousClock.Instant, _ timeLimit: Duration
  ) throws(CredentialHelperFailure) {
    if Task.isCancelled { throw .cancelled }
    if ContinuousClock.now >= deadline { throw .timedOut(timeLimit) }
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String], input: CInt, output: CInt,
    errors: CInt
  ) throws(CredentialHelperFailure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors, 2)

    // What a caller does with signals is no business of the program's.
    var attributes = posix_spawnattr_t()
    var defaults = sigset_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    unsafe sigemptyset(&defaults)
    unsafe posix_spawnattr_setsigmask(&attributes, &defaults)
    for number in [SIGPIPE, SIGINT, SIGTERM, SIGXFSZ] { unsafe sigaddset(&defaults, number) }
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    // A group of its own, so that all of it can be ended.
    unsafe posix_spawnattr_setpgroup(&attributes, 0)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))

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
