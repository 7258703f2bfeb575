import Foundation
import TestSupport
import Testing

/// What a run that holds secrets leaves where others may look.
@Suite(.waiting) struct `A process with secrets` {
  /// A registry that holds its answer back, so that the process can be looked at.
  private func held(_ environment: [String: String] = [:]) throws -> (
    ChildProcess, Gate, ScriptedServer
  ) {
    let (arrived, gate) = (Gate(), Gate())
    let server = ScriptedServer { _ in
      arrived.open()
      return .stall(gate)
    }
    let ferry = try FerryProcess(
      environment: ["FERRY_EXPORT_API_KEY": "tell-nobody-7f3a"].merging(environment) { $1 })
    let running = try ferry.start("export", "\(server.host)/a/b:1", "-o", "a.tar", "--plain-http")
    #expect(arrived.wait())
    return (running, gate, server)
  }

  @Test func `leaves no core file`() throws {
    let (running, gate, server) = try held()
    defer {
      gate.open()
      server.stop()
    }
    let limits = try String(contentsOfFile: "/proc/\(running.id)/limits", encoding: .utf8)
    let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
    #expect(core.split(separator: " ").map(String.init)[4...5] == ["0", "0"])
    // What may not be dumped belongs to root below /proc; only what anybody may know can be read.
    let status = try String(contentsOfFile: "/proc/\(running.id)/status", encoding: .utf8)
    #expect(status.contains("VmHWM"))
    running.kill()
  }

  @Test(.enabled(if: getuid() == 0, "another user is needed"))
  func `lets no other process of its user look into it`() throws {
    let (arrived, gate) = (Gate(), Gate())
    let server = ScriptedServer { _ in
      arrived.open()
      return .stall(gate)
    }
    defer { gate.open() }
    let ferry = try FerryProcess()
    chmod(ferry.home.path, 0o777)
    let script = """
      import os, subprocess, sys
      os.setgid(65534); os.setuid(65534)
      ferry = subprocess.Popen(sys.argv[1:], env={'HOME': '/nonexistent', 'FERRY_EXPORT_API_KEY': 'tell-nobody-7f3a'})
      sys.stdin.read()
      for name in ['environ', 'mem', 'maps']:
        try:
          open('/proc/%d/%s' % (ferry.pid, name), 'rb').read(1); print(name, 'is open')
        except OSError: print(name, 'is closed')
      ferry.kill(); ferry.wait()
      """
    var command = ferry.command(["export", "\(server.host)/a/b:1", "-o", "a.tar", "--plain-http"])
    let reader = ferry.file("go")
    try Command.run("mkfifo", [reader])
    command.arguments =
      ["-c", "exec python3 -c \"$0\" \"$@\" < \(reader)", script, command.program] + command.arguments
    command.program = "sh"
    let running = try command.start()
    let go = FileHandle(forWritingAtPath: reader)
    #expect(arrived.wait())
    try go?.close()
    let result = try #require(running.waitForEnd(within: .seconds(60)))
    #expect(
      result.lines == ["environ is closed", "mem is closed", "maps is closed"], "\(result.standardError)")
  }

  @Test func `writes no key of a connection down`() throws {
    let authority = try CertificateAuthority()
    let registry = try RegistryProcess(tls: authority, fixtures: true)
    var ferry = try FerryProcess()
    ferry.environment["SSLKEYLOGFILE"] = ferry.file("keys")
    try ferry.run(
      ["export", registry.reference("odd/plain:1"), "-o", "a.tar", "--ca-file", authority.file], exits: 0)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("keys")))
  }
}
