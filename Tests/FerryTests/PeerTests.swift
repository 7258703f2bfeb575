import Foundation
import TestSupport
import Testing

/// Other tools read what ferry writes.
@Suite(.waiting) struct `An archive` {
  private let directory = TemporaryDirectory()

  private func extract(_ archive: String) throws -> String {
    let path = directory.file("layout")
    try Command.run("mkdir", [path])
    try Command.run("tar", ["-xf", archive, "-C", path])
    return path
  }

  @Test func `is copied by skopeo, digests and all`() throws {
    let archive = try FixtureArchive.everything()
    let source = try RegistryProcess.fixtures()
    for name in ["tools/multi:1.0", "odd/zstd:1", "odd/twice:1", "odd/pretty:1"] {
      let target = directory.file("copy")
      try Command.run(
        "skopeo",
        [
          "copy", "--all", "--preserve-digests", "--insecure-policy",
          "oci-archive:\(archive):\(source.reference(name))", "dir:\(target)",
        ])
      let manifest = try Data(contentsOf: URL(fileURLWithPath: "\(target)/manifest.json"))
      #expect(try BlobDigest.of(manifest) == FixtureImages.digest(of: name))
      try Command.run("rm", ["-r", target])
    }
  }

  @Test func `with one image of docker's needs no name for skopeo`() throws {
    // By name skopeo finds only the OCI's own media types.
    let ferry = try FerryProcess()
    try ferry.export([RegistryProcess.fixtures().reference("docker/schema2:1")], to: "docker.tar")
    let raw = try Command("skopeo", ["inspect", "--raw", "oci-archive:\(ferry.file("docker.tar"))"]).run()
    #expect(try BlobDigest.of(raw.output) == FixtureImages.digest(of: "docker/schema2:1"))
  }

  @Test func `with one image needs no name for skopeo, and has its tag for umoci`() throws {
    let ferry = try FerryProcess()
    let source = try RegistryProcess.fixtures()
    try ferry.export([source.reference("tools/busybox:1.35")], to: "busybox.tar")
    let archive = ferry.file("busybox.tar")
    let raw = try Command("skopeo", ["inspect", "--raw", "oci-archive:\(archive)"]).run()
    #expect(try BlobDigest.of(raw.output) == FixtureImages.digest(of: "tools/busybox:1.35"))

    let layout = try extract(archive)
    let bundle = directory.file("bundle")
    try Command.run("umoci", ["unpack", "--rootless", "--image", "\(layout):1.35", bundle])
    let said = try Command("\(bundle)/rootfs/bin/sh", ["-c", "echo carried"]).run()
    #expect(said.standardOutput == "carried\n")
    #expect(try Command.run("skopeo", ["list-tags", "docker-archive:\(archive)"]).contains("busybox:1.35"))
  }

  @Test func `is a valid image layout`() throws {
    let ferry = try FerryProcess()
    try ferry.export([RegistryProcess.fixtures().reference("odd/twice:1")], to: "twice.tar")
    let layout = try extract(ferry.file("twice.tar"))
    try Command.run("oci-image-tool", ["validate", "--type", "image", "--ref", "name=1", layout])
    try Command.run("oci-image-tool", ["validate", "--type", "imageIndex", "\(layout)/index.json"])
  }

  @Test func `is read by GNU tar and by Python alike, with plain headers and no colon`() throws {
    let archive = try FixtureArchive.everything()
    let listing = try Command.run("tar", ["--numeric-owner", "--utc", "-tvf", archive])
    let lines = listing.split(separator: "\n")
    #expect(lines.allSatisfy { $0.hasPrefix("-rw-r--r-- 0/0 ") && $0.contains(" 1970-01-01 00:00 ") })
    let names = lines.compactMap { $0.split(separator: " ").last.map(String.init) }
    #expect(names.prefix(4) == ["oci-layout", "index.json", "manifest.json", "ferry.json"])
    #expect(names.dropFirst(4).allSatisfy { $0.wholeMatch(of: /blobs\/sha256\/[0-9a-f]{64}/) != nil })

    // Python hashes every blob and compares it with its name.
    let script = """
      import hashlib, sys, tarfile
      with tarfile.open(sys.argv[1], "r:") as tar:
          for entry in tar:
              print(entry.name)
              if entry.name.startswith("blobs/"):
                  assert hashlib.sha256(tar.extractfile(entry).read()).hexdigest() == entry.name[13:]
      """
    #expect(
      try Command.run("python3", ["-c", script, archive]) == names.map { "\($0)\n" }.joined())
  }

  @Test func `has the list that docker load reads`() throws {
    let archive = try FixtureArchive.everything()
    struct Entry: Decodable {
      let Config: String
      let RepoTags: [String]
      let Layers: [String]
    }
    let json = try Command("tar", ["-xOf", archive, "manifest.json"]).run()
    let entries = try JSONDecoder().decode([Entry].self, from: Data(json.output))
    let names = try Set(Command.run("tar", ["-tf", archive]).split(separator: "\n").map(String.init))
    for entry in entries {
      #expect(names.contains(entry.Config))
      #expect(entry.Layers.allSatisfy(names.contains))
    }
    let source = try RegistryProcess.fixtures()
    let tags = entries.flatMap(\.RepoTags)
    for name in ["tools/busybox:1.35", "tools/busybox:latest", "docker/schema2:1", "odd/empty:1"] {
      #expect(tags.contains(source.reference(name)))
    }
    // Nothing that docker cannot load: several platforms, artifacts, images with a layer left out.
    for name in ["tools/multi:1.0", "odd/artifact:1", "odd/foreign:1"] {
      #expect(!tags.contains(source.reference(name)))
    }
    let twice = try #require(entries.first { $0.RepoTags == [source.reference("odd/twice:1")] })
    #expect(twice.Layers.count == 3 && Set(twice.Layers).count == 2)

    try Command.run(
      "skopeo",
      [
        "copy", "--insecure-policy", "docker-archive:\(archive):\(source.reference("tools/busybox:1.35"))",
        "dir:\(directory.file("loaded"))",
      ])
  }
}
