import Foundation
import TestSupport
import Testing

/// Programs of the field run what ferry exports: not that they may, by what they read, but that they do. Their daemons want to
/// run as root; where that cannot be, `FERRY_TEST_WITHOUT_DAEMONS` says that it is known.
@Suite(.waiting) struct `A reader that runs` {
  private let ferry: FerryProcess
  private let source: RegistryProcess
  private static let isToRun = ProcessInfo.processInfo.environment["FERRY_TEST_WITHOUT_DAEMONS"] == nil

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
  }

  private func export(_ names: [String], to archive: String, _ options: [String] = []) throws -> [String] {
    let references = names.map { $0.contains("/") ? source.reference($0) : $0 }
    try ferry.run(["export", "--plain-http", "-o", archive] + options + references, exits: 0)
    return references
  }

  @Test(.enabled(if: isToRun))
  func `as docker loads every image for one platform, and runs it`() throws {
    let docker = try DockerProcess()
    let names = try export(["tools/busybox:1.35", "docker/schema2:1"], to: "a.tar")
    let loaded = try docker.docker("load", "-i", ferry.file("a.tar"))
    #expect(loaded.status == 0, "\(loaded.standardError)")
    for name in names {
      #expect(loaded.standardOutput.contains("Loaded image: \(name)"))
      let said = try docker.docker("run", "--rm", "--network", "none", name, "echo", "carried")
      #expect(said.standardOutput == "carried\n", "\(said.standardError)")
    }
    // A signature beside it is nothing to docker.
    let signed = try export(["team/signed:1.0"], to: "signed.tar")
    #expect(
      try docker.docker("load", "-i", ferry.file("signed.tar")).standardOutput
        == "Loaded image: \(signed[0])\n")
    // An image for several platforms this docker finds in an archive that is made for it alone.
    let multi = try export(["tools/multi:1.0"], to: "multi.tar")
    #expect(try docker.docker("load", "-i", ferry.file("multi.tar")).status != 0)
    _ = try export(["tools/multi:1.0"], to: "multi.tar", ["--docker-compatible", "--force"])
    #expect(
      try docker.docker("load", "-i", ferry.file("multi.tar")).standardOutput
        == "Loaded image: \(multi[0])\n")
  }

  @Test func `as docker does, and cannot load, is not exported for it`() throws {
    let zstd = source.reference("odd/zstd:1")
    let images = [
      (zstd, "is of type application/vnd.oci.image.layer.v1.tar+zstd"),
      (source.reference("odd/artifact:1"), "it is no container image"),
    ]
    for (image, reason) in images {
      try ferry.run(["export", "--plain-http", "-o", "a.tar", "--docker-compatible", image], exits: 16)
        .complains("docker before version 25 cannot load \(image)", reason, "without --docker-compatible")
    }
    try ferry.run(
      [
        "export", "--plain-http", "-o", "a.tar", "--docker-compatible", "--keep-going", zstd,
        source.reference("team/signed:1.0"),
      ], exits: 3
    ).complains(zstd)
    let report = try Report(ferry.run(["inspect", "--json", "a.tar"], exits: 0))
    let archive = try #require(report.objects("archives").first)
    #expect((archive["images"] as? [Any])?.count == 1 && (archive["referrers"] as? [Any])?.isEmpty == true)
    try ferry.run(
      [
        "export", "--plain-http", "-o", "c.tar", "--docker-compatible", "--all-tags",
        source.reference("team/signed:1.0").replacing(":1.0", with: ""),
      ], exits: 0
    ).complains("leaving 1 tag of signatures", "1 image exported")
    for options in [["--platform", "linux/amd64", "--platform", "linux/arm64"], ["--keep-index"]] {
      try ferry.run(["export", "-o", "b.tar", "--docker-compatible", zstd] + options, exits: 64)
    }
  }

  @Test(.enabled(if: isToRun))
  func `as containerd imports every image, whole, and runs one`() throws {
    let containerd = try ContainerdProcess()
    let names = try export(
      ["tools/busybox:1.35", "docker/schema2:1", "odd/zstd:1", "tools/multi:1.0"], to: "a.tar")
    let loaded = try containerd.load(ferry.file("a.tar"))
    #expect(loaded.status == 0, "\(loaded.standardError)")
    #expect(try Set(containerd.images().keys) == Set(names))
    let checked = try containerd.check()
    #expect(checked.count == names.count && checked.allSatisfy { $0.contains("complete") }, "\(checked)")
    let said = try containerd.run(names[0], "echo", "carried")
    #expect(said.standardOutput == "carried\n", "\(said.standardError)")
    // A list of signatures is no image that it could unpack; without referrers there is none.
    _ = try export(["team/signed:1.0"], to: "signed.tar")
    #expect(try containerd.load(ferry.file("signed.tar")).status == 1)
    _ = try export(["team/signed:1.0"], to: "alone.tar", ["--no-referrers"])
    #expect(try containerd.load(ferry.file("alone.tar")).status == 0)
  }
}
