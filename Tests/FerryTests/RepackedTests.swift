import Foundation
import TestSupport
import Testing

/// An archive of Ferry's that was unpacked and packed again on its way, as guards between networks do.
@Suite(.waiting) struct `A repacked archive` {
  private let ferry: FerryProcess
  private let pipeline: Pipeline
  private let minisign: Minisign
  private let destination: RegistryProcess
  private let digest: String

  init() throws {
    ferry = try FerryProcess()
    pipeline = Pipeline(ferry: ferry)
    minisign = try Minisign()
    destination = try RegistryProcess()
    let source = try RegistryProcess.fixtures()
    try ferry.export(
      [source.reference("team/app:1.0"), source.reference("odd/nested:1")], to: "a.tar", "--sign-key",
      minisign.secretKey)
    let report = try Report(ferry.run(["verify", "--json", "a.tar"], exits: 0))
    digest = try #require(report.objects("archives").first?["digest"] as? String)
    let packed = try pipeline.run(
      "mkdir d && tar -C d -xf a.tar && tar -C d -cf b.tar . && cp a.tar.digest* .; ls")
    #expect(packed.status == 0)
    for name in try FileManager.default.contentsOfDirectory(atPath: ferry.file("")) {
      guard name.hasPrefix("a.tar.") else { continue }
      try Command.run("cp", [ferry.file(name), ferry.file("b" + name.dropFirst())])
    }
  }

  @Test func `is whole, and its digest and signature hold`() throws {
    let seen = try ferry.run(
      ["verify", "b.tar", "--expect", digest, "--public-key", minisign.publicKey], exits: 0)
    #expect(seen.standardOutput.contains("whole") && seen.standardOutput.contains("repacked by another tool"))
    let report = try Report(ferry.run(["verify", "--json", "b.tar"], exits: 0))
    #expect(report.objects("archives").first?["repacked"] as? Bool == true)
    let own = try Report(ferry.run(["verify", "--json", "a.tar"], exits: 0))
    #expect(own.objects("archives").first?["repacked"] == nil)
    try ferry.run(["verify", "b.tar", "--expect", "sha256:" + String(repeating: "0", count: 64)], exits: 14)
    try ferry.run(["inspect", "b.tar"], exits: 0)
  }

  @Test(arguments: ["b.tar", "gzip", "cat", "zstd -"]) func `arrives`(way: String) throws {
    let to = "import --plain-http --expect \(digest) --to \(destination.host)/new"
    let script =
      switch way {
      case "b.tar": "$ferry \(to) b.tar"
      case "gzip": "gzip b.tar && $ferry \(to) b.tar.gz"
      case "cat": "cat b.tar | $ferry \(to) -"
      default: "zstd -q b.tar -o b.zst && $ferry \(to) - < <(cat b.zst)"
      }
    let done = try pipeline.run(script)
    #expect(done.status == 0, "\(done.standardError)")
    done.complains("was repacked by another tool: the archive digest proves what is in it")
    #expect(try destination.storage.digest(of: "new/app", "1.0") == FixtureImages.digest(of: "team/app:1.0"))
    #expect(try destination.storage.digest(of: "new/nested", "1") == FixtureImages.digest(of: "odd/nested:1"))
  }

  @Test(arguments: ["guard.log", "a b", "grün", "l/\(String(repeating: "long", count: 50))", "back\\slash"])
  func `may have another file beside its own, which is named`(name: String) throws {
    let path = ferry.file("d/\(name)")
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: path))
    for way in ["tar -C d -cf c.tar . && $ferry verify c.tar", "tar -C d -c . | $ferry verify -"] {
      let seen = try pipeline.run(way)
      #expect(seen.status == 0, "\(seen.standardOutput)\(seen.standardError)")
      #expect(
        seen.standardOutput.contains("surplus: \(name.replacing("\\", with: "\\\\")) belongs to nothing"))
    }
  }

  @Test(arguments: ["oci-layout", "manifest.json", "ferry.json"])
  func `is damaged where a file was taken out, which alone is named`(name: String) throws {
    for way in ["tar -C d -cf c.tar", "gzip < <(tar -C d -c"] {
      let isPipe = way.hasPrefix("gzip")
      let found = try pipeline.run(
        isPipe
          ? "\(way) --exclude=./\(name) .) | $ferry verify -; exit ${PIPESTATUS[1]}"
          : "\(way) --exclude=./\(name) . && $ferry verify c.tar")
      #expect(found.status == 14)
      #expect(
        found.standardOutput.contains("missing: \(name)") && found.standardOutput.contains(", 1 problem"))
    }
  }

  /// Imports what comes of packing `files` out of `d`, of which `$order` are all in Ferry's order and `$last` is the last.
  private func imports(_ files: String, to name: String) throws -> CommandResult {
    try pipeline.run(
      "order=$(tar -tf a.tar); last=$(tar -tf a.tar | tail -n 1); (cd d && tar -c --no-recursion \(files)) |"
        + " TMPDIR=/nonexistent $ferry import --plain-http --expect \(digest) --to \(destination.host)/\(name) -"
    )
  }

  @Test func `arrives through a pipe without a copy where its order is Ferry's`() throws {
    _ = try pipeline.run("echo of the carrier > note")
    for (number, files) in ["$order", "--format=pax . $order", "$order $last", "$order --add-file=../note"]
      .enumerated()
    {
      let done = try imports(files, to: "to\(number)")
      #expect(done.status == 0, "\(files): \(done.standardError)")
      done.complains("was repacked by another tool")
      #expect(
        try destination.storage.digest(of: "to\(number)/app", "1.0")
          == FixtureImages.digest(of: "team/app:1.0"))
    }
  }

  @Test func `is refused in a pipe where its order is Ferry's and another archive lies in it`() throws {
    let refused = try imports("$order --add-file=../b.tar", to: "to")
    #expect(refused.status == 64)
    refused.complains("holds images in b.tar, and ferry reads the top of a tar alone")
    #expect(destination.storage.digest(of: "to/app", "1.0") == nil)
  }

  @Test func `is found damaged in a pipe where its order is Ferry's and something is wrong with it`() throws {
    _ = try pipeline.run("mkdir e && cp d/index.json e && echo >> e/index.json && cp a.tar.digest* e")
    for (number, (files, words)) in [
      ("$(echo $order | sed \"s,$last,,\")", "missing: sha256:"),
      ("--exclude=manifest.json $order", "missing: manifest.json"),
      ("$order -C ../e index.json", "index.json is there twice"),
    ].enumerated() {
      let found = try imports(files, to: "to\(number)")
      #expect(found.status == 14, "\(files): \(found.standardError)")
      found.complains(words)
      #expect(destination.storage.digest(of: "to\(number)/app", "1.0") == nil)
    }
  }

  @Test func `is damaged where a layer is, and where it was cut`() throws {
    let blobs = try FileManager.default.contentsOfDirectory(atPath: ferry.file("d/blobs/sha256"))
    for blob in blobs.prefix(3) {
      let path = URL(fileURLWithPath: ferry.file("d/blobs/sha256/\(blob)"))
      let bytes = try Data(contentsOf: path)
      var changed = bytes
      changed[changed.count / 2] ^= 1
      try changed.write(to: path)
      for script in ["tar -C d -cf c.tar . && $ferry verify c.tar", "tar -C d -cz . | $ferry verify -"] {
        let found = try pipeline.run(script)
        #expect(found.status == 14, "\(blob): \(found.standardOutput)")
        #expect(found.standardOutput.contains(blob))
      }
      try bytes.write(to: path)
    }
    let cut = try pipeline.run("head -c 200000 b.tar > c.tar; $ferry verify c.tar")
    #expect(cut.status == 14)
  }
}
