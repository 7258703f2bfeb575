import Foundation
import TestSupport
import Testing

/// `--compress-layers`.
@Suite(.waiting) struct `An import that compresses` {
  private let directory = TemporaryDirectory()
  private let ferry: FerryProcess
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
  }

  @discardableResult
  private func `import`(_ archive: String, _ options: String..., exits status: Int32 = 0) throws
    -> CommandResult
  {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", "--compress-layers", archive] + options,
      exits: status)
  }

  /// The layers of a manifest in the registry.
  private func layers(of digest: String) throws -> [(digest: String, type: String)] {
    let bytes = try #require(registry.storage.bytes(of: digest))
    let manifest = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    return try #require(manifest?["layers"] as? [[String: Any]]).map {
      (digest: $0["digest"] as? String ?? "", type: $0["mediaType"] as? String ?? "")
    }
  }

  /// What a blob in the registry unpacks to.
  private func unpacked(_ digest: String) throws -> [UInt8] {
    var command = Command("gzip", ["-dc"])
    command.input = try #require(registry.storage.bytes(of: digest))
    #expect(BlobDigest.of(command.input) == digest)
    return try command.run().output
  }

  @Test func `pushes gzip of the same content, and says what became of what`() throws {
    let image = DockerSave.Image(
      ["a:1"], layers: [try DockerSave.layer("a", size: 300_000), try DockerSave.layer("b")])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    let planned = try Report(`import`(directory.file("a.tar"), "--dry-run", "--json"))
    #expect(registry.storage.repositories == [])
    let result = try `import`(directory.file("a.tar"), "--json")
    let report = try Report(result)
    let entry = try #require(report.objects("images").first)
    let digest = try #require(registry.storage.digest(of: "new/a", "1"))
    #expect(entry["digest"] as? String == digest)
    #expect(try planned.strings("images", "digest") == [digest])
    let inspected = try Report(ferry.run(["inspect", "--json", directory.file("a.tar")], exits: 0))
    let listed = try #require(inspected.objects("archives").first?["images"] as? [[String: Any]])
    let original = try #require(listed.first?["digest"] as? String)
    #expect(entry["archiveDigest"] as? String == original && original != digest)
    result.complains("compressed: docker.io/library/a:1 \(original) → \(digest)")

    let changes = try #require(entry["compressedLayers"] as? [[String: Any]])
    let layers = try layers(of: digest)
    #expect(layers.count == 2 && changes.count == 2)
    for (index, layer) in layers.enumerated() {
      #expect(layer.type == "application/vnd.oci.image.layer.v1.tar+gzip")
      #expect(try unpacked(layer.digest) == image.layers[index])
      #expect(changes[index]["from"] as? String == BlobDigest.of(image.layers[index]))
      #expect(changes[index]["to"] as? String == layer.digest)
      #expect(changes[index]["toBytes"] as? Int == registry.storage.bytes(of: layer.digest)?.count)
      result.complains("layer \(BlobDigest.of(image.layers[index])) → \(layer.digest)")
    }
    #expect(registry.storage.hasBlob(image.id, in: "new/a"))
    // Always the same bytes: nothing is left to do.
    let again = try Report(`import`(directory.file("a.tar"), "--json"))
    #expect(try again.strings("images", "state") == ["identical"])
    // Podman and docker would take it.
    try Command.run(
      "skopeo",
      [
        "copy", "-q", "--insecure-policy", "--src-tls-verify=false", "docker://\(registry.host)/new/a:1",
        "docker-archive:\(directory.file("back.tar")):a:1",
      ])
  }

  @Test func `without the flag pushes layers as they are`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a")])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    let result = try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new", "--json", directory.file("a.tar")], exits: 0)
    let entry = try #require(Report(result).objects("images").first)
    #expect(entry["archiveDigest"] == nil && entry["compressedLayers"] == nil)
    let digest = try #require(registry.storage.digest(of: "new/a", "1"))
    #expect(try layers(of: digest).map(\.digest) == [BlobDigest.of(image.layers[0])])
  }

  @Test func `leaves what is compressed already as it is, and rewrites only what it must`() throws {
    let archive = try FixtureArchive.small()
    try `import`(archive)
    for name in FixtureArchive.smallImages {
      let parts = name.dropFirst("odd/".count).split(separator: ":").map(String.init)
      let digest = registry.storage.digest(of: "new/\(parts[0])", parts[1])
      #expect(try (digest == FixtureImages.digest(of: name)) == (name != "odd/plain:1"), "\(name)")
    }
  }

  @Test func `rewrites the indexes above`() throws {
    // Two platforms, made by skopeo of uncompressed images.
    let images = try ["amd64", "arm64"].map { architecture in
      let image = DockerSave.Image(["x:\(architecture)"], layers: [try DockerSave.layer(architecture)])
      try DockerSave([image]).write(to: directory.file("\(architecture).tar"))
      try ferry.run(
        [
          "import", "--plain-http", "--to", "\(registry.host)/src", directory.file("\(architecture).tar"),
        ], exits: 0)
      let digest = try #require(registry.storage.digest(of: "src/x", architecture))
      return (architecture: architecture, digest: digest, image: image)
    }
    let entries = try images.map { image in
      let size = try #require(registry.storage.bytes(of: image.digest)).count
      return
        #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(image.digest)","size":\#(size),"platform":{"os":"linux","architecture":"\#(image.architecture)"}}"#
    }
    let index = Array(
      #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(entries.joined(separator: ","))]}"#
        .utf8)
    var put = Command(
      "curl",
      [
        "-sSf", "-X", "PUT", "-H", "Content-Type: application/vnd.oci.image.index.v1+json", "--data-binary",
        "@-",
        "http://\(registry.host)/v2/src/x/manifests/both",
      ])
    put.input = index
    #expect(try put.run().status == 0)
    try ferry.export([registry.reference("src/x:both")], to: "both.tar")
    let report = try Report(`import`(ferry.file("both.tar"), "--json"))
    let digest = try #require(registry.storage.digest(of: "new/x", "both"))
    #expect(try report.strings("images", "archiveDigest") == [BlobDigest.of(index)])
    let pushed = try #require(registry.storage.bytes(of: digest))
    let manifests =
      try (JSONSerialization.jsonObject(with: Data(pushed)) as? [String: Any])?["manifests"]
      as? [[String: Any]] ?? []
    #expect(manifests.count == 2)
    for (entry, image) in zip(manifests, images) {
      #expect((entry["platform"] as? [String: String])?["architecture"] == image.architecture)
      let layer = try #require(layers(of: entry["digest"] as? String ?? "").first)
      #expect(try unpacked(layer.digest) == image.image.layers[0])
    }
  }

  @Test func `gives an image without a tag its new digest for a name`() throws {
    let image = DockerSave.Image(["x:1"], layers: [try DockerSave.layer("plain")])
    try DockerSave([image]).write(to: directory.file("x.tar"))
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/src", directory.file("x.tar")], exits: 0)
    let digest = try #require(registry.storage.digest(of: "src/x", "1"))
    try ferry.export(["\(registry.host)/src/x@\(digest)"], to: "x.tar")
    let report = try Report(`import`(ferry.file("x.tar"), "--json"))
    let new = try #require(report.strings("images", "digest").first)
    #expect(new != digest)
    #expect(try report.strings("images", "target") == ["\(registry.host)/new/x@\(new)"])
    #expect(registry.storage.hasManifest(new, in: "new/x"))
  }

  @Test func `reads a compressed archive twice, and copies one that comes through a pipe`() throws {
    let archive = try FixtureArchive.small()
    try Command.run("cp", [archive, directory.file("a.tar")])
    try Command.run("gzip", [directory.file("a.tar")])
    try `import`(directory.file("a.tar.gz"))
    #expect(
      try registry.storage.digest(of: "new/twice", "1") == FixtureImages.digest(of: "odd/twice:1"))
    let changed = try #require(registry.storage.digest(of: "new/plain", "1"))
    #expect(try changed != FixtureImages.digest(of: "odd/plain:1"))
    let piped = try Pipeline(ferry: ferry).run(
      "cat $1 | $ferry import --plain-http --to \(registry.host)/other --compress-layers -",
      [directory.file("a.tar.gz")])
    #expect(piped.status == 0, "\(piped.standardError)")
    piped.complains("copying standard input into", "reads layers twice")
    #expect(registry.storage.digest(of: "other/plain", "1") == changed)
  }

  @Test func `refuses to part a signature from its image`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a")])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    let inspected = try Report(ferry.run(["inspect", "--json", directory.file("a.tar")], exits: 0))
    let listed = inspected.objects("archives").first?["images"] as? [[String: Any]]
    let hex = try #require(listed?.first?["digest"] as? String).dropFirst("sha256:".count)
    let signature = DockerSave.Image(["a:sha256-\(hex).sig"], layers: [])
    try DockerSave([image, signature]).write(to: directory.file("b.tar"))
    try `import`(directory.file("b.tar"), exits: 64).complains("sha256:\(hex)", "without --compress-layers")
    #expect(registry.requests.isEmpty)
  }

  @Test func `finds damage before anything moves`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a")])
    var entries = try DockerSave([image]).entries()
    let place = try #require(entries.firstIndex { $0.name.hasSuffix("layer.tar") })
    var layer = image.layers[0]
    layer[700] ^= 4
    entries[place].kind = .file(layer)
    try PythonTar(entries).write(to: directory.file("a.tar"))
    try `import`(directory.file("a.tar"), exits: 14).complains(BlobDigest.of(image.layers[0]))
    #expect(registry.requests.isEmpty)
  }

  @Test func `goes on with an upload that was broken off, compressing again up to there`() throws {
    let archive = try LargeArchive.shared()
    try Command.run("cp", ["--reflink=auto", archive.path, ferry.file("a.tar")])
    let gateway = FaultGateway(
      before: registry.host, .continuing,
      faults: [
        GatewayFault(
          .stallRequest(after: 1 << 20), on: .pushedBytes.carrying(atLeast: 8 << 20), skipping: 1)
      ])
    let arguments = [
      "import", "--plain-http", "--jobs", "1", "--compress-layers", "--to", "\(gateway.host)/new", "a.tar",
    ]
    let running = try ferry.command(arguments).start()
    #expect(gateway.wait(received: 17 << 20))
    running.kill()
    gateway.waitUntilIdle()
    gateway.clearFaults()
    let before = gateway.received
    try ferry.run(arguments, exits: 0).complains("continuing with 17.0 MiB of 44.0 MiB")
    #expect(gateway.received - before < archive.size - 16 << 20)
    let digest = try #require(registry.storage.digest(of: "new/team/model", "1.0"))
    let pushed = try layers(of: digest)
    #expect(pushed.count == 4)
    for layer in pushed {
      #expect(archive.blobs.keys.contains(try BlobDigest.of(unpacked(layer.digest))))
    }
  }
}
