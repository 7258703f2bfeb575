import Foundation
import TestSupport
import Testing

/// What docker saved, and other tools after it, becomes images of a registry.
@Suite(.waiting) struct `Archives of docker save` {
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
      ["import", "--plain-http", "--to", "\(registry.host)/new", archive] + options, exits: status)
  }

  /// The config's digest, which is the image ID, and the layers' digests of an image in the registry.
  private func parts(_ repository: String, _ tag: String) throws -> (id: String, layers: [String]) {
    struct Part: Decodable { let digest: String }
    struct Manifest: Decodable {
      let config: Part
      let layers: [Part]
    }
    let digest = try #require(registry.storage.digest(of: "new/\(repository)", tag))
    let bytes = try #require(registry.storage.bytes(of: digest))
    #expect(BlobDigest.of(bytes) == digest)
    let manifest = try JSONDecoder().decode(Manifest.self, from: Data(bytes))
    for part in [manifest.config] + manifest.layers {
      #expect(registry.storage.bytes(of: part.digest).map { BlobDigest.of($0) } == part.digest)
    }
    return (manifest.config.digest, manifest.layers.map(\.digest))
  }

  @Test func `whose images are named by another digest than they have say so`() throws {
    let given = "sha256:" + String(repeating: "3", count: 64)
    let (archive, page) = (directory.file("a.tar"), directory.file("page.html"))
    try DockerSave([
      .init(
        ["old.example/team/a@\(given)", "old.example/team/a:1@\(given)", "old.example/team/a:2"],
        layers: [try DockerSave.layer("a")])
    ]).write(to: archive)
    let result = try `import`(
      archive, "--json", "--report", page, "--switch-over", directory.file("switch"), "--receipt",
      directory.file("receipt.json"))
    result.complains("old.example/team/a:1 was \(given) by the name in its archive")
    let images = try Report(result).objects("images")
    let digest = try #require(images.first?["digest"] as? String)
    let named = Dictionary(
      uniqueKeysWithValues: images.map { ($0["source"] as? String ?? "", $0["givenDigest"] as? String) })
    #expect(
      named == [
        "old.example/team/a@\(digest)": given, "old.example/team/a:1": given, "old.example/team/a:2": nil,
      ])
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("was \(given)"))
    let receipt = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: directory.file("receipt.json"))))
    let received = try #require((receipt as? [String: Any])?["images"] as? [[String: Any]])
    #expect(
      Dictionary(
        uniqueKeysWithValues: received.map { ($0["source"] as? String ?? "", $0["givenDigest"] as? String) })
        == named)
    // Who has the receipt alone makes the same names of it.
    try ferry.run(
      [
        "check", directory.file("receipt.json"), "--plain-http", "--to", "\(registry.host)/new",
        "--switch-over", directory.file("again"),
      ], exits: 0)
    let again = try String(contentsOfFile: directory.file("again/names.tsv"), encoding: .utf8)
    #expect(again.contains("old.example/team/a@\(given)\t"))
    let names = try String(contentsOfFile: directory.file("switch/names.tsv"), encoding: .utf8)
    #expect(names.contains("old.example/team/a@\(given)\t"))
    let shown = try ferry.run(["inspect", archive], exits: 0).standardOutput
    #expect(shown.contains("old.example/team/a@\(digest) was \(given)"))
    let inspected = try Report(ferry.run(["inspect", "--json", archive], exits: 0)).objects("archives").first
    let listed = inspected?["images"] as? [[String: Any]] ?? []
    #expect(listed.count { $0["givenDigest"] as? String == given } == 2 && listed.count == 3)
  }

  @Test func `of skopeo keep the image's ID and its layers' contents`() throws {
    for name in ["tools/busybox:1.35", "docker/schema2:1", "odd/twice:1"] {
      let archive = directory.file("a.tar")
      let raw = try Command(
        "skopeo",
        [
          "inspect", "--config", "--raw", "--tls-verify=false",
          "docker://\(RegistryProcess.fixtures().reference(name))",
        ]
      ).run()
      try Command.run(
        "skopeo",
        [
          "copy", "-q", "--insecure-policy", "--src-tls-verify=false",
          "docker://\(RegistryProcess.fixtures().reference(name))", "docker-archive:\(archive):\(name)",
        ])
      try ferry.run(["verify", "--deep", archive], exits: 0)
      try `import`(archive)
      let place = name.split(separator: "/")[1].split(separator: ":").map(String.init)
      let (id, layers) = try parts(place[0], place[1])
      #expect(id == BlobDigest.of(raw.output))
      struct Config: Decodable {
        struct RootFS: Decodable { let diff_ids: [String] }
        let rootfs: RootFS
      }
      #expect(try layers == JSONDecoder().decode(Config.self, from: Data(raw.output)).rootfs.diff_ids)
      // It stays the same image to those who have it.
      let back = try Command(
        "skopeo",
        [
          "inspect", "--config", "--raw", "--tls-verify=false",
          "docker://\(registry.host)/new/\(place.joined(separator: ":"))",
        ]
      ).run()
      #expect(back.output == raw.output)
      try FileManager.default.removeItem(atPath: archive)
    }
  }

  @Test func `with several images and names arrive under all of them, and once only`() throws {
    let shared = try DockerSave.layer("shared")
    let one = DockerSave.Image(
      ["alpine:3.20", "localhost/x:2"], layers: [shared, try DockerSave.layer("one")])
    let two = DockerSave.Image(["nvcr.io/olddept/two:1"], layers: [try DockerSave.layer("two"), shared])
    try DockerSave([one, two]).write(to: directory.file("a.tar"))
    let report = try Report(`import`(directory.file("a.tar"), "--json"))
    #expect(
      try report.strings("images", "source")
        == ["docker.io/library/alpine:3.20", "nvcr.io/olddept/two:1", "localhost/x:2"])
    for name in [("alpine", "3.20"), ("x", "2")] {
      let found = try parts(name.0, name.1)
      #expect(found.id == one.id && found.layers == one.layers.map { BlobDigest.of($0) })
    }
    #expect(try parts("two", "1").id == two.id)
    let again = try Report(`import`(directory.file("a.tar"), "--json", "--image", "alpine:3.20"))
    #expect(try again.strings("images", "state") == ["identical"])
    // A rule sees the repository without docker's host.
    try `import`(directory.file("a.tar"), "--map", "library/*=hub/$1", "--image", "alpine")
    #expect(try parts("hub/alpine", "3.20").id == one.id)
  }

  @Test(arguments: ["bz2", "lzma"])
  func `with layers that no registry has a type for are refused by name, not as damage`(
    packing: String
  ) throws {
    let made = try MadeArchive(
      """
      import \(packing)
      i = Image('x', kind='layer.v1.tar', zip=False); i.layers = [\(packing).compress(l) for l in i.plain]
      write({**saved(i), 'manifest.json': text([i.listed(['old.example/x:1'])])})
      """)
    let pipeline = Pipeline(ferry: ferry)
    for verb in ["verify", "inspect", "import --plain-http --to \(registry.host)/new"] {
      for way in ["$ferry \(verb) \"$1\"", "cat \"$1\" | $ferry \(verb) -"] {
        let refused = try pipeline.run(way, [made.path])
        #expect(refused.status == 64, "\(way)")
        refused.complains("has a layer that \(packing == "bz2" ? "bzip2" : "xz") compressed", "skopeo copy")
        #expect(!(refused.standardOutput + refused.standardError).lowercased().contains("damage"), "\(way)")
      }
    }
  }

  @Test func `whose layers bzip2 compressed are whole in a layout, where digests are of these`() throws {
    let made = try MadeArchive(
      """
      import bz2
      i = Image('x'); i.layers = [bz2.compress(l) for l in i.plain]
      i.document['layers'] = [of(l, OCI + 'layer.v1.tar+gzip') for l in i.layers]
      i.manifest = text(i.document); i.blobs = [i.manifest, i.config, *i.layers]
      write(layout([i.entry('x:1')], i.blobs)); print(digest(i.manifest))
      """)
    #expect(try ferry.run(["verify", "--deep", made.path], exits: 0).standardOutput.contains("whole"))
    try `import`(made.path)
    #expect(registry.storage.digest(of: "new/x", "1") == made.printed.first)
  }

  @Test func `of Docker 25 and later are the layouts that they hold`() throws {
    // Docker's: everything under blobs/, its own list beside index.json.
    let image = DockerSave.Image(["app:1"], layers: [try DockerSave.layer("a"), try DockerSave.layer("b")])
    let type = "application/vnd.oci.image"
    func path(_ bytes: [UInt8]) -> String { "blobs/sha256/\(BlobDigest.of(bytes).dropFirst(7))" }
    func descriptor(_ suffix: String, _ bytes: [UInt8]) -> String {
      #"{"mediaType":"\#(type).\#(suffix)","digest":"\#(BlobDigest.of(bytes))","size":\#(bytes.count)}"#
    }
    let layers = image.layers.map { descriptor("layer.v1.tar", $0) }.joined(separator: ",")
    let manifest = Array(
      #"{"schemaVersion":2,"mediaType":"\#(type).manifest.v1+json","config":\#(descriptor("config.v1+json", image.config)),"layers":[\#(layers)]}"#
        .utf8)
    let index =
      #"{"schemaVersion":2,"mediaType":"\#(type).index.v1+json","manifests":[\#(descriptor("manifest.v1+json", manifest).dropLast()),"annotations":{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.ref.name":"1"}}]}"#
    let list =
      #"[{"Config":"\#(path(image.config))","RepoTags":["app:1"],"Layers":["\#(path(image.layers[0]))","\#(path(image.layers[1]))"]}]"#
    let blobs = [image.config, manifest] + image.layers
    func write(repositories: String) throws {
      try PythonTar(
        [.init("blobs/", .directory), .init("blobs/sha256/", .directory)]
          + blobs.map { .init(path($0), .file($0)) }
          + [
            .init("index.json", index), .init("manifest.json", list),
            .init("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#), .init("repositories", repositories),
          ], .pax, isChatty: true
      ).write(to: directory.file("a.tar"))
    }
    // A name that no other list has, and leads to nothing, would not arrive, and nobody would know.
    try write(repositories: #"{"app":{"1":"x"},"gone":{"2":"x"}}"#)
    for command in ["verify", "inspect"] {
      let result = try ferry.run([command, directory.file("a.tar")], exits: 14)
      #expect((result.standardOutput + result.standardError).contains("docker.io/library/gone:2 stands in"))
    }
    let top = BlobDigest.of(image.layers[1]).dropFirst("sha256:".count)
    try write(repositories: #"{"app":{"1":"x"},"other":{"2":"\#(top)"}}"#)
    try ferry.run(["verify", "--deep", directory.file("a.tar")], exits: 0)
    try `import`(directory.file("a.tar"))
    #expect(registry.storage.digest(of: "new/app", "1") == BlobDigest.of(manifest))
    #expect(registry.storage.digest(of: "new/other", "2") == BlobDigest.of(manifest))
    #expect(try parts("app", "1").id == image.id)
  }

  @Test func `without a name say what to type`() throws {
    let image = DockerSave.Image([], layers: [try DockerSave.layer("a")])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    try `import`(directory.file("a.tar"), exits: 64).complains("--as REPOSITORY:TAG")
    try `import`(directory.file("a.tar"), "--as", "named:1")
    #expect(try parts("named", "1").id == image.id)

    let other = DockerSave.Image([], layers: [try DockerSave.layer("b")])
    try DockerSave([image, other]).write(to: directory.file("b.tar"))
    let refused = try `import`(directory.file("b.tar"), exits: 64)
    // What it tells to type is typed.
    let advice = try #require(refused.standardError.firstMatch(of: /--image (sha256:[0-9a-f]{64}) --as/)?.1)
    try `import`(directory.file("b.tar"), "--image", String(advice), "--as", "first:1")
    #expect(try parts("first", "1").id == image.id)
  }

  @Test func `that were piped through gzip are read as they are`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a")])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    try Command.run("gzip", [directory.file("a.tar")])
    try `import`(directory.file("a.tar.gz"), "--compress-layers")
    #expect(try parts("a", "1").id == image.id)
  }

  @Test func `that were cut by split are put together`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a", size: 9000)])
    try DockerSave([image]).write(to: directory.file("a.tar"))
    try Command.run(
      "split",
      [
        "-b", "7000", "-d", "-a", "3", "--numeric-suffixes=1", directory.file("a.tar"),
        directory.file("a.tar."),
      ])
    try FileManager.default.removeItem(atPath: directory.file("a.tar"))
    try `import`(directory.file("a.tar.002"))
    #expect(try parts("a", "1").id == image.id)
  }

  @Test func `with a layer that is not what its config says are damaged, and nothing is pushed`() throws {
    let image = DockerSave.Image(["a:1"], layers: [try DockerSave.layer("a"), try DockerSave.layer("b")])
    var entries = try DockerSave([image]).entries()
    let place = try #require(entries.lastIndex { $0.name.hasSuffix("layer.tar") })
    var layer = image.layers[1]
    layer[600] ^= 1
    entries[place].kind = .file(layer)
    try PythonTar(entries).write(to: directory.file("a.tar"))
    let verified = try ferry.run(["verify", directory.file("a.tar")], exits: 14)
    let named = BlobDigest.of(image.layers[1])
    #expect(verified.standardOutput.contains("damaged: \(named) hashes to \(BlobDigest.of(layer))"))
    #expect(verified.standardOutput.contains("hurts docker.io/library/a:1"))
    try `import`(directory.file("a.tar"), exits: 14).complains(named)
    #expect(registry.storage.tags(of: "new/a") == [] && !registry.storage.hasBlob(named, in: "new/a"))

    // Compressed, it is found when the archive is opened: not a request is made.
    let other = try RegistryProcess()
    var gzip = Command("gzip", ["-nc"])
    gzip.input = layer
    entries[place].kind = .file(try gzip.run().output)
    try PythonTar(entries).write(to: directory.file("a.tar"))
    try ferry.run(["verify", directory.file("a.tar")], exits: 14)
    try ferry.run(
      ["import", directory.file("a.tar"), "--plain-http", "--to", "\(other.host)/new"], exits: 14
    ).complains("unpacks to \(BlobDigest.of(layer))")
    other.stop()
    #expect(other.requests.isEmpty)
  }
}
