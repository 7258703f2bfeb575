import Foundation
import TestSupport
import Testing

/// A disk that fills up or breaks while an archive is written to it, as strace plays it to Ferry.
@Suite(.waiting) struct `A disk that fails` {
  private let images: LargeImages
  private let ferry: FerryProcess

  init() throws {
    images = try LargeImages()
    ferry = try FerryProcess()
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    let call: String
    let error: String
    /// From which call on, of each thread: for writes after the front's and 8 MiB of a layer, which are noted.
    var from = 1
    /// What the message says of it.
    let words: String
    /// Whether something is there by then for the next run.
    var isLate = false
    var testDescription: String { "\(call): \(error)" }
  }

  static let faults = [
    Fault(call: "pwrite64", error: "ENOSPC", from: 100, words: "are needed", isLate: true),
    Fault(call: "pwrite64", error: "EDQUOT", from: 100, words: "your quota", isLate: true),
    Fault(call: "pwrite64", error: "EIO", from: 100, words: "Input/output error", isLate: true),
    Fault(call: "pwrite64", error: "EROFS", from: 100, words: "Read-only file system", isLate: true),
    Fault(call: "fallocate", error: "ENOSPC", words: "are needed"),
    Fault(call: "ftruncate", error: "EIO", words: "Input/output error"),
    Fault(call: "fdatasync", error: "EIO", from: 2, words: "Input/output error", isLate: true),
    Fault(call: "fdatasync", error: "ENOSPC", from: 2, words: "are needed", isLate: true),
    Fault(call: "fsync", error: "EIO", words: "Input/output error", isLate: true),
    Fault(call: "renameat2", error: "EROFS", words: "Read-only file system", isLate: true),
  ]

  @Test(arguments: faults) func `is named, and the same command goes on when it is well`(
    _ fault: Fault
  ) throws {
    let arguments = images.export(["one", "two"], to: "a.tar")
    let result = try failing(fault, arguments)
    #expect(result.status == 16, "\(result.standardError)")
    result.complains("a.tar", fault.words)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))

    let claims = ArchiveClaims(of: ferry.file("a.tar"))
    #expect(claims.bytes.isEmpty == !fault.isLate)
    #expect(images.gateway.waitUntilIdle())
    images.gateway.resetCounts()
    try ferry.run(arguments, exits: 0)
    // Nothing comes twice but what was not noted.
    for layer in [0, 1, 3, 4, 5] {
      #expect(images.moved(images.layers[layer]) == LargeImages.sizes[layer] - claims[images.layers[layer]])
    }
    try ferry.run(images.export(["one", "two"], to: "undisturbed.tar"), exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("undisturbed.tar")))
  }

  /// After a write that failed the system may show for long what the disk does not hold, and it says so once.
  @Test func `is read itself by the next run, not what memory kept of it`() throws {
    let arguments = images.export(["one"], to: "a.tar")
    try images.interrupt(ferry, arguments, at: [0: 24 << 20])
    var command = Command(
      "strace",
      ["-f", "-qqq", "-y", "-s", "0", "-o", "calls", "-e", "trace=fsync,fadvise64,pread64"]
        + [ferry.executable] + arguments, environment: ["HOME": ferry.home.path])
    command.directory = ferry.home.path
    #expect(try command.run().status == 0)
    let calls = try String(contentsOfFile: ferry.file("calls"), encoding: .utf8).split(separator: "\n")
      .filter { $0.contains("a.tar.partial>") }
    let drop = try #require(calls.firstIndex { $0.contains("POSIX_FADV_DONTNEED") })
    #expect(calls[..<drop].contains { $0.contains("fsync(") })
    // How it begins is looked at, to see that it is the archive's, and is not hashed.
    #expect(!calls[..<drop].contains { $0.contains("pread64(") && !$0.contains(", 512, 0)") })
    #expect(calls[drop...].contains { $0.contains("pread64(") })
  }

  @Test func `is named by the directory whose names it does not take`() throws {
    let arguments = images.export(["two"], to: "a.tar")
    let fault = Fault(call: "fsync", error: "EIO", words: "")
    let result = try failing(fault, arguments, at: ferry.home.path)
    #expect(result.status == 16)
    result.complains(
      "the names of what was written to \(ferry.home.path) cannot be brought to the disk: Input/output error")
    try ferry.run(arguments, exits: 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path) == ["a.tar"])
  }

  @Test func `and takes files and does not give them up is tried before anything is asked`() throws {
    let result = try failing(
      Fault(call: "unlinkat", error: "EPERM", words: ""), images.export(["two"], to: "a.tar"))
    #expect(result.status == 16)
    let names = try FileManager.default.contentsOfDirectory(atPath: ferry.home.path)
    #expect(names.count == 1)
    result.complains("cannot remove \(names.first ?? "?"): Operation not permitted")
    #expect(images.gateway.exchanges.isEmpty)
  }

  /// Runs ferry with calls that fail, where a path is given those alone that are about it.
  private func failing(
    _ fault: Fault, _ arguments: [String], at path: String? = nil
  ) throws -> CommandResult {
    let inject = "inject=\(fault.call):error=\(fault.error):when=\(fault.from)+"
    var command = Command(
      "strace",
      ["-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=\(fault.call)", "-e", inject]
        + (path.map { ["-P", $0] } ?? []) + [ferry.executable] + arguments,
      environment: ["HOME": ferry.home.path])
    command.directory = ferry.home.path
    return try command.run()
  }
}
