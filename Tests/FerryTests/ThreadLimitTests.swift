import Foundation
import TestSupport
import Testing

/// A limit of processes, as a container's, counts threads.
@Suite(.waiting) struct `Where no thread can be had` {
  @Test func `the program says so and ends`() throws {
    let ferry = try FerryProcess()
    let program = ferry.file("ferry")
    try FileManager.default.copyItem(atPath: ferry.executable, toPath: program)
    // The limit does not hold for root.
    let other = geteuid() == 0 ? ["setpriv", "--reuid=65534", "--clear-groups"] : []
    if geteuid() == 0 { for path in [ferry.home.path, program] { chmod(path, 0o755) } }
    let arguments = other + ["prlimit", "--nproc=1", program, "inspect", "a.tar"]
    let result = try Command("env", arguments).run()
    #expect(result.status == 1)
    result.complains("the system starts no thread for ferry", "ulimit -u")
  }
}

@Suite(.waiting) struct `Where few files may be open` {
  /// The system library traps where it cannot open what its queues and clocks need.
  @Test func `a command says so, or does its work`() throws {
    let ferry = try FerryProcess()
    let archive = try FixtureArchive.small()
    for count in 4...24 {
      let arguments = ["prlimit", "--nofile=\(count):\(count)", ferry.executable, "verify", archive]
      let result = try Command("env", arguments).run()
      #expect([0, 16].contains(result.status), "\(count): \(result.status) \(result.standardError)")
      if count < 12 { result.complains("the system lets ferry open too few files", "ulimit -n") }
    }
  }
}
