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
    try expectSaves(of: names, by: docker)
  }

  /// What docker saves of images is read as what they are to it: by one name, by several, and by an ID.
  private func expectSaves(of names: [String], by docker: DockerProcess) throws {
    func asked(_ arguments: String...) throws -> String {
      let result = try docker.docker(arguments)
      guard result.status == 0 else { throw TestFailure("docker \(arguments): \(result.standardError)") }
      return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let registry = try RegistryProcess()
    func expectID(_ id: String, of repository: String, _ tag: String) throws {
      let digest = try #require(registry.storage.digest(of: repository, tag))
      let manifest = String(decoding: try #require(registry.storage.bytes(of: digest)), as: UTF8.self)
      let config = try #require(manifest.firstMatch(of: /"config":\{[^}]*"digest":"([^"]+)"/)).1
      #expect(config == id)
    }
    let ids = try names.map { try asked("image", "inspect", "--format", "{{.Id}}", $0) }
    _ = try asked("tag", names[0], "shell:2")
    let saves:
      [(file: String, of: [String], images: [(name: String, place: String, tag: String, id: String)])] = [
        ("one.tar", [names[0]], [(names[0], "busybox", "1.35", ids[0])]),
        (
          "several.tar", names + ["shell:2"],
          [
            (names[0], "busybox", "1.35", ids[0]), (names[1], "schema2", "1", ids[1]),
            ("docker.io/library/shell:2", "shell", "2", ids[0]),
          ]
        ),
      ]
    for save in saves {
      _ = try docker.docker(["save", "-o", ferry.file(save.file)] + save.of)
      try ferry.run(["verify", "--deep", save.file], exits: 0)
      let inspected = try ferry.run(["inspect", save.file], exits: 0).standardOutput
      let space = "\(registry.host)/\(save.file.prefix(3))"
      try ferry.run(["import", "--plain-http", "--to", space, save.file], exits: 0)
      for image in save.images {
        #expect(inspected.contains(image.name))
        try expectID(image.id, of: "\(save.file.prefix(3))/\(image.place)", image.tag)
      }
      #expect(
        registry.storage.repositories.count { $0.hasPrefix("\(save.file.prefix(3))/") } == save.images.count)
    }
    // An ID alone is no name.
    _ = try asked("save", "-o", ferry.file("id.tar"), ids[1])
    try ferry.run(["verify", "--deep", "id.tar"], exits: 0)
    #expect(try ferry.run(["inspect", "id.tar"], exits: 0).standardOutput.contains("(no name)"))
    let place = ["--plain-http", "--to", "\(registry.host)/id"]
    try ferry.run(["import", "id.tar"] + place, exits: 64).complains("--as REPOSITORY:TAG")
    let piped = try Pipeline(ferry: ferry).run(
      "cat id.tar | $ferry import - --as given:1 " + place.joined(separator: " "))
    #expect(piped.status == 0, "\(piped.standardError)")
    try expectID(ids[1], of: "id/given", "1")
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
    // What it exports, with every platform or with its own, is read, names and all.
    let registry = try RegistryProcess()
    for (space, options) in [("all", ["--all-platforms"]), ("own", [])] {
      let exported = try containerd.export(names, to: ferry.file("\(space).tar"), options)
      #expect(exported.status == 0, "\(exported.standardError)")
      try ferry.run(["verify", "--deep", "\(space).tar"], exits: 0)
      let inspected = try ferry.run(["inspect", "\(space).tar"], exits: 0).standardOutput
      try ferry.run(
        ["import", "--plain-http", "--to", "\(registry.host)/\(space)", "\(space).tar"], exits: 0)
      for (name, digest) in try containerd.images() {
        #expect(inspected.contains(name) && inspected.contains(digest))
        let parts = try #require(name.split(separator: "/").last).split(separator: ":").map(String.init)
        let arrived = registry.storage.digest(of: "\(space)/\(parts[0])", parts[1])
        // Of an index the one platform that is there stands in its place.
        #expect(space == "own" && parts[0] == "multi" ? arrived != nil : arrived == digest)
      }
    }
    // A list of signatures is no image that it could unpack; without referrers there is none.
    _ = try export(["team/signed:1.0"], to: "signed.tar")
    #expect(try containerd.load(ferry.file("signed.tar")).status == 1)
    _ = try export(["team/signed:1.0"], to: "alone.tar", ["--no-referrers"])
    #expect(try containerd.load(ferry.file("alone.tar")).status == 0)
  }
}
