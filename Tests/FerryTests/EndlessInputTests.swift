import Foundation
import TestSupport
import Testing

/// Ctrl-C while a list, a key or a password is read from a pipe that somebody holds open and writes no more into.
@Suite(.waiting) struct `What is read from a pipe without end` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  /// Starts ferry with a pipe as its standard input that is called `pipe` as well, interrupts it once when all of `text`
  /// has been read, and expects it to end.
  private func interrupt(_ arguments: [String], reading text: String) throws {
    try #require(mkfifo(ferry.file("pipe"), 0o600) == 0)
    // As long as this end is open, the pipe does not end.
    let pipe = open(ferry.file("pipe"), O_RDWR | O_CLOEXEC)
    try #require(pipe >= 0)
    defer { close(pipe) }
    var command = ferry.command(arguments)
    command.arguments = ["-c", #"exec "$0" "$@" < pipe"#, command.program] + arguments
    command.program = "bash"
    let running = try command.start()
    let bytes = Array(text.utf8)
    #expect(write(pipe, bytes, bytes.count) == bytes.count)
    var left: Int32 = 1
    while left > 0, running.isRunning {
      usleep(10_000)
      try #require(ioctl(pipe, UInt(FIONREAD), &left) == 0)
    }
    running.signal(SIGINT)
    let result = try #require(running.waitForEnd(within: .seconds(120)))
    #expect(result.end == .exited(130))
    result.complains("interrupted", "To go on:")
  }

  @Test(arguments: [
    ["export", "-f", "-", "-o", "a.tar"], ["export", "-f", "pipe", "-o", "a.tar"],
    ["export", "-f", "/dev/stdin", "-o", "a.tar"],
    ["export", "127.0.0.1:9/a:1", "--api-key-file", "pipe", "-o", "a.tar"],
    ["export", "127.0.0.1:9/a:1", "--auth-file", "pipe", "-o", "a.tar"],
    ["export", "127.0.0.1:9/a:1", "--username", "u", "--password-stdin", "-o", "a.tar"],
    ["list", "127.0.0.1:9/a", "--username", "u", "--password-stdin"],
    ["verify", "a.tar", "--public-key", "pipe"],
  ])
  func `is not waited for after the first signal`(arguments: [String]) throws {
    try interrupt(arguments, reading: "127.0.0.1:9/a:1\n")
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == ["pipe"])
  }

  @Test func `is not waited for by an import either`() throws {
    let archive = try FixtureArchive.small()
    try interrupt(["import", archive, "--to", "127.0.0.1:9/a", "--map-file", "-"], reading: "a=b\n")
  }

  @Test func `is no password that is asked for at a terminal`() throws {
    let minisign = try Minisign(password: "open sesame")
    let result = try ferry.runAtTerminal(
      ["export", "127.0.0.1:9/a:1", "-o", "a.tar", "--sign-key", minisign.secretKey],
      answering: "os.write(terminal, b'open'); os.kill(pid, signal.SIGINT)")
    #expect(result.status == 130)
    #expect(result.standardOutput.contains("interrupted"))
  }
}
