import TestSupport
import Testing

extension FerryProcess {
  /// Runs ferry and holds its exit status against `status`.
  @discardableResult
  func run(
    _ arguments: [String], exits status: Int32, input: String = "", terminal: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    let result = try command(arguments, input: input, terminal: terminal).run()
    #expect(
      result.status == status, "ferry \(arguments.joined(separator: " ")): \(result.standardError)",
      sourceLocation: sourceLocation)
    return result
  }

  /// Exports `images` of a registry on plain HTTP to `archive`, which has to succeed.
  @discardableResult
  func export(
    _ images: [String], to archive: String, _ options: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try run(
      ["export", "--plain-http", "-o", archive] + options + images, exits: 0,
      sourceLocation: sourceLocation)
  }

  /// Runs ferry at a terminal of its own, where `answer`, a line of Python, is done when a password is asked for: `terminal` is
  /// what types, `pid` the process. Standard output has all that the terminal showed.
  func runAtTerminal(_ arguments: [String], answering answer: String) throws -> CommandResult {
    let script = """
      import os, pty, signal, sys
      pid, terminal = pty.fork()
      if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
      seen = b''
      while b'Password of' not in seen: seen += os.read(terminal, 1000)
      \(answer)
      try:
        while True:
          more = os.read(terminal, 1000)
          if not more: break
          seen += more
      except OSError: pass
      sys.stdout.buffer.write(seen)
      sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
      """
    var command = command(arguments)
    command.arguments = ["-c", script, command.program] + command.arguments
    command.program = "python3"
    return try command.run()
  }
}

extension CommandResult {
  /// The lines of standard output.
  var lines: [String] { standardOutput.split(separator: "\n").map(String.init) }

  /// Fails unless standard error holds every one of `words`.
  func complains(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    for word in words {
      #expect(standardError.contains(word), sourceLocation: sourceLocation)
    }
  }
}
