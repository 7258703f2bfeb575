import Foundation
import TestSupport
import Testing

/// Images of which parts are named by sha512, or sha384: carried, proved by that, pushed and read back under that name.
@Suite(.waiting) struct `An image with longer digests` {
  /// What of it is named so.
  enum Form: String, CaseIterable {
    case layer, config, manifest, child, everything, sha384

    var algorithm: String { self == .sha384 ? "sha384" : "sha512" }
    var layer: String { [.layer, .everything, .sha384].contains(self) ? algorithm : "sha256" }
    var config: String { [.config, .everything].contains(self) ? algorithm : "sha256" }
    var manifest: String { [.manifest, .child, .everything].contains(self) ? algorithm : "sha256" }
    var content: String { self == .everything ? algorithm : "sha256" }
  }

  private static let oci = "application/vnd.oci.image"
  private static let layers: [[UInt8]] = {
    var random = SeededGenerator(seed: 512)
    return [random.bytes(90_000), random.bytes(5_000)]
  }()

  private let ferry: FerryProcess
  private let source = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  /// An image in `registry`; the digests of its root, and of its parts that are not by sha256.
  @discardableResult
  private func add(
    _ form: Form, to repository: String = "old/app", layers: [[UInt8]] = layers, subject: String? = nil,
    tag: String? = "1"
  ) -> (root: String, size: Int, long: [String]) {
    var long: [String] = []
    func part(_ bytes: [UInt8], _ type: String, by algorithm: String) -> String {
      let digest = source.add(bytes, by: algorithm)
      if algorithm != "sha256" { long.append(digest) }
      return #"{"mediaType":"\#(Self.oci).\#(type)","digest":"\#(digest)","size":\#(bytes.count)}"#
    }
    let ids = layers.map { "\"\(BlobDigest.of($0, by: form.content))\"" }.joined(separator: ",")
    let config =
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#
    let listed = layers.map { part($0, "layer.v1.tar", by: form.layer) }.joined(separator: ",")
    let more = subject.map { #","subject":\#($0)"# } ?? ""
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(Self.oci).manifest.v1+json",\
      "config":\(part(Array(config.utf8), "config.v1+json", by: form.config)),"layers":[\(listed)]\(more)}
      """
    let isChild = form == .child
    let digest = source.add(
      manifest: manifest, as: "\(Self.oci).manifest.v1+json", to: repository, tag: isChild ? nil : tag,
      by: form.manifest)
    if form.manifest != "sha256" { long.append(digest) }
    guard isChild else { return (digest, manifest.utf8.count, long) }
    let index = """
      {"schemaVersion":2,"mediaType":"\(Self.oci).index.v1+json","manifests":[\
      {"mediaType":"\(Self.oci).manifest.v1+json","digest":"\(digest)","size":\(manifest.utf8.count),\
      "platform":{"architecture":"amd64","os":"linux"}}]}
      """
    let root = source.add(
      manifest: index, as: "\(Self.oci).index.v1+json", to: repository, tag: tag)
    return (root, index.utf8.count, long)
  }

  private func path(_ digest: String) -> String { "blobs/" + digest.replacing(":", with: "/") }

  private func arguments(_ registry: ScriptedRegistry, _ options: String..., archive: String = "a.tar")
    -> [String]
  {
    ["import", archive, "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"] + options
  }

  @Test(arguments: Form.allCases) func `lies under its algorithm's name, and is whole in every form`(
    form: Form
  )
    throws
  {
    let (_, _, long) = add(form)
    add(.layer, to: "old/plain", layers: [[1]])
    try ferry.export(["old/app:1", "old/plain:1"].map(source.reference), to: "a.tar", "--checksum")
    let archive = try DamagedArchive(of: ferry.file("a.tar"))
    for digest in long { #expect(try archive.entry(path(digest)).size > 0) }
    // A Ferry that knows of no such digests is to say so at once.
    let own = try archive.entry("ferry.json")
    #expect(
      String(decoding: archive.bytes[own.content..<own.end], as: UTF8.self).contains(#""formatVersion":6"#))
    let verified = try ferry.run(["verify", "a.tar", "--deep"], exits: 0).standardOutput
    #expect(verified.contains("3 layers unpacked and compared"))
    try ferry.run(["inspect", "a.tar"], exits: 0)
    let pipeline = Pipeline(ferry: ferry)
    let script = """
      set -e
      mkdir tree && tar -xf a.tar -C tree && $ferry verify --deep tree
      gzip -k a.tar && $ferry verify --deep a.tar.gz
      cat a.tar | $ferry verify --deep -
      cat a.tar.gz | $ferry verify --deep -
      tar -cf again.tar -C tree . && $ferry verify --deep again.tar && cat again.tar | $ferry verify --deep -
      split -b 30000 -d -a 3 --numeric-suffixes=1 a.tar cut.tar. && $ferry verify --deep cut.tar.001
      $ferry export --plain-http -o - "$@" > stream.tar && cmp a.tar stream.tar
      """
    let result = try pipeline.run(script, ["old/app:1", "old/plain:1"].map(source.reference))
    #expect(result.status == 0, "\(result.standardError) \(result.standardOutput)")
    // Of the same images comes the same archive.
    try ferry.export(["old/plain:1", "old/app:1"].map(source.reference), to: "b.tar")
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("b.tar")))
    // That registry has no catalog, so what is new is not known; what is there is the same.
    let checked = try ferry.run(["check", "a.tar", "--plain-http"], exits: 3)
    #expect(!checked.standardOutput.contains("moved"))
  }

  @Test(arguments: Form.allCases) func `is found damaged where one bit is wrong`(form: Form) throws {
    let (_, _, long) = add(form)
    add(.layer, to: "old/good", layers: [[1]])
    let names = ["old/app:1", "old/good:1"].map(source.reference)
    try ferry.export(names, to: "a.tar")
    for digest in long {
      var damaged = try DamagedArchive(of: ferry.file("a.tar"))
      try damaged.flip(damaged.entry(path(digest)).content + 40)
      try damaged.write(to: ferry.file("d.tar"))
      let found = try ferry.run(["verify", "d.tar"], exits: 14).standardOutput
      #expect(found.contains(digest) && found.contains("hurts \(names[0])"))
      #expect(!found.contains("hurts \(names[1])"))
      let piped = try Pipeline(ferry: ferry).run("gzip -c d.tar | $ferry verify -")
      #expect(piped.status == 14 && piped.standardOutput.contains(digest))
      let target = ScriptedRegistry()
      try ferry.run(arguments(target, "--keep-going", archive: "d.tar"), exits: 3).complains(names[0])
      #expect(target.tags == ["new/good:1"])
      #expect(target.bytes(of: digest) == nil)
    }
  }

  @Test(
    arguments: Form.allCases.filter { $0 != .sha384 },
    [ScriptedRegistry.OtherDigests.taken, .renamed, .tagged])
  func `arrives under the same names, and is known again there`(
    form: Form, destination: ScriptedRegistry.OtherDigests
  ) throws {
    let (root, _, long) = add(form)
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let target = ScriptedRegistry(otherDigests: destination)
    try ferry.run(arguments(target, "--receipt", "r.json"), exits: 0)
    #expect(target.tags == ["new/app:1"])
    for digest in long { #expect(target.bytes(of: digest) != nil) }
    #expect(target.hasManifest(root, in: "new/app"))
    if destination == .tagged { #expect(target.digest(of: "new/app", "1") == root) }
    let receipt = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    #expect(receipt.contains(root) && long.allSatisfy { receipt.contains($0) })
    // What is there is sent no second time.
    let sent = target.server.requests.count { $0.method == "PUT" }
    try ferry.run(arguments(target), exits: 0).complains("there already")
    #expect(target.server.requests.count { $0.method == "PUT" } == sent)
    let check = ["--plain-http", "--to", "\(target.host)/new", "--read-back"]
    try ferry.run(["check", "a.tar"] + check, exits: 0)
    try ferry.run(["check", "r.json", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
    // And by its digest.
    try ferry.export(["\(target.host)/new/app@\(root)"], to: "again.tar")
    try ferry.run(["verify", "--deep", "again.tar"], exits: 0)
    // What another has put under the tag is another image.
    target.add(image: [[7]], to: "new/app", tag: "1")
    try ferry.run(arguments(target), exits: 15).complains("new/app:1")
    try ferry.run(["check", "a.tar"] + check, exits: 4)
  }

  @Test(arguments: Form.allCases.filter { $0 != .sha384 })
  func `fails alone, by its name, where a registry takes no such digests`(form: Form) throws {
    add(form)
    source.add(image: [[1]], to: "old/good", tag: "1")
    let names = ["old/app:1", "old/good:1"].map(source.reference)
    try ferry.export(names, to: "a.tar")
    let target = ScriptedRegistry(otherDigests: .refused)
    let refused = try ferry.run(arguments(target, "--keep-going"), exits: 3)
    refused.complains(names[0], ", a sha512 and no sha256: it answers 400", "with sha256 alone")
    #expect(!refused.standardError.contains(names[1]))
    #expect(target.tags == ["new/good:1"])
    let alone = ScriptedRegistry(otherDigests: .refused)
    try ferry.run(arguments(alone), exits: 15).complains("a sha512 and no sha256: it answers 400")
    #expect(!alone.tags.contains("new/app:1"))
  }

  @Test func `is not there where a tag holds its bytes and nothing goes by its digest`() throws {
    let (root, _, _) = add(.manifest)
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let target = ScriptedRegistry(otherDigests: .refused)
    let manifest = try #require(source.bytes(of: root))
    let text = String(decoding: manifest, as: UTF8.self)
    for digest in text.matches(of: /sha256:[0-9a-f]{64}/) {
      target.add(try #require(source.bytes(of: String(digest.output))))
    }
    target.add(manifest: text, as: "\(Self.oci).manifest.v1+json", to: "new/app", tag: "1")
    let result = try ferry.command(arguments(target, "--receipt", "r.json")).run()
    #expect(result.status == 15, "\(result.standardError)")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
  }

  /// distribution 2.8.2 takes blobs by sha512, and calls them by their sha256; manifests by sha512 it refuses.
  @Test func `goes to Debian's registry and back where its manifests are by sha256, and else fails alone`()
    throws
  {
    let forms = Form.allCases
    for form in forms { add(form, to: "old/\(form)") }
    try ferry.export(forms.map { source.reference("old/\($0):1") }, to: "a.tar")
    let target = try RegistryProcess()
    let result = try ferry.run(
      ["import", "a.tar", "--to", target.reference("new"), "--plain-http", "--keep-going"], exits: 3)
    for form in forms {
      let isTaken = form.manifest == "sha256"
      #expect(result.standardError.contains("failed: \(source.reference("old/\(form):1"))") != isTaken)
      #expect((target.storage.digest(of: "new/\(form)", "1") != nil) == isTaken)
      guard isTaken else { continue }
      try ferry.export([target.reference("new/\(form):1")], to: "\(form).tar")
      try ferry.run(["verify", "--deep", "\(form).tar"], exits: 0)
    }
    result.complains("a sha512 and no sha256: it answers 400: DIGEST_INVALID")
    try ferry.run(
      ["check", "a.tar", "--to", target.reference("new"), "--plain-http", "--read-back"], exits: 4)
  }

  @Test func `is exported by a digest, and refused where the registry gives other bytes`() throws {
    let (root, _, _) = add(.manifest)
    let name = source.reference("old/app@\(root)")
    try ferry.export([name], to: "a.tar")
    #expect(try ferry.run(["verify", "a.tar"], exits: 0).standardOutput.contains("whole"))
    let liar = ScriptedRegistry { [source] request in
      guard request.path.hasSuffix("/manifests/\(root)") else { return source.answer(request) }
      let bytes = source.bytes(of: root).map { $0 + Array(" ".utf8) } ?? []
      return ScriptedResponse(headers: [("Content-Type", "\(Self.oci).manifest.v1+json")], body: bytes)
    }
    try ferry.run(["export", "--plain-http", "-o", "b.tar", "\(liar.host)/old/app@\(root)"], exits: 14)
      .complains("sha512:")
    // The archive digest stays a sha256.
    try ferry.run(["verify", "a.tar", "--expect", root], exits: 64).complains("is not sha256:")
  }

  @Test func `is told apart from the same content by sha256`() throws {
    let bytes = Self.layers[0]
    add(.everything, layers: [bytes])
    source.add(image: [bytes], to: "old/usual", tag: "1")
    try ferry.export(["old/app:1", "old/usual:1"].map(source.reference), to: "a.tar")
    let archive = try DamagedArchive(of: ferry.file("a.tar"))
    for algorithm in ["sha256", "sha512"] {
      #expect(try archive.entry(path(BlobDigest.of(bytes, by: algorithm))).size == bytes.count)
    }
    // Names are no proof: content that hashes to one of them is none of the other.
    let twin = try MadeArchive(
      """
      import hashlib
      i = plain('i')
      wrong = 'sha384:' + hashlib.sha384(b'other').hexdigest()
      i.document['layers'][0]['digest'] = wrong
      i.manifest = text(i.document); i.blobs[0] = i.manifest
      f = layout([i.entry('i:1')], i.blobs)
      f.pop(blob(i.layers[0])); f['blobs/' + wrong.replace(':', '/')] = i.layers[0]
      write(f)
      """)
    #expect(try ferry.run(["verify", twin.path], exits: 14).standardOutput.contains("sha384:"))
  }

  @Test func `is resumed inside a layer after a kill, hashing again what is there`() throws {
    var random = SeededGenerator(seed: 9)
    let layer = random.bytes(40 << 20)
    let digest = BlobDigest.of(layer, by: "sha512")
    let ranged = ScriptedRegistry { [source] request in
      guard request.method == "GET", request.path.hasSuffix(digest),
        let start = request.header("Range")?.firstMatch(of: /bytes=(\d+)-$/).flatMap({ Int($0.1) })
      else { return source.answer(request) }
      return ScriptedResponse(
        206, headers: [("Content-Range", "bytes \(start)-\(layer.count - 1)/\(layer.count)")],
        body: Array(layer[start...]))
    }
    add(.everything, layers: [layer])
    let gateway = FaultGateway(before: ranged.host)
    let export = [
      "export", "--plain-http", "--stall-timeout", "3600", "-o", "a.tar", gateway.reference("old/app:1"),
    ]
    gateway.add(.always(.stallAnswer(after: 30 << 20), on: .pulledBlob.naming(digest)))
    let running = try ferry.command(export).start()
    let least = [digest: (30 << 20) - ArchiveClaims.tail]
    #expect(try ArchiveClaims.wait(of: ferry.file("a.tar"), for: least), "\(running.standardError)")
    running.signal(SIGKILL)
    _ = running.waitForEnd()
    #expect(gateway.waitUntilIdle())
    gateway.clearFaults()
    gateway.resetCounts()
    let claimed = try #require(ArchiveClaims(of: ferry.file("a.tar")).bytes[digest])
    try ferry.run(export, exits: 0)
    let moved = gateway.exchanges.filter { $0.path.contains(digest) }.reduce(0) { $0 + $1.sent }
    #expect(moved == layer.count - claimed, "what was there was not fetched again")
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)

    // What a fault has changed meanwhile is fetched again.
    try FileManager.default.removeItem(atPath: ferry.file("a.tar"))
    gateway.add(.always(.stallAnswer(after: 30 << 20), on: .pulledBlob.naming(digest)))
    let second = try ferry.command(export).start()
    #expect(try ArchiveClaims.wait(of: ferry.file("a.tar"), for: least), "\(second.standardError)")
    second.signal(SIGKILL)
    _ = second.waitForEnd()
    #expect(gateway.waitUntilIdle())
    gateway.clearFaults()
    let file = try #require(FileHandle(forUpdatingAtPath: ferry.file("a.tar.partial")))
    try file.seek(toOffset: 1 << 20)
    try file.write(contentsOf: Data([1, 2, 3, 4, 5, 6, 7, 8]))
    try file.close()
    try ferry.run(export, exits: 0)
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
  }

  @Test func `is pushed on with where its upload was broken off`() throws {
    let registry = try RegistryProcess()
    var random = SeededGenerator(seed: 10)
    add(.layer, layers: [random.bytes(40 << 20)])
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let gateway = FaultGateway(
      before: registry.host, .continuing,
      faults: [
        GatewayFault(
          .stallRequest(after: 1 << 20), on: .pushedBytes.carrying(atLeast: 8 << 20), skipping: 1)
      ])
    let arguments = [
      "import", "--plain-http", "--jobs", "1", "--to", "\(gateway.host)/new", "a.tar",
    ]
    let running = try ferry.command(arguments).start()
    #expect(gateway.wait(received: 17 << 20))
    running.kill()
    #expect(gateway.waitUntilIdle())
    gateway.clearFaults()
    let before = gateway.received
    try ferry.run(arguments, exits: 0).complains("continuing with 17.0 MiB of 40.0 MiB")
    #expect(gateway.received - before < 24 << 20)
    let check = ["check", "a.tar", "--to", "\(gateway.host)/new", "--plain-http", "--read-back"]
    try ferry.run(check, exits: 0)
  }

  @Test func `is left out of a delta, and refused to docker of old`() throws {
    add(.everything)
    try ferry.export([source.reference("old/app:1")], to: "base.tar")
    add(.everything, to: "old/next", layers: [Self.layers[0], [3]])
    try ferry.export([source.reference("old/next:1")], to: "delta.tar", "--skip-known", "base.tar")
    try ferry.run(["verify", "delta.tar"], exits: 0)
    let shared = path(BlobDigest.of(Self.layers[0], by: "sha512"))
    #expect(throws: TestFailure.self) { try DamagedArchive(of: ferry.file("delta.tar")).entry(shared) }
    let target = ScriptedRegistry()
    try ferry.run(arguments(target, archive: "base.tar"), exits: 0)
    try ferry.run(arguments(target, archive: "delta.tar"), exits: 0)
    #expect(target.tags == ["new/app:1", "new/next:1"])
    try ferry.run(
      [
        "export", "--plain-http", "--docker-compatible", "--platform", "linux/amd64", "-o", "d.tar",
        source.reference("old/app:1"),
      ], exits: 16
    ).complains("knows no digests but sha256", "sha512:")
  }

  @Test(arguments: [ScriptedRegistry.OtherDigests.taken, .renamed])
  func `takes what refers to it along`(destination: ScriptedRegistry.OtherDigests) throws {
    let image = add(.manifest)
    let subject =
      #"{"mediaType":"\#(Self.oci).manifest.v1+json","digest":"\#(image.root)","size":\#(image.size)}"#
    let signature = add(.layer, layers: [[9]], subject: subject, tag: nil)
    let hex = image.root.drop { $0 != ":" }.dropFirst().prefix(64)
    source.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(Self.oci).index.v1+json","manifests":[\
        {"mediaType":"\(Self.oci).manifest.v1+json","digest":"\(signature.root)","size":\(signature.size)}]}
        """, as: "\(Self.oci).index.v1+json", to: "old/app", tag: "sha512-\(hex)")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    try ferry.run(["verify", "--deep", "a.tar"], exits: 0)
    let target = ScriptedRegistry(otherDigests: destination)
    try ferry.run(arguments(target), exits: 0)
    #expect(target.tags == ["new/app:1", "new/app:sha512-\(hex)"])
    #expect(target.hasManifest(signature.root, in: "new/app"))
    try ferry.run(["check", "a.tar", "--plain-http", "--to", "\(target.host)/new", "--read-back"], exits: 0)
    // A list that is there is added to.
    let other = ScriptedRegistry(otherDigests: destination)
    other.add(
      manifest: #"{"schemaVersion":2,"mediaType":"\#(Self.oci).index.v1+json","manifests":[]}"#,
      as: "\(Self.oci).index.v1+json", to: "new/app", tag: "sha512-\(hex)")
    try ferry.run(arguments(other), exits: 0)
    let list = try #require(other.digest(of: "new/app", "sha512-\(hex)").flatMap(other.bytes))
    #expect(String(decoding: list, as: UTF8.self).contains(signature.root))
  }
}
