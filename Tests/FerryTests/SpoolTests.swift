import Foundation
import TestSupport
import Testing

/// Archives whose order allows no reading in one pass.
struct `An archive of another tool in a pipe` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let destination: RegistryProcess
  private let digest: String

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
    destination = try RegistryProcess()
    digest = try FixtureImages.digest(of: "tools/busybox:1.35")
    let source = try RegistryProcess.fixtures()
    try Command.run(
      "skopeo",
      [
        "copy", "-q", "--src-tls-verify=false", "docker://\(source.reference("tools/busybox:1.35"))",
        "oci-archive:\(ferry.file("skopeo.tar")):old.example/tools/busybox:1.35",
      ])
    try FileManager.default.createDirectory(
      atPath: ferry.file("spool"), withIntermediateDirectories: false)
  }

  @Test(arguments: ["cat", "gzip", "zstd"])
  func `is refused with the remedy, which works`(tool: String) throws {
    let verbs = ["import --plain-http --to \(destination.host)/new", "verify", "inspect"]
    for verb in verbs {
      let refused = try pipeline.run(
        "\(tool) < skopeo.tar | $ferry \(verb) -; exit ${PIPESTATUS[1]}")
      #expect(refused.status == 64)
      refused.complains("standard input cannot be read as it comes", "--spool DIR")
    }
    #expect(destination.requests.isEmpty)
    for verb in verbs {
      let done = try pipeline.run("\(tool) < skopeo.tar | $ferry \(verb) - --spool spool")
      #expect(done.status == 0, "\(verb): \(done.standardError)")
    }
    #expect(destination.storage.digest(of: "new/busybox", "1.35") == digest)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.file("spool")) == [])
    // The same for a compressed file, which is no pipe.
    _ = try pipeline.run("\(tool) -c < skopeo.tar > packed || \(tool) < skopeo.tar > packed")
    try ferry.run(["verify", "packed", "--spool", "spool"], exits: 0)
    if tool != "cat" { try ferry.run(["verify", "packed"], exits: 64).complains("--spool DIR") }
  }

  @Test func `is refused even in a good order, for nothing promises it`() throws {
    let result = try pipeline.run(
      """
      mkdir layout && tar -C layout -xf skopeo.tar && tar -C layout -c oci-layout index.json blobs | $ferry verify -
      """)
    #expect(result.status == 64)
    result.complains("another tool wrote it", "--spool DIR")
  }

  @Test func `is not spooled where there is no directory`() throws {
    let result = try pipeline.run("$ferry verify - --spool none < skopeo.tar")
    #expect(result.status == 16)
    result.complains("there is no directory none", "mkdir -p none")
  }

  @Test(.enabled(if: SmallDisk.isAvailable, "this kernel lets nobody mount a tmpfs of one's own"))
  func `that fills the spool's disk gives its space back`() throws {
    let result = try SmallDisk(size: "512k").run(
      [
        "sh", "-c", #""$0" verify - --spool disk < "$1""#, ferry.executable, ferry.file("skopeo.tar"),
      ], then: "ls -A disk; df --output=used disk | tail -n 1")
    #expect(result.status == 16)
    result.complains("no space left for disk")
    #expect(result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
  }
}
