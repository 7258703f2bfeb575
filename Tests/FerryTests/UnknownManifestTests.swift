import Foundation
import Synchronization
import TestSupport
import Testing

/// Manifests of types that nobody has heard of: as images with a tag, below an index, and as what refers to something.
@Suite(.waiting) struct `A manifest of an unknown type` {
  private static let type = "application/vnd.unheard.of.manifest.v7+json"
  private static let oci = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"

  private let ferry: FerryProcess
  /// The digests of what the source gives as manifests and not as blobs, as most registries do.
  private let manifests = DigestBox()
  private let source: ScriptedRegistry

  private final class DigestBox: Sendable {
    private let digests = Mutex<Set<String>>([])

    func add(_ digest: String) -> String {
      _ = digests.withLock { $0.insert(digest) }
      return digest
    }

    /// A blob that is none, or a manifest that is none.
    func hides(_ request: ScriptedRequest) -> Bool {
      guard let digest = request.path.split(separator: "/").last.map(String.init), digest.hasPrefix("sha256:")
      else { return false }
      let isManifest = digests.withLock { $0.contains(digest) }
      return request.path.contains(isManifest ? "/blobs/" : "/manifests/")
    }
  }

  init() throws {
    ferry = try FerryProcess()
    source = Self.registry(manifests)
  }

  private static func registry(_ manifests: DigestBox, referrersPage: Int? = 9) -> ScriptedRegistry {
    ScriptedRegistry(referrersPage: referrersPage) { request in
      guard ["GET", "HEAD"].contains(request.method), manifests.hides(request) else { return nil }
      return ScriptedResponse(404, json: #"{"errors":[{"code":"BLOB_UNKNOWN","message":"unknown"}]}"#)
    }
  }

  @discardableResult
  private func add(_ text: String, as type: String = type, tag: String? = nil) -> String {
    manifests.add(source.add(manifest: text, as: type, to: "old/app", tag: tag))
  }

  @discardableResult
  private func addImage(_ content: UInt8, tag: String?) -> String {
    let bytes: [UInt8] = [content, 7]
    let config =
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(BlobDigest.of(bytes))"]}}"#
    let named = descriptor(config, "application/vnd.oci.image.config.v1+json")
    let layer = source.add(bytes)
    return add(
      """
      {"schemaVersion":2,"mediaType":"\(Self.oci)","config":\(named),"layers":[{"mediaType":\
      "application/vnd.oci.image.layer.v1.tar","digest":"\(layer)","size":2}]}
      """, as: Self.oci, tag: tag)
  }

  private func descriptor(_ text: String, _ type: String = "text/plain") -> String {
    #"{"mediaType":"\#(type)","digest":"\#(source.add(Array(text.utf8)))","size":\#(text.utf8.count)}"#
  }

  private func entry(_ digest: String, _ type: String = type, _ more: String = "") -> String {
    #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(source.size(of: digest))\#(more)}"#
  }

  private func subject(_ digest: String) -> String { #""subject":\#(entry(digest, Self.oci))"# }

  private func addIndex(_ entries: [String], tag: String) -> String {
    add(
      #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[\#(entries.joined(separator: ","))]}"#,
      as: Self.index, tag: tag)
  }

  private func exporting(_ tags: String..., options: [String] = []) -> [String] {
    ["export", "--plain-http", "--retries", "0", "--force", "-o", "a.tar"]
      + tags.map { source.reference("old/app:\($0)") } + options
  }

  private func importing(_ host: String, _ options: String...) -> [String] {
    ["import", "a.tar", "--to", "\(host)/new", "--plain-http", "--retries", "0"] + options
  }

  /// One that names content in every place there is, and what it names.
  @discardableResult
  private func addEverything(tag: String? = nil, more: String = "") -> (digest: String, named: [String]) {
    let image = addImage(40, tag: nil)
    let inner = add(#"{"mediaType":"\#(Self.type)","blobs":[\#(descriptor("deep"))]}"#)
    let sizeless = source.add(Array("sizeless".utf8))
    let digest = add(
      """
      {"mediaType":"\(Self.type)","config":\(descriptor("config")),"layers":[\(descriptor("layer"))],\
      "blobs":[\(descriptor("blob")),\(descriptor("layer"))],"fsLayers":[{"blobSum":"\(sizeless)"}],\
      "manifests":[\(entry(image, Self.oci)),\(entry(inner))]\(more)}
      """, tag: tag)
    let texts = ["config", "layer", "blob", "sizeless", "deep"].map { BlobDigest.of(Array($0.utf8)) }
    return (digest, texts + [image, inner])
  }

  @Test func `travels with all that it names, byte for byte, and is said`() throws {
    let (digest, named) = addEverything(tag: "1")
    addImage(1, tag: "2")
    let exported = try ferry.run(exporting("1", "2", options: ["--json"]), exits: 0)
    exported.complains("carried as it is", digest, Self.type)
    #expect(!exported.standardError.contains("not carried"))
    let image = try #require(
      Report(exported).objects("images").first { ($0["reference"] as? String)?.hasSuffix(":1") == true })
    let unknown = try #require(image["unknownManifests"] as? [[String: Any]])
    #expect(unknown.compactMap { $0["digest"] as? String }.contains(digest))
    for command in [["verify"], ["verify", "--deep"], ["inspect"], ["inspect", "--long"]] {
      let words = try ferry.run(command + ["a.tar"], exits: 0).standardOutput
      #expect(words.contains(digest) && words.contains(Self.type), "\(words)")
    }
    // No other tool sees what it could not load.
    let index = Peer.text(try Peer.run("tar", "xOf", ferry.file("a.tar"), "index.json"))
    #expect(!index.contains(Self.type) && index.contains(source.reference("old/app:2")))
    try Peer.run("skopeo", "inspect", "--raw", "oci-archive:\(ferry.file("a.tar"))")

    let arrived = DigestBox()
    for digest in [digest, named[5], named[6]] { _ = arrived.add(digest) }
    let target = Self.registry(arrived)
    try ferry.run(importing(target.host, "--receipt", "r.json"), exits: 0)
    #expect(target.bytes(of: digest) == source.bytes(of: digest))
    #expect(target.digest(of: "new/app", "1") == digest)
    for digest in named { #expect(target.bytes(of: digest) == source.bytes(of: digest)) }
    for manifest in [digest, named[5], named[6]] { #expect(target.hasManifest(manifest, in: "new/app")) }
    let pushed = target.server.requests.filter { $0.method == "PUT" && $0.path.hasSuffix("/manifests/1") }
    #expect(pushed.map { $0.header("Content-Type") } == [Self.type])
    let proof = try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
    #expect(proof.standardOutput.contains("arrived  all of 2"))

    // Again there is nothing to do; and all of it is where it should be.
    let again = try ferry.run(importing(target.host, "--json"), exits: 0)
    #expect(try Set(Report(again).strings("images", "state")) == ["identical"])
    try ferry.run(["check", "a.tar", "--plain-http", "--no-new"], exits: 0)
    let check = ["check", "--plain-http", "--to", "\(target.host)/new"]
    try ferry.run(check + ["a.tar", "--read-back"], exits: 0)
    try ferry.run(check + ["r.json"], exits: 0)
  }

  @Test func `is missed by a check where it is gone below an index`() throws {
    let (digest, _) = addEverything()
    let image = addImage(2, tag: "2")
    _ = addIndex([entry(image, Self.oci), entry(digest)], tag: "1")
    try ferry.run(exporting("1"), exits: 0)
    let arrived = DigestBox()
    _ = arrived.add(digest)
    let gone = Mutex(false)
    let target = ScriptedRegistry { request in
      guard ["GET", "HEAD"].contains(request.method), request.path.hasSuffix(digest) else { return nil }
      let isGone = gone.withLock { $0 }
      return isGone || request.path.contains("/blobs/")
        ? ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#) : nil
    }
    try ferry.run(importing(target.host, "--receipt", "r.json"), exits: 0)
    let check = ["check", "--plain-http", "--to", "\(target.host)/new"]
    for file in ["a.tar", "r.json"] { try ferry.run(check + [file], exits: 0) }
    gone.withLock { $0 = true }
    for file in ["a.tar", "r.json"] {
      let found = try ferry.run(check + [file], exits: 4)
      #expect(found.standardOutput.contains(digest), "\(found.standardOutput)")
    }
  }

  @Test(arguments: ["", #","platform":{"os":"linux","architecture":"unheard"}"#])
  func `stands below an index as the manifest that it is`(platform: String) throws {
    let (digest, named) = addEverything()
    let image = addImage(2, tag: "2")
    let index = addIndex([entry(image, Self.oci), entry(digest, Self.type, platform)], tag: "1")
    // What refers to it comes along.
    let signature = add(#"{"mediaType":"\#(Self.type)","blobs":[\#(descriptor("sig"))],\#(subject(digest))}"#)
    try ferry.run(exporting("1"), exits: 0).complains("carried as it is", digest)
    let asked = source.server.requests.first { $0.path.hasSuffix("/manifests/\(digest)") }
    #expect(asked?.header("Accept")?.contains(Self.type) == true)
    try ferry.run(["verify", "a.tar"], exits: 0)
    let target = ScriptedRegistry(referrersPage: 9)
    try ferry.run(importing(target.host, "--receipt", "r.json"), exits: 0)
    #expect(target.digest(of: "new/app", "1") == index)
    for manifest in [digest, signature] { #expect(target.hasManifest(manifest, in: "new/app")) }
    for digest in named { #expect(target.bytes(of: digest) != nil) }
    try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
    guard !platform.isEmpty else { return }
    // For its platform it is one like any other, and left out like any other.
    try ferry.run(exporting("1", options: ["--platform", "linux/unheard"]), exits: 0)
    #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(digest))
    let other = add(
      #"{"mediaType":"\#(Self.type)","blobs":[\#(descriptor("other"))]}"#)
    let armed = #","platform":{"os":"linux","architecture":"arm64"}"#
    _ = addIndex([entry(digest, Self.type, platform), entry(other, Self.type, armed)], tag: "3")
    try ferry.run(exporting("3", options: ["--platform", "linux/arm64"]), exits: 0)
    #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(other))
  }

  @Test(arguments: [true, false]) func `refers to an image, and travels with it`(hasAPI: Bool) throws {
    let image = addImage(1, tag: "1")
    let blob = descriptor("sbom")
    let sbom = add(
      #"{"mediaType":"\#(Self.type)","artifactType":"x/sbom","blobs":[\#(blob)],\#(subject(image))}"#)
    let list = image.replacing(":", with: "-")
    let registry: ScriptedRegistry
    if hasAPI {
      registry = source
    } else {
      _ = addIndex([entry(sbom)], tag: list)
      registry = ScriptedRegistry { request in
        request.path.contains("/referrers/") ? ScriptedResponse(404, json: "{}") : nil
      }
      for digest in [image, sbom] + [try #require(source.digest(of: "old/app", list))] {
        let text = String(decoding: try #require(source.bytes(of: digest)), as: UTF8.self)
        registry.add(
          manifest: text, as: digest == image ? Self.oci : digest == sbom ? Self.type : Self.index,
          to: "old/app", tag: digest == image ? "1" : digest == sbom ? nil : list)
      }
      for match in try #require(source.bytes(of: image)).digests + [BlobDigest.of(Array("sbom".utf8))] {
        if let bytes = source.bytes(of: match) { registry.add(bytes) }
      }
    }
    let result = try ferry.run(
      ["export", "--plain-http", "--json", "-o", "a.tar", registry.reference("old/app:1")], exits: 0)
    result.complains("carried as it is", sbom)
    #expect(!result.standardError.contains("not carried"))
    try ferry.run(["verify", "a.tar"], exits: 0)
    for page in [9, nil] {
      let target = ScriptedRegistry(referrersPage: page)
      try ferry.run(importing(target.host, "--receipt", "r.json"), exits: 0)
      #expect(target.hasManifest(sbom, in: "new/app"))
      #expect(target.bytes(of: BlobDigest.of(Array("sbom".utf8))) != nil)
      #expect(page != nil || target.tags == ["new/app:1", "new/app:\(list)"])
      try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
      try ferry.run(["check", "a.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
    }
  }

  @Test(arguments: [
    "no JSON", "[]", #"{"x":1}"#, #"{"layers":7}"#, #"{"layers":[],"layers":[]}"#, #"{"Layers":[]}"#,
  ])
  func `that names nothing is carried as bytes, which is said`(text: String) throws {
    let digest = add(text, tag: "1")
    addImage(1, tag: "2")
    try ferry.run(exporting("1", "2"), exits: 0).complains("not carried: what \(digest)", Self.type)
    for command in ["verify", "inspect"] {
      let words = try ferry.run([command, "a.tar"], exits: 0).standardOutput
      #expect(words.contains("not carried: what \(digest) may list"), "\(words)")
    }
    let target = ScriptedRegistry()
    try ferry.run(importing(target.host), exits: 0)
    #expect(target.bytes(of: digest) == Array(text.utf8))
    #expect(target.digest(of: "new/app", "1") == digest)
    // And by itself.
    try ferry.run(exporting("1"), exits: 0)
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `is carried with what the registry has of what it names, and the rest is said`() throws {
    let lost = BlobDigest.of([9, 9])
    let digest = add(
      """
      {"mediaType":"\(Self.type)","layers":[\(descriptor("here")),{"mediaType":"text/plain","digest":"\(lost)","size":2}],\
      "manifests":[null,7,{"digest":"\(lost)"}]}
      """, tag: "1")
    let result = try ferry.run(exporting("1", options: ["--json"]), exits: 0)
    result.complains("not carried: of what \(digest)", lost, Self.type)
    let unknown = try #require(
      Report(result).objects("images").first?["unknownManifests"] as? [[String: Any]])
    #expect(unknown.first?["notFound"] as? [String] == [lost])
    #expect(unknown.first?["carried"] as? Int == 1)
    for command in ["verify", "inspect"] {
      #expect(try ferry.run([command, "a.tar"], exits: 0).standardOutput.contains(lost))
    }
    let target = ScriptedRegistry()
    try ferry.run(importing(target.host), exits: 0)
    #expect(target.digest(of: "new/app", "1") == digest)
  }

  @Test func `goes through pipes, volumes and deltas`() throws {
    let (digest, named) = addEverything(tag: "1")
    let image = source.reference("old/app:1")
    let target = ScriptedRegistry()
    let pipe = """
      \(ferry.executable) export --plain-http -o - \(image) \
      | \(ferry.executable) import - --plain-http --to \(target.host)/new
      """
    var piped = ferry.command([])
    (piped.program, piped.arguments) = ("sh", ["-c", pipe])
    #expect(try piped.run().status == 0)
    #expect(target.digest(of: "new/app", "1") == digest)
    for digest in named { #expect(target.bytes(of: digest) != nil) }

    add(
      #"{"mediaType":"\#(Self.type)","blobs":[\#(descriptor(String(repeating: "x", count: 150_000)))]}"#,
      tag: "big")
    let volumes = ["export", "--plain-http", "--volume-size", "64K", "-o", "v.tar"]
    try ferry.run(volumes + [image, source.reference("old/app:big")], exits: 0)
    try ferry.run(["verify", "v.tar.001"], exits: 0)
    try ferry.run(["import", "v.tar.001", "--plain-http", "--to", "\(target.host)/volumes"], exits: 0)
    #expect(target.digest(of: "volumes/app", "1") == digest)

    try ferry.run(exporting("1"), exits: 0)
    let delta = ["export", "--plain-http", "--skip-known", "a.tar", "-o", "d.tar", image]
    try ferry.run(delta, exits: 0)
    try ferry.run(["verify", "d.tar"], exits: 0)
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(target.host)/delta"], exits: 0)
    try ferry.run(["import", "d.tar", "--plain-http", "--to", "\(target.host)/delta"], exits: 0)
    // Without what it builds on it does not go anywhere.
    let empty = ScriptedRegistry()
    try ferry.run(["import", "d.tar", "--plain-http", "--to", "\(empty.host)/delta"], exits: 12)
    #expect(empty.tags.isEmpty)
  }

  @Test func `is marked in a long list`() throws {
    addEverything(tag: "1")
    addImage(1, tag: "2")
    let listed = try ferry.run(["list", "--plain-http", "--long", source.reference("old/app")], exits: 0)
    #expect(listed.lines.contains { $0.contains("old/app:1") && $0.hasSuffix("unknown type \(Self.type)") })
    #expect(listed.lines.contains { $0.contains("old/app:2") && !$0.contains("unknown") })
  }

  @Test(arguments: [400, 404, 415, 500])
  func `that a registry does not take fails its image alone, by name`(status: Int) throws {
    addEverything(tag: "1")
    addImage(1, tag: "2")
    try ferry.run(exporting("1", "2"), exits: 0)
    let target = ScriptedRegistry { request in
      guard request.method == "PUT", request.path.contains("/manifests/"),
        request.header("Content-Type") == Self.type
      else { return nil }
      return ScriptedResponse(
        status, json: #"{"errors":[{"code":"MANIFEST_INVALID","message":"what is it"}]}"#)
    }
    try ferry.run(importing(target.host), exits: 15).complains("new/app", Self.type)
    let result = try ferry.run(importing(target.host, "--keep-going"), exits: 3)
    result.complains("old/app:1", Self.type)
    #expect(target.digest(of: "new/app", "2") != nil && target.digest(of: "new/app", "1") == nil)
  }

  @Test func `that is hostile is refused by name, within bounds`() throws {
    let blob = descriptor("blob")
    let lying = blob.replacing(#""size":4"#, with: #""size":5"#)
    let many = (0..<10_001).map { #"{"digest":"\#(BlobDigest.of(Array("\($0)".utf8)))"}"# }
    let other = Self.type.replacing("v7", with: "v8")
    addImage(1, tag: "good")
    for (tag, text, words) in [
      ("size", #"{"layers":[\#(lying)]}"#, "has 5 bytes, and the registry has 4"),
      ("sizes", #"{"layers":[\#(blob),\#(lying)]}"#, "two sizes, 4 and 5"),
      ("many", #"{"layers":[\#(many.joined(separator: ","))]}"#, "more than 10000"),
      ("type", #"{"mediaType":"\#(other)"}"#, "calls itself \(other)"),
    ] {
      add(text, tag: tag)
      let before = source.server.requests.count
      let result = try ferry.run(exporting(tag, "good", options: ["--keep-going"]), exits: 3)
      result.complains("old/app:\(tag)", words)
      #expect(source.server.requests.count - before < 40)
      try ferry.run(exporting(tag), exits: 14)
    }
    // Called one thing by its index and another by the registry, it is no manifest of either.
    let strange = add(#"{"mediaType":"\#(other)"}"#, as: other)
    _ = addIndex([entry(strange)], tag: "called")
    try ferry.run(exporting("called"), exits: 12).complains(strange)
  }

  /// distribution takes no type that it does not know.
  @Test func `is refused by Debian's registry, and its image named`() throws {
    addEverything(tag: "1")
    addImage(1, tag: "2")
    try ferry.run(exporting("1", "2"), exits: 0)
    let target = try RegistryProcess()
    try ferry.run(importing(target.host), exits: 15).complains("new/app", Self.type, "--image")
    try ferry.run(importing(target.host, "--keep-going"), exits: 3).complains("old/app:1", Self.type)
    #expect(target.storage.tags(of: "new/app") == ["2"])
  }

  /// What an archive says of such a manifest is held against the manifest.
  @Test func `is not believed to name what it does not name, nor to be of another type`() throws {
    let (digest, named) = addEverything(tag: "1")
    let image = addImage(1, tag: "2")
    try ferry.run(exporting("1", "2"), exits: 0)
    let surplus = descriptor("layer").replacing(
      BlobDigest.of(Array("layer".utf8)), with: BlobDigest.of([]))
    for (text, replacement) in [
      // It names something else than it does; in another order; it is of another type; no header can have that type.
      (named[0], BlobDigest.of(Array("another".utf8))),
      (#""found":[{"#, #""found":[\#(surplus),{"#),
      (Self.type, Self.type + "2"),
      (Self.type, #"application/vnd.x\r\nx"#),
      // A manifest that Ferry knows is none of a type that it does not know.
      (
        #""opaqueManifests":["#,
        #""opaqueManifests":[{"found":[],"manifest":{"digest":"\#(image)","mediaType":"\#(Self.type)","#
          + #""size":\#(source.size(of: image))}},"#
      ),
      // One that it has is not said.
      (digest, BlobDigest.of([])),
    ] {
      let layout = ferry.file("layout")
      try? FileManager.default.removeItem(atPath: layout)
      try FileManager.default.createDirectory(atPath: layout, withIntermediateDirectories: true)
      try Command.run("tar", ["-xf", ferry.file("a.tar"), "-C", layout])
      try ferry.run(["verify", "layout"], exits: 0)
      let path = layout + "/ferry.json"
      let ledger = try String(contentsOfFile: path, encoding: .utf8)
      let changed = ledger.replacing(text, with: replacement)
      #expect(changed != ledger)
      try changed.write(toFile: path, atomically: true, encoding: .utf8)
      let index = layout + "/index.json"
      try String(contentsOfFile: index, encoding: .utf8)
        .replacing(BlobDigest.of(Array(ledger.utf8)), with: BlobDigest.of(Array(changed.utf8)))
        .write(toFile: index, atomically: true, encoding: .utf8)
      let result = try ferry.run(["verify", "layout"], exits: 14)
      #expect(!(result.standardOutput + result.standardError).contains("\r"))
      let target = ScriptedRegistry()
      try ferry.run(["import", "layout", "--plain-http", "--to", "\(target.host)/new"], exits: 14)
      #expect(!target.server.requests.contains { $0.method == "PUT" })
    }
  }
}

extension [UInt8] {
  /// The digests in a manifest's text.
  fileprivate var digests: [String] {
    String(decoding: self, as: UTF8.self).matches(of: /sha256:[0-9a-f]{64}/).map { String($0.output) }
  }
}
