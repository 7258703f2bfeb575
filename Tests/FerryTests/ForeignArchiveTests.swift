import Foundation
import TestSupport
import Testing

/// What other tools wrote is proved and imported as Ferry's own archives are.
@Suite(.waiting) struct `Archives of other tools` {
  private let directory = TemporaryDirectory()
  private let ferry: FerryProcess
  private let source: RegistryProcess
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
    registry = try RegistryProcess()
  }

  private func skopeo(_ arguments: String...) throws {
    try Command.run(
      "skopeo",
      ["copy", "-q", "--insecure-policy", "--src-tls-verify=false", "--preserve-digests"] + arguments)
  }

  private func fixture(_ name: String) -> String { "docker://\(source.reference(name))" }

  @discardableResult
  private func `import`(_ archive: String, _ options: String..., exits status: Int32 = 0) throws
    -> CommandResult
  {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", archive] + options, exits: status)
  }

  private func digest(_ repository: String, _ tag: String) -> String? {
    registry.storage.digest(of: "new/\(repository)", tag)
  }

  // MARK: OCI layouts

  @Test(arguments: ["tools/multi:1.0", "odd/zstd:1", "odd/plain:1", "tools/busybox:1.35"])
  func `of skopeo arrive with their digests, in a directory or a tar`(name: String) throws {
    let expected = try FixtureImages.digest(of: name)
    let parts = name.split(separator: ":").map(String.init)
    let image = parts[0].split(separator: "/").last.map(String.init) ?? ""
    try skopeo("--all", fixture(name), "oci:\(directory.file("layout")):x.example/old/\(image):\(parts[1])")
    try skopeo("--all", fixture(name), "oci-archive:\(directory.file("a.tar")):tar/\(image):\(parts[1])")
    for archive in ["layout", "layout/", "a.tar"] {
      try ferry.run(["verify", "--deep", directory.file(archive)], exits: 0)
    }
    try `import`(directory.file("layout"), "--map", "old/*=dir/$1")
    try `import`(directory.file("a.tar"), "--map", "tar/*=tar/$1")
    #expect(digest("dir/\(image)", parts[1]) == expected && digest("tar/\(image)", parts[1]) == expected)
    // And what arrived, skopeo reads again.
    try skopeo(
      "--all", "docker://\(registry.host)/new/tar/\(image):\(parts[1])",
      "dir:\(directory.file("back"))")
    let manifest = try Data(contentsOf: URL(fileURLWithPath: directory.file("back/manifest.json")))
    #expect(BlobDigest.of(manifest) == expected)
  }

  @Test func `that are Ferry's own, extracted, arrive as the archive would`() throws {
    try Command.run("mkdir", [directory.file("d")])
    try Command.run("tar", ["-xf", FixtureArchive.small(), "-C", directory.file("d")])
    let whole = try Report(ferry.run(["verify", "--json", FixtureArchive.small()], exits: 0))
    let verified = try Report(ferry.run(["verify", "--json", directory.file("d")], exits: 0))
    #expect(
      try verified.strings("archives", "digest") == whole.strings("archives", "digest"))
    try `import`(directory.file("d"))
    for name in FixtureArchive.smallImages {
      let parts = name.dropFirst("odd/".count).split(separator: ":").map(String.init)
      #expect(try digest(parts[0], parts[1]) == FixtureImages.digest(of: name))
    }
  }

  @Test func `with a blob changed by one bit are found out, and nothing is tagged`() throws {
    let layout = directory.file("layout")
    try skopeo(fixture("tools/busybox:1.35"), "oci:\(layout):old/busybox:1")
    let blobs = try FileManager.default.contentsOfDirectory(atPath: "\(layout)/blobs/sha256")
    let largest = try #require(
      blobs.max {
        let sizes = [$0, $1].map {
          FileManager.default.contents(atPath: "\(layout)/blobs/sha256/\($0)")?.count ?? 0
        }
        return sizes[0] < sizes[1]
      })
    let path = "\(layout)/blobs/sha256/\(largest)"
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let verified = try ferry.run(["verify", layout], exits: 14)
    #expect(verified.standardOutput.contains("sha256:\(largest)"))
    #expect(verified.standardOutput.contains("hurts old/busybox:1"))
    try `import`(layout, exits: 14).complains("sha256:\(largest)")
    #expect(digest("busybox", "1") == nil)
  }

  // MARK: Names

  @Test func `that give no name say what to type, and take it`() throws {
    try skopeo(fixture("tools/busybox:1.35"), "oci:\(directory.file("nameless"))")
    let expected = try FixtureImages.digest(of: "tools/busybox:1.35")
    let refused = try `import`(directory.file("nameless"), exits: 64)
    refused.complains("gives no name to its image \(expected)", "--as REPOSITORY:TAG")
    #expect(registry.storage.repositories == [])
    try `import`(directory.file("nameless"), "--as", "team/shell:7")
    #expect(digest("team/shell", "7") == expected)
    try ferry.run(["inspect", directory.file("nameless")], exits: 0)

    let wrong = try ferry.command(
      ["import", "--to", registry.host, "--as", "nvcr.io/a/b", directory.file("nameless")]
    ).run()
    #expect(wrong.status == 64)
    wrong.complains("without the registry")
  }

  @Test func `that know only tags take their repository`() throws {
    let layout = directory.file("tags")
    for (name, tag) in [("tools/busybox:1.35", "1.35"), ("odd/plain:1", "plain")] {
      try skopeo(fixture(name), "oci:\(layout):\(tag)")
    }
    try `import`(layout, exits: 64).complains("only 1.35 and plain, which are tags", "--as REPOSITORY")
    let report = try Report(`import`(layout, "--as", "acme/all", "--map", "acme/*=team/$1", "--json"))
    #expect(try report.strings("images", "source") == ["1.35", "plain"])
    #expect(try digest("team/all", "1.35") == FixtureImages.digest(of: "tools/busybox:1.35"))
    #expect(try digest("team/all", "plain") == FixtureImages.digest(of: "odd/plain:1"))
    // One of them, under a tag of its own.
    try `import`(layout, "--image", "plain", "--as", "one:2")
    #expect(try digest("one", "2") == FixtureImages.digest(of: "odd/plain:1"))
  }

  @Test func `that all have names need none`() throws {
    let archive = try FixtureArchive.small()
    try `import`(archive, "--as", "x:1", exits: 64).complains("--as x", "--map")
    // For the only one chosen it is another name.
    try `import`(archive, "--as", "x:1", "--image", "*/odd/plain:1")
    #expect(try digest("x", "1") == FixtureImages.digest(of: "odd/plain:1"))
  }

  @Test func `of umoci arrive`() throws {
    let layout = directory.file("umoci")
    try Command.run("umoci", ["init", "--layout", layout])
    try Command.run("umoci", ["new", "--image", "\(layout):v1"])
    try Command.run("umoci", ["unpack", "--rootless", "--image", "\(layout):v1", directory.file("bundle")])
    try "text".write(toFile: directory.file("bundle/rootfs/file"), atomically: true, encoding: .utf8)
    try Command.run("umoci", ["repack", "--image", "\(layout):v1", directory.file("bundle")])
    try ferry.run(["verify", "--deep", layout], exits: 0)
    try `import`(layout, "--as", "made/here")
    let back = try Command("skopeo", ["inspect", "--raw", "oci:\(layout):v1"]).run()
    #expect(digest("made/here", "v1") == BlobDigest.of(back.output))
  }
}
