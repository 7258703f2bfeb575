import Foundation
import TestSupport
import Testing

/// Archives whose order allows no reading in one pass.
@Suite(.waiting) struct `An archive of another tool in a pipe` {
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

  @Test(arguments: ["cat", "gzip", "zstd", "xz"])
  func `is verified and inspected as it comes, and copied by itself to be pushed`(tool: String) throws {
    for verb in ["verify", "verify --deep", "inspect"] {
      let seen = try pipeline.run("\(tool) < skopeo.tar | TMPDIR=$PWD/spool $ferry \(verb) -")
      #expect(seen.status == 0, "\(verb): \(seen.standardError)")
      #expect(!seen.standardError.contains("copying"))
    }
    let verb = "import --plain-http --to \(destination.host)/new -"
    let done = try pipeline.run("\(tool) < skopeo.tar | TMPDIR=$PWD/spool $ferry \(verb)")
    #expect(done.status == 0, "\(done.standardError)")
    done.complains(
      "copying standard input into \(ferry.file("spool")) first", "are free (--spool DIR names another)")
    #expect(destination.storage.digest(of: "new/busybox", "1.35") == digest)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.file("spool")) == [])
    let again = try pipeline.run("\(tool) < skopeo.tar | $ferry \(verb) --spool spool")
    #expect(again.status == 0 && !again.standardError.contains("copying"), "\(again.standardError)")
  }

  @Test(arguments: ["gzip", "zstd", "xz"])
  func `is a compressed file that is read in place, twice where it is pushed`(tool: String) throws {
    _ = try pipeline.run("\(tool) < skopeo.tar > packed")
    // Nothing is copied: there is no place for it.
    for verb in [["verify"], ["verify", "--deep"], ["inspect"]] {
      try inNoDirectory(verb + ["packed"])
    }
    try inNoDirectory(["import", "--plain-http", "--to", "\(destination.host)/new", "packed"])
    #expect(destination.storage.digest(of: "new/busybox", "1.35") == digest)
  }

  private func inNoDirectory(_ arguments: [String]) throws {
    var command = ferry.command(arguments)
    command.environment["TMPDIR"] = "/nonexistent"
    let result = try command.run()
    #expect(result.status == 0, "\(arguments): \(result.standardError)")
  }

  @Test func `may be made by docker save and compressed, with layers that are compressed themselves`() throws
  {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a"), try DockerSave.layer("b")])
    try DockerSave([image]).write(to: ferry.file("plain.tar"))
    let packed = try pipeline.run(
      """
      mkdir s && tar -C s -xf plain.tar && (cd s && for l in */layer.tar; do gzip -n $l && mv $l.gz $l; done) &&
      tar -C s -cf layers.tar . && zstd -q layers.tar -o layers.zst && gzip -k plain.tar
      """)
    #expect(packed.status == 0, "\(packed.standardError)")
    for name in ["plain.tar.gz", "layers.tar", "layers.zst"] {
      try inNoDirectory(["verify", "--deep", name])
      let piped = try pipeline.run("$ferry verify --deep - < <(cat \(name))")
      #expect(piped.status == 0, "\(name): \(piped.standardError)")
      try inNoDirectory(
        ["import", "--plain-http", "--overwrite", "--to", "\(destination.host)/\(name.prefix(5))", name])
    }
    let digests = ["plain/a", "layer/a"].map { destination.storage.digest(of: $0, "1") }
    #expect(!digests.contains(nil) && digests[0] != digests[1])
  }

  @Test func `that is damaged or cut is found to be so as it comes`() throws {
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: ferry.file("skopeo.tar"))))
    for place in stride(from: 2000, to: bytes.count, by: bytes.count / 7) {
      var changed = bytes
      changed[place] ^= 1
      try Data(changed).write(to: URL(fileURLWithPath: ferry.file("changed.tar")))
      let plain = try ferry.command(["verify", "changed.tar"]).run()
      let piped = try pipeline.run("gzip < changed.tar | $ferry verify -; exit ${PIPESTATUS[1]}")
      #expect(piped.status == plain.status, "byte \(place): \(piped.standardOutput)\(piped.standardError)")
    }
    for length in [bytes.count / 3, bytes.count / 2, bytes.count - 20_000] {
      let cut = try pipeline.run("head -c \(length) skopeo.tar | $ferry verify -; exit ${PIPESTATUS[1]}")
      #expect(cut.status == 14, "\(length)")
    }
    for length in [4, 20, 1000] {
      // What the tar has is all there, or nearly so; the compressed stream is not.
      let packed = try pipeline.run(
        "gzip < skopeo.tar > s.gz; head -c -\(length) s.gz > cut.gz; $ferry verify cut.gz")
      #expect(packed.status == 14)
      #expect((packed.standardOutput + packed.standardError).contains("truncated"))
    }
  }

  @Test func `is not copied where the place for that is not there`() throws {
    let import_ = "import --plain-http --to \(destination.host)/new -"
    let result = try pipeline.run("cat skopeo.tar | TMPDIR=$PWD/none $ferry \(import_)")
    #expect(result.status == 16)
    result.complains("there is no directory \(ferry.file("none"))", "mkdir -p \(ferry.file("none"))")
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
    result.complains("no space left for disk", "name another place: --spool DIR")
    #expect(result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
  }
}
