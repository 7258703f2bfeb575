import Foundation
import TestSupport
import Testing

/// What `--platform` takes out of images for several platforms, and what stays.
@Suite(.waiting) struct `Chosen platforms` {
  private let source: RegistryProcess
  private let ferry: FerryProcess

  init() throws {
    source = try RegistryProcess.fixtures()
    ferry = try FerryProcess()
  }

  private func inspected(_ archive: String) throws -> [String: Any] {
    let report = try Report(ferry.run(["inspect", "--json", archive], exits: 0))
    return try #require(report.objects("archives").first)
  }

  private func image(_ archive: [String: Any]) throws -> [String: Any] {
    try #require((archive["images"] as? [[String: Any]])?.first)
  }

  private func platforms(_ archive: [String: Any]) throws -> [String] {
    let manifests = try #require(image(archive)["manifests"] as? [[String: Any]])
    return manifests.compactMap { $0["platform"] as? String }
  }

  @Test func `are all by default, with the attestation`() throws {
    try ferry.export([source.reference("tools/multi:1.0")], to: "a.tar")
    let archive = try inspected("a.tar")
    let manifests = try #require(image(archive)["manifests"] as? [[String: Any]])
    #expect(manifests.count == 4)
    #expect(manifests.count { $0["attestation"] as? Bool == true } == 1)
    #expect(try platforms(archive).contains("linux/arm/v7"))
    #expect(try image(archive)["digest"] as? String == FixtureImages.digest(of: "tools/multi:1.0"))
  }

  @Test func `become the image itself when there is one`() throws {
    let result = try ferry.export(
      [source.reference("tools/multi:1.0"), source.reference("odd/plain:1")], to: "a.tar", "--platform",
      "linux/arm64")
    result.complains("taking linux/arm64 out of its index")
    let listing = try Command.run("tar", ["-tf", ferry.file("a.tar")])
    #expect(listing.contains("manifest.json"))
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)

    let new = try RegistryProcess()
    try ferry.run(["import", "--plain-http", "--to", "\(new.host)/new", "a.tar"], exits: 0)
    let raw = try Command.run(
      "skopeo", ["inspect", "--config", "--tls-verify=false", "docker://\(new.host)/new/multi:1.0"])
    #expect(raw.contains(#""architecture": "arm64""#))
    // An image for one platform is what it is.
    #expect(
      try new.storage.digest(of: "new/plain", "1") == FixtureImages.digest(of: "odd/plain:1"))
  }

  private func object(_ digest: String, in registry: RegistryProcess) throws -> [String: Any] {
    let bytes = try #require(registry.storage.bytes(of: digest))
    return try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  private static let two = ["--platform", "linux/amd64", "--platform", "linux/arm64"]

  @Test func `have an index of their own when there are several`() throws {
    let source = try RegistryProcess(fixtures: true)
    let name = source.reference("tools/multi:1.0")
    let old = try FixtureImages.digest(of: "tools/multi:1.0")
    let result = try ferry.run(
      ["export", "--plain-http", "--json", "-o", "a.tar", name] + Self.two, exits: 0)
    let archive = try inspected("a.tar")
    let new = try #require(image(archive)["digest"] as? String)
    #expect(new != old)
    result.complains("\(name): leaving 1 manifest out of its index \(old); the image is now \(new)")
    let exported = try #require(Report(result).objects("images").first)
    #expect(exported["digest"] as? String == new && exported["indexDigest"] as? String == old)
    #expect(try platforms(archive) == ["linux/amd64", "linux/arm64", "unknown/unknown"])
    #expect((archive["omissions"] as? [Any])?.isEmpty == true)
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    // The same again is the same.
    try ferry.run(["export", "--plain-http", "-o", "a.tar", name] + Self.two, exits: 0)
      .complains("there already: a.tar")

    // Debian's registry takes no index with a manifest missing.
    let destination = try RegistryProcess()
    try ferry.run(["import", "--plain-http", "--to", "\(destination.host)/new", "a.tar"], exits: 0)
    #expect(destination.storage.digest(of: "new/multi", "1.0") == new)
    let index = try object(new, in: destination)
    #expect((index["annotations"] as? [String: String])?["org.ferry.index.digest"] == old)
    let original = try object(old, in: source)
    let kept = try #require(index["manifests"] as? [NSDictionary])
    let all = try #require(original["manifests"] as? [NSDictionary])
    // With the attestation of one that stays.
    #expect(kept == [all[0], all[1], all[3]])

    // What it was made of is still there.
    try ferry.run(["check", "--plain-http", "a.tar", "--no-new"], exits: 0)
    try source.storage.move("1.0", of: "tools/multi", to: #require(all[0]["digest"] as? String))
    let moved = try ferry.run(["check", "--plain-http", "a.tar", "--no-new"], exits: 4)
    #expect(moved.standardOutput.contains("moved    \(name): \(new)"))
  }

  @Test func `of docker's own lists have a list of their own too, by digest as well`() throws {
    let digest = try FixtureImages.digest(of: "docker/list:1")
    try ferry.export(
      [source.reference("docker/list@\(digest)")], to: "a.tar", "--platform", "linux/amd64", "--platform",
      "linux/arm64")
    let found = try image(inspected("a.tar"))
    let new = try #require(found["digest"] as? String)
    #expect(new != digest && found["reference"] as? String == source.reference("docker/list@\(new)"))
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    try ferry.run(["check", "--plain-http", "a.tar", "--no-new"], exits: 0)
  }

  @Test func `are found by the index they are of, in lists and receipts`() throws {
    let old = try FixtureImages.digest(of: "tools/multi:1.0")
    let name = source.reference("tools/multi@\(old)")
    try ferry.run(["export", "--plain-http", "-o", "a.tar", name] + Self.two, exits: 0)
    try Data("\(name)\n".utf8).write(to: URL(fileURLWithPath: ferry.file("list")))
    try ferry.run(["verify", "a.tar", "--list", "list"], exits: 0)
    try ferry.run(["check", "--plain-http", "a.tar", "-f", "list", "--no-new"], exits: 0)
    let new = try RegistryProcess()
    try ferry.run(
      [
        "import", "--plain-http", "--to", "\(new.host)/new", "a.tar", "--receipt", "r.json", "--switch-over",
        "new",
      ], exits: 0)
    try ferry.run(["check", "--plain-http", "r.json", "--no-new"], exits: 0)
    let table = try String(contentsOfFile: ferry.file("new/names.tsv"), encoding: .utf8)
    #expect(table.contains("tools/multi@\(old)"), "\(table)")
  }

  @Test func `alone are found by the index that a list names, where the source has it`() throws {
    let name = source.reference("tools/multi@\(try FixtureImages.digest(of: "tools/multi:1.0"))")
    let tagged = source.reference("tools/multi:1.0@\(try FixtureImages.digest(of: "tools/multi:1.0"))")
    for line in [name, tagged] {
      try ferry.run(
        ["export", "--plain-http", "--force", "-o", "a.tar", line, "--platform", "linux/amd64"], exits: 0)
      try Data("\(line)\n".utf8).write(to: URL(fileURLWithPath: ferry.file("list")))
      let checked = try ferry.run(["check", "--plain-http", "a.tar", "-f", "list", "--no-new"], exits: 0)
      #expect(
        checked.lines == ["1 of 1 image on the list is in a.tar and unchanged at \(source.host)"],
        "\(checked.standardOutput)")
      // Without the source nobody can tell.
      try ferry.run(["verify", "a.tar", "--list", "list"], exits: 4)
    }
  }

  @Test func `that an image lacks beside one that it has are said`() throws {
    let name = source.reference("tools/multi:1.0")
    try ferry.run(
      [
        "export", "--plain-http", "-o", "a.tar", name, "--platform", "linux/s390x", "--platform",
        "linux/amd64",
      ], exits: 0
    ).complains("\(name) has nothing for linux/s390x")
    // One alone keeps its index where that is asked for.
    try ferry.run(
      ["export", "--plain-http", "-o", "b.tar", name, "--platform", "linux/amd64", "--keep-index"], exits: 0)
    #expect(try image(inspected("b.tar"))["digest"] as? String == FixtureImages.digest(of: "tools/multi:1.0"))
    for options in [Self.two, ["--platform", "linux/amd64", "--sparse-index"]] {
      try ferry.run(["import", "b.tar", "--to", "new.example/x"] + options, exits: 64)
    }
  }

  @Test(.enabled(if: geteuid() == 0))
  func `are taken by containerd, but for an index that lacks some`() throws {
    let name = source.reference("tools/multi:1.0")
    try ferry.run(["export", "--plain-http", "-o", "a.tar", name] + Self.two, exits: 0)
    try ferry.run(["export", "--plain-http", "-o", "b.tar", name, "--keep-index"] + Self.two, exits: 0)
    let containerd = try ContainerdProcess()
    #expect(try containerd.load(ferry.file("b.tar")).status != 0)
    let loaded = try containerd.load(ferry.file("a.tar"))
    #expect(loaded.status == 0, "\(loaded.standardError)")
    #expect(try containerd.images() == [name: image(inspected("a.tar"))["digest"] as? String])
  }

  @Test func `leave the index as it is with --keep-index`() throws {
    try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", source.reference("tools/multi:1.0"), "--keep-index"],
      exits: 64
    ).complains("--keep-index is for --platform")
    try ferry.export(
      [source.reference("tools/multi:1.0")], to: "a.tar", "--platform", "linux/amd64", "--platform",
      "linux/arm64", "--keep-index")
    let archive = try inspected("a.tar")
    #expect(try image(archive)["digest"] as? String == FixtureImages.digest(of: "tools/multi:1.0"))
    #expect(try platforms(archive).filter { $0 != "unknown/unknown" } == ["linux/amd64", "linux/arm64"])
    let omissions = try #require(archive["omissions"] as? [[String: Any]])
    #expect(omissions.map { $0["reason"] as? String } == ["platform"])
    try ferry.run(["verify", "a.tar"], exits: 0)

    // Debian's registry takes no index with a manifest missing: nothing may be left half done.
    let new = try RegistryProcess()
    let result = try ferry.run(
      ["import", "--plain-http", "--to", "\(new.host)/new", "a.tar"], exits: 15)
    result.complains("1 manifest that is not in the archive", "--platform OS/ARCH", "every platform")
    #expect(new.storage.tags(of: "new/multi") == [])
  }

  @Test func `that an image lacks are named with those it has`() throws {
    let result = try ferry.run(
      [
        "export", "--plain-http", "-o", "a.tar", source.reference("tools/multi:1.0"), "--platform",
        "linux/riscv64",
      ], exits: 12)
    result.complains("no image for linux/riscv64", "linux/amd64, linux/arm64 and linux/arm/v7")
    try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", source.reference("odd/plain:1"), "--platform", "linux"],
      exits: 64
    ).complains("os/arch")
  }

  @Test func `of docker's own lists work alike`() throws {
    try ferry.export([source.reference("docker/list:1")], to: "a.tar", "--platform", "linux/s390x")
    #expect(try platforms(inspected("a.tar")).count == 1)
    try ferry.export([source.reference("odd/nested:1")], to: "b.tar")
    #expect(try platforms(inspected("b.tar")).sorted() == ["linux/amd64", "linux/arm64"])
  }

  @Test func `are not always what a config says, and that is said`() throws {
    let made = try MadeArchive(
      """
      a, x, y = Image('a'), Image('x'), Image('y')
      y.config = text({'rootfs': {'type': 'layers', 'diff_ids': [digest(p) for p in y.plain]}})
      y.document['config'] = of(y.config, OCI + 'config.v1+json'); y.manifest = text(y.document)
      i = index([a.child(), x.entry(platform={'architecture': 'arm64', 'os': 'linux'})])
      write(layout([of(i, INDEX, annotations=called('app:1'))], [i, *a.blobs, *x.blobs]))
      write(layout([y.entry('app:1')], [y.manifest, y.config, *y.layers]), 'b.tar')
      print(digest(x.manifest))
      """)
    let registry = ScriptedRegistry()
    func `import`(_ name: String, _ platform: String) throws -> CommandResult {
      try ferry.run(
        [
          "import", made.directory.file(name), "--platform", platform, "--plain-http", "--overwrite", "--to",
          "\(registry.host)/\(name)",
        ], exits: 0)
    }
    try `import`("a.tar", "linux/arm64").complains(
      "app:1: its index lists \(made.printed[0]) for linux/arm64, and the config of that says linux/amd64",
      "what \(made.path) holds for other platforms is not read, and may be damaged")
    #expect(try !`import`("a.tar", "linux/amd64").standardError.contains("the config of that says"))
    try `import`("b.tar", "linux/arm64").complains(
      "app:1 in \(made.directory.file("b.tar")) does not say for which platform it is: taking it as it is")
    let inspected = try ferry.run(["inspect", made.path], exits: 0).standardOutput
    #expect(inspected.contains("linux/amd64, linux/arm64 (by its config linux/amd64)"))
    let report = try Report(ferry.run(["inspect", "--json", made.path], exits: 0))
    let manifests = try image(#require(report.objects("archives").first))["manifests"] as? [[String: Any]]
    #expect(manifests?.map { $0["otherPlatform"] as? String } == [nil, "linux/amd64"])
  }

  @Test func `of which an index lists an image for each version of Windows are no twins`() throws {
    let made = try MadeArchive(
      """
      a, b, c = Image('a', os='windows'), Image('b', os='windows'), Image('c', os='windows')
      old, new = {**a.platform, 'os.version': '10.0.17763.1'}, {**a.platform, 'os.version': '10.0.20348.1'}
      i = index([a.entry(platform=old), b.entry(platform=new)])
      twins = index([a.entry(platform=old), b.entry(platform=new), c.entry(platform=new)])
      write(layout([of(i, INDEX, annotations=called('app:1')), of(twins, INDEX, annotations=called('app:2'))],
        [i, twins, *a.blobs, *b.blobs, *c.blobs]))
      print(digest(a.manifest)); print(digest(b.manifest)); print(digest(c.manifest))
      """)
    let registry = ScriptedRegistry()
    try ferry.run(["import", made.path, "--plain-http", "--to", "\(registry.host)/all"], exits: 0)
    let both = try ferry.export([registry.reference("all/app:1")], to: "a.tar", "--platform", "windows/amd64")
    #expect(!both.standardError.contains("its index lists"))
    let listed = try self.image(inspected("a.tar"))["manifests"] as? [[String: Any]]
    #expect(Set(made.printed.prefix(2)) == Set((listed ?? []).compactMap { $0["digest"] as? String }))
    // Of one version there are two.
    let three = registry.reference("all/app:2")
    let twins = try ferry.export([three], to: "b.tar", "--platform", "windows/amd64")
    twins.complains(
      "\(three): its index lists 2 images for windows/amd64: taking all of them", made.printed[1],
      made.printed[2])
    #expect(!twins.standardError.contains(made.printed[0]))
  }

  @Test func `of which an index lists several images are told of`() throws {
    let made = try MadeArchive(
      """
      a, b, c = Image('a'), Image('b'), Image('c', arch='arm64')
      i = index([a.child(), b.child(), c.child()])
      write(layout([of(i, INDEX, annotations=called('app:1'))], [i, *a.blobs, *b.blobs, *c.blobs]))
      print(digest(a.manifest)); print(digest(b.manifest))
      """)
    let registry = ScriptedRegistry()
    let into = ["import", made.path, "--plain-http", "--to"]
    let told = "app:1: its index lists 2 images for linux/amd64: taking "
    let page = ferry.file("page.html")
    let result = try ferry.run(
      into + ["\(registry.host)/one", "--platform", "linux/amd64", "--json", "--report", page], exits: 0)
    result.complains(told + "\(made.printed[0]), the first, and not \(made.printed[1])")
    #expect(registry.digest(of: "one/app", "1") == made.printed[0])
    let image = try #require(Report(result).objects("images").first)
    #expect(image["samePlatform"] as? [String] == [made.printed[1]])
    #expect(
      try String(contentsOfFile: page, encoding: .utf8).contains("the first, and not \(made.printed[1])"))
    let other = try ferry.run(
      into + ["\(registry.host)/arm", "--platform", "linux/arm64", "--json"], exits: 0)
    #expect(try Report(other).objects("images").first?["samePlatform"] == nil)
    #expect(!other.standardError.contains("its index lists"))

    try ferry.run(into + ["\(registry.host)/all"], exits: 0)
    let all = registry.reference("all/app:1")
    try ferry.export([all], to: "a.tar", "--platform", "linux/amd64")
      .complains(
        "\(all): its index lists 2 images for linux/amd64: taking all of them", made.printed[0],
        made.printed[1])
    let listed = try self.image(inspected("a.tar"))["manifests"] as? [[String: Any]]
    #expect(Set(made.printed).isSubset(of: (listed ?? []).compactMap { $0["digest"] as? String }))
  }
}
