import Foundation
import TestSupport
import Testing

struct `A command` {
  @Test func `returns what it wrote and how it ended`() throws {
    let result = try Command("sh", ["-c", "echo out; echo err >&2; exit 7"]).run()
    #expect(result.standardOutput == "out\n")
    #expect(result.standardError == "err\n")
    #expect(result.status == 7)
  }

  @Test func `reads all of its input, and the end of it`() throws {
    var command = Command("wc", ["-c"])
    command.input = [UInt8](repeating: 65, count: 1_000_000)
    #expect(try command.run().standardOutput == "1000000\n")
  }

  @Test func `may end without reading its input`() throws {
    var command = Command("true")
    command.input = [UInt8](repeating: 65, count: 1_000_000)
    #expect(try command.run().status == 0)
  }

  @Test func `sees no variables but its own`() throws {
    let result = try Command("env", environment: ["FERRY_A": "1"]).run()
    let names = result.standardOutput.split(separator: "\n").map { $0.prefix { $0 != "=" } }
    #expect(Set(names) == ["PATH", "HOME", "LC_ALL", "FERRY_A"])
  }

  @Test func `has no descriptors but its own`() throws {
    let result = try Command("ls", ["/proc/self/fd"]).run()
    // The fourth is that of the directory being listed.
    #expect(result.standardOutput == "0\n1\n2\n3\n")
  }

  @Test func `is killed at its time limit`() throws {
    #expect(throws: TestFailure.self) { try Command("sleep", ["60"]).run(within: .milliseconds(50)) }
  }

  @Test func `can be watched and interrupted`() throws {
    let process = try Command("sh", ["-c", "echo ready >&2; exec sleep 60"]).start()
    #expect(process.waitForError { $0.contains("ready") })
    process.signal(SIGINT)
    #expect(process.waitForEnd()?.end == .signalled(SIGINT))
  }

  @Test func `may have a terminal as its standard error`() throws {
    var command = Command("sh", ["-c", "test -t 2 && stty size <&2"])
    #expect(try command.run().status == 1)
    command.errorIsTerminal = true
    #expect(try command.run().standardOutput == "30 100\n")
  }

  @Test func `that does not exist is named`() {
    #expect(throws: TestFailure.self) { try Command("no-such-program").run() }
  }
}
