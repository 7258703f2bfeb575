import Foundation

/// A program that runs beside the test. It is killed when the last reference to it goes, and by the kernel
/// when the tests end in any way.
public final class ChildProcess: Sendable {
  public let id: pid_t
  private let written = ProcessOutput()

  init(_ command: Command) throws {
    let program = try Command.path(of: command.program)
    let setpriv = try Command.path(of: "setpriv")
    let input = try Self.pipe()
    let output = try Self.pipe()
    let error = command.errorIsTerminal ? try PseudoTerminal.open() : try Self.pipe()
    let spawn = Spawn(
      program: setpriv,
      arguments: ["setpriv", "--pdeathsig", "KILL", "--"]
        + (command.directory.map { ["/usr/bin/env", "-C", $0] } ?? []) + [program] + command.arguments,
      environment: command.variables,
      descriptors: [input.reading, output.writing, error.writing])
    id = Spawner.shared.run { spawn.perform() }
    for descriptor in [input.reading, output.writing, error.writing] { close(descriptor) }
    guard id > 0 else {
      for descriptor in [input.writing, output.reading, error.reading] { close(descriptor) }
      throw TestFailure("\(program) did not start: \(String(cString: strerror(-id)))")
    }
    written.collect(.output, from: output.reading)
    written.collect(.error, from: error.reading)
    written.reap(id)
    Self.write(command.input, to: input.writing)
  }

  deinit { signal(SIGKILL) }

  private static func pipe() throws -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { throw TestFailure("no pipe: \(String(cString: strerror(errno)))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Writes `bytes` to `descriptor` and closes it, on a thread of its own where a pipe may not hold them.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    guard !bytes.isEmpty else {
      close(descriptor)
      return
    }
    Thread.detachNewThread {
      // A program that ends without reading must not end the tests.
      var broken = sigset_t()
      sigemptyset(&broken)
      sigaddset(&broken, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &broken, nil)
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        rest = rest.dropFirst(count)
      }
      close(descriptor)
    }
  }

  public var isRunning: Bool { written.isRunning }
  /// What the program wrote so far.
  public var standardOutput: String { String(decoding: written.text.output, as: UTF8.self) }
  /// What the program wrote so far.
  public var standardError: String { String(decoding: written.text.error, as: UTF8.self) }

  /// Sends a signal, if the program is still there.
  public func signal(_ number: Int32) {
    written.ifRunning { _ = Glibc.kill(id, number) }
  }

  /// Sends a signal to the programs that this one has started itself: a tracer lives to tell how they ended.
  public func signalChildren(_ number: Int32) throws {
    for process in try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap({ pid_t($0) }) {
      // `4711 (name) S 815 …`, proc(5): the parent is the second after the name. Some are gone by now.
      guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else {
        continue
      }
      let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ")
      if fields.count > 2, pid_t(fields[2]) == id { _ = Glibc.kill(process, number) }
    }
  }

  /// Waits for the program to end. Nil when it has not within `limit`.
  public func waitForEnd(within limit: Duration = .seconds(300)) -> CommandResult? {
    guard let end = written.waitForEnd(until: limit.fromNow) else { return nil }
    let text = written.text
    return CommandResult(end: end, output: text.output, error: text.error)
  }

  /// Waits until what the program has written to standard error satisfies `isMet`; false when the program
  /// ended or `limit` passed before.
  public func waitForError(within limit: Duration = .seconds(300), _ isMet: (String) -> Bool) -> Bool {
    written.wait(until: limit.fromNow) { isMet(String(decoding: $1, as: UTF8.self)) }
  }

  /// Waits as ``waitForError(within:_:)`` does, for standard output.
  public func waitForOutput(within limit: Duration = .seconds(300), _ isMet: (String) -> Bool) -> Bool {
    written.wait(until: limit.fromNow) { output, _ in isMet(String(decoding: output, as: UTF8.self)) }
  }

  /// Ends the program: politely, then, after a minute, not.
  @discardableResult
  public func terminate() -> CommandResult? {
    signal(SIGTERM)
    return waitForEnd(within: .seconds(60)) ?? kill()
  }

  /// Ends the program at once, as a power cut would.
  @discardableResult
  public func kill() -> CommandResult? {
    signal(SIGKILL)
    return waitForEnd()
  }
}

extension Duration {
  var fromNow: Date { Date(timeIntervalSinceNow: self / .seconds(1)) }
}
