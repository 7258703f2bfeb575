import Foundation
import TestSupport
import Testing

/// Each call to the system that can fail is made to, once: what comes of it is right or named, and never a name for what is not
/// whole.
@Suite(.waiting, .serialized) struct `Every call that fails` {
  private let calls: FailingCalls
  private let ferry: FerryProcess
  private let registry = ScriptedRegistry()
  private let digest: String

  init() throws {
    calls = try FailingCalls()
    ferry = try FerryProcess()
    digest = registry.add(image: [Array("one".utf8), Array("two".utf8)], to: "old/app", tag: "1")
  }

  private var plain: [String] { ["--plain-http", "--retries", "0", "--jobs", "1"] }

  private func exporting(to archive: String) -> [String] {
    ["export", "-q", "-o", archive] + plain + [registry.reference("old/app:1")]
  }

  /// Of every command a report, which says the same where it is there.
  private static let report = "report.json"

  @Test func `of an export costs nothing but the run`() throws {
    try ferry.run(exporting(to: "right.tar"), exits: 0)
    let exporting = exporting(to: "a.tar")
    try failEach({ _ in exporting }, keeping: ["right.tar"], writing: "a.tar") { _, result in
      if FileManager.default.fileExists(atPath: ferry.file("a.tar")) || result.status == 0 {
        #expect(
          FileManager.default.contentsEqual(atPath: ferry.file("a.tar"), andPath: ferry.file("right.tar")))
      }
    }
  }

  @Test func `of an import costs nothing but the run`() throws {
    try ferry.run(exporting(to: "a.tar"), exits: 0)
    // What is pushed there is read and forgotten, so that every run pushes it.
    let other = ScriptedRegistry(keepsUploads: false)
    let importing = { (run: Int) in
      [
        "import", "a.tar", "-q", "--settle", "0", "--to", "\(other.host)/new\(run)", "--receipt",
        "receipt.json",
      ] + plain
    }
    try failEach(importing, keeping: ["a.tar"], writing: "receipt.json") { run, result in
      let isThere = other.digest(of: "new\(run)/app", "1") == digest
      #expect(result.status != 0 || isThere)
      if let receipt = FileManager.default.contents(atPath: ferry.file("receipt.json")) {
        #expect(isThere && (try? JSONSerialization.jsonObject(with: receipt)) != nil)
      }
    }
  }

  @Test func `of a verification costs nothing but the run`() throws {
    try ferry.run(exporting(to: "a.tar"), exits: 0)
    try failEach({ _ in ["verify", "a.tar"] }, keeping: ["a.tar"], writing: Self.report) { _, result in
      // What cannot be read is not missing, and nobody has to bring the archive once more.
      #expect(!result.standardOutput.contains("DAMAGED"), "\(result.standardOutput)")
    }
  }

  /// Swift's runtime ends a program that gets no memory: it can promise no more than a power cut.
  @Test func `for memory leaves no name for what is not whole`() throws {
    try ferry.run(exporting(to: "right.tar"), exits: 0)
    var command = ferry.command(exporting(to: "a.tar"))
    command.environment["SWIFT_BACKTRACE"] = "enable=no"
    guard case .counted(let count) = try calls.run(command, failing: 0, of: .memory).outcome else {
      Issue.record("no call failed, and none was counted")
      return
    }
    for number in stride(from: 1, to: count, by: max(1, count / 10)) {
      try clean(["right.tar"])
      let failed = try calls.run(command, failing: number, of: .memory).result
      if FileManager.default.fileExists(atPath: ferry.file("a.tar")) || failed.status == 0 {
        #expect(
          FileManager.default.contentsEqual(atPath: ferry.file("a.tar"), andPath: ferry.file("right.tar")))
      }
      let again = try command.run()
      #expect(again.status == 0, "memory \(number): \(again.standardError)")
    }
  }

  /// Runs ferry until every call has failed once, with the arguments that are given for each run, by its number; `keeping` are
  /// the files that are there before, `result` the one that it makes. `check` hears how each run ended.
  private func failEach(
    _ arguments: (_ run: Int) -> [String], keeping: Set<String>, writing result: String,
    check: (_ run: Int, _ result: CommandResult) throws -> Void
  ) throws {
    var run = 0
    for kind in [FailingCalls.Kind.files, .threads] {
      var number = 1
      while true {
        try clean(keeping)
        run += 1
        let command = ferry.command(arguments(run) + ["--report", Self.report])
        let (failed, outcome) = try calls.run(command, failing: number, of: kind)
        guard case .failed(let call) = outcome else { break }
        let which = Comment(rawValue: "\(kind) \(number), \(call): \(failed.status): \(failed.standardError)")
        let words = failed.standardError.split(separator: "\n").drop { !$0.hasPrefix("ferry: ") }
        #expect(failed.status == 0 || (1...3).contains(words.count), which)
        #expect(failed.end == .exited(failed.status), which)
        if let report = FileManager.default.contents(atPath: ferry.file(Self.report)) {
          #expect((try? JSONSerialization.jsonObject(with: report)) != nil, which)
        }
        try check(run, failed)
        let tried = try files().filter { $0.hasSuffix(".new") }
        #expect(failed.status != 0 || tried.isEmpty, which)
        if failed.status != 0 {
          let (again, _) = try calls.run(command, failing: 0, of: kind)
          #expect(again.status == 0, "\(which) then \(again.standardError)")
          try check(run, again)
          #expect(try files().isSubset(of: keeping.union([result, Self.report])), which)
        }
        number += 1
      }
      #expect(number > (kind == .files ? 20 : 3))
    }
  }

  private func files() throws -> Set<String> {
    Set(try FileManager.default.contentsOfDirectory(atPath: ferry.home.path))
  }

  private func clean(_ keeping: Set<String>) throws {
    for file in try files().subtracting(keeping) {
      try FileManager.default.removeItem(atPath: ferry.file(file))
    }
  }
}
