import Foundation
import TestSupport
import Testing

/// Where nothing can be written, or not enough.
@Suite(.waiting, .enabled(if: SmallDisk.isAvailable, "this kernel lets nobody mount a tmpfs of one's own"))
struct `A disk` {
  private let ferry: FerryProcess
  private let source: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
  }

  private var export: [String] {
    [ferry.executable, "export", "--plain-http", source.reference("tools/busybox:1.35"), "-o"]
  }

  @Test func `too small for the archive is refused before the first blob`() throws {
    let source = try RegistryProcess(fixtures: true)
    let arguments = [ferry.executable, "export", "--plain-http", source.reference("tools/busybox:1.35")]
    for options in [[], ["--dry-run"]] {
      let result = try SmallDisk(size: "256k").run(
        arguments + ["-o", "disk/a.tar"] + options, then: "ls disk")
      #expect(result.status == 16)
      result.complains("disk has", "free, and", "are needed", "Free ")
      #expect(!result.standardOutput.contains("a.tar.partial"))
    }
    let directory = try SmallDisk(size: "256k").run(arguments + ["-o", "disk/new/deep/"], then: "ls disk")
    #expect(directory.status == 16)
    #expect(directory.standardOutput == "")
    source.stop()
    #expect(source.requests.allSatisfy { !($0.method == "GET" && $0.path.contains("/blobs/")) })
  }

  @Test func `that fills up under a pipe is said to be full`() throws {
    let disk = SmallDisk(size: "256k")
    let result = try disk.run(["sh", "-c", #""$@" - > disk/a.tar"#, "sh"] + export)
    #expect(result.status == 16)
    result.complains("no space left", "standard output")
  }

  @Test func `that is read-only, or a limit on files, is named`() throws {
    let readOnly = try SmallDisk(size: "16m", isReadOnly: true).run(export + ["disk/a.tar"])
    #expect(readOnly.status == 16)
    readOnly.complains("disk/a.tar", "Read-only file system")

    let limited = try SmallDisk(size: "16m").run(
      ["bash", "-c", #"ulimit -f 64; exec "$@" disk/a.tar"#, "bash"] + export, then: "ls disk")
    #expect(limited.status == 16)
    limited.complains("disk/a.tar", "File too large")
    #expect(!limited.standardOutput.split(separator: "\n").contains("a.tar"))
  }

  @Test func `that is large enough takes the archive and nothing beside it`() throws {
    let size = try Report(
      ferry.run(Array(export.dropFirst()) + ["a.tar", "--dry-run", "--json"], exits: 0)
    ).number("neededBytes")
    // One page for the directory's own needs.
    let pages = (try #require(size) + 4095) / 4096 + 1
    let result = try SmallDisk(size: "\(pages * 4)k").run(export + ["disk/a.tar"], then: "ls disk")
    #expect(result.status == 0, "\(result.standardError)")
    #expect(result.lines.last == "a.tar")
  }

  @Test func `without the directory is named, and so is a file in its place`() throws {
    try ferry.run(Array(export.dropFirst()) + ["none/a.tar"], exits: 16).complains(
      "no directory none", "mkdir -p none")
    try ferry.write("file", to: "plain")
    for output in ["plain/", "plain/x/", "plain/a.tar", "plain/x/a.tar"] {
      let result = try ferry.run(Array(export.dropFirst()) + [output], exits: 16)
      result.complains("below plain, which is a file")
      #expect(!result.standardError.contains("mkdir"))
    }
    try ferry.run(
      Array(export.dropFirst()) + ["a.tar", "--report", "none/r.json"], exits: 16
    ).complains("cannot write the report to none/r.json")
  }
}
