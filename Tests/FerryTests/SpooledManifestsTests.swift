import Foundation
import TestSupport
import Testing

/// An export of more manifests than it keeps in memory.
@Suite(.waiting) struct `An export of many large manifests` {
  private let ferry: FerryProcess
  private let registry: ScriptedRegistry

  init() throws {
    ferry = try FerryProcess()
    registry = ScriptedRegistry()
    let oci = "application/vnd.oci.image"
    let layer = Array("a layer".utf8)
    for tag in 1...3 {
      let config = Array(
        #"{"architecture":"amd64","os":"linux","variant":"v\#(tag)","rootfs":{"type":"layers","diff_ids":["\#(BlobDigest.of(layer))"]}}"#
          .utf8)
      // More than 2 MiB in all.
      let note = String(repeating: "\(tag)", count: 720 << 10)
      registry.add(
        manifest: """
          {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json","config":{"mediaType":"\(oci).config.v1+json",\
          "digest":"\(registry.add(config))","size":\(config.count)},"layers":[{"mediaType":"\(oci).layer.v1.tar",\
          "digest":"\(registry.add(layer))","size":\(layer.count)}],"annotations":{"note":"\(note)"}}
          """, as: "\(oci).manifest.v1+json", to: "team/app", tag: "\(tag)")
    }
  }

  private func export(_ tags: [String], to name: String) -> [String] {
    ["export", "-o", name, "--plain-http"] + tags.map { registry.reference("team/app:\($0)") }
  }

  @Test func `asks for each of them by its tag no more often than for a small one`() throws {
    registry.add(image: [[1]], to: "team/app", tag: "small")
    try ferry.run(export(["small"], to: "small.tar"), exits: 0)
    try ferry.run(export(["1"], to: "one.tar"), exits: 0)
    func asked(_ tag: String) -> Int {
      registry.server.requests.count { $0.method == "GET" && $0.path == "/v2/team/app/manifests/\(tag)" }
    }
    #expect(asked("small") >= 1)
    #expect(asked("1") == asked("small"))
  }

  @Test func `puts what they say into a file without a name, and into the archive`() throws {
    try FileManager.default.createDirectory(
      atPath: ferry.file("spool"), withIntermediateDirectories: false)
    var spooling = ferry
    spooling.environment["TMPDIR"] = ferry.file("spool")
    try spooling.run(export(["1", "2", "3"], to: "a.tar"), exits: 0)
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ferry.file("spool")) == [])
  }

  @Test func `says that there is no room for them, and of few makes no file`() throws {
    var homeless = ferry
    homeless.environment["TMPDIR"] = ferry.file("none")
    let result = try homeless.run(export(["1", "2", "3"], to: "a.tar"), exits: 12)
    result.complains("cannot open \(ferry.file("none"))")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar.partial")))
    try homeless.run(export(["1"], to: "one.tar"), exits: 0)
  }

  @Test(.enabled(if: SmallDisk.isAvailable, "this kernel lets nobody mount a tmpfs of one's own"))
  func `says that the disk for them is full, and gives its space back`() throws {
    let result = try SmallDisk(size: "64k").run(
      [
        "sh", "-c", #"out=$1; shift; TMPDIR="$PWD/disk" HOME="$PWD" "$@" -o "$out""#, "sh",
        ferry.file("b.tar"),
        ferry.executable, "export", "--plain-http",
      ] + (1...3).map { registry.reference("team/app:\($0)") },
      then: "ls -A disk; df --output=used disk | tail -n 1")
    #expect(result.status == 16)
    result.complains("no space left for", "disk")
    #expect(result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines) == "0")
  }
}
