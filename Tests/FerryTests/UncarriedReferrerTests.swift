import Foundation
import TestSupport
import Testing

/// Signatures, SBOMs and attestations of every kind: carried, or named as left behind.
@Suite(.waiting) struct `Every referrer` {
  private static let oci = "application/vnd.oci.image.manifest.v1+json"
  private static let index = "application/vnd.oci.image.index.v1+json"
  private static let artifacts = [
    "application/vnd.oci.artifact.manifest.v1+json", "application/vnd.cncf.oras.artifact.manifest.v1+json",
  ]

  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func tag(_ digest: String, _ suffix: String = "") -> String {
    digest.replacingOccurrences(of: ":", with: "-") + suffix
  }

  /// An artifact manifest of `type` about `subject`, with one blob.
  private func artifact(_ content: String, about subject: String, as type: String) -> String {
    """
    {"mediaType":"\(type)","artifactType":"application/vnd.example.sbom",\
    "blobs":[{"mediaType":"text/plain","digest":"\(BlobDigest.of(Array(content.utf8)))",\
    "size":\(content.utf8.count)}],\
    "subject":{"mediaType":"\(Self.oci)","digest":"\(subject)","size":9},"annotations":{"about":"\(content)"}}
    """
  }

  @discardableResult
  private func add(_ content: String, about subject: String, as type: String, to registry: ScriptedRegistry)
    -> String
  {
    registry.add(Array(content.utf8))
    return registry.add(manifest: artifact(content, about: subject, as: type), as: type, to: "old/app")
  }

  private func list(_ entries: [(type: String, digest: String, size: Int)]) -> String {
    let listed = entries.map { #"{"mediaType":"\#($0.type)","digest":"\#($0.digest)","size":\#($0.size)}"# }
    return
      #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[\#(listed.joined(separator: ","))]}"#
  }

  private func uncarried(_ report: Report) throws -> [[String: Any]] {
    try #require(report.objects("images").first?["notCarried"] as? [[String: Any]])
  }

  /// What an export of `image` reports as not carried; each has its line, and its place on the page.
  private func export(_ image: String, to archive: String, _ options: String...) throws -> [[String: Any]] {
    let arguments = ["export", "--plain-http", "--force", "-o", archive, image] + options
    let result = try ferry.run(arguments + ["--json"], exits: 0)
    try ferry.run(["verify", archive], exits: 0)
    let left = try uncarried(Report(result))
    try ferry.run(arguments + ["--dry-run", "--report", "page.html"], exits: 0)
    let page = try String(contentsOfFile: ferry.file("page.html"), encoding: .utf8)
    let quiet = try ferry.run(arguments + ["-q"], exits: 0)
    for referrer in left {
      let digest = referrer["digest"] as? String ?? "not carried"
      result.complains("not carried: ", digest)
      quiet.complains("not carried: ", digest)
      #expect(page.contains(digest))
    }
    #expect(result.standardError.contains("not carried") == !left.isEmpty)
    return left
  }

  @Test(arguments: artifacts) func `that is an artifact manifest travels, and what refers to it`(type: String)
    throws
  {
    let registry = ScriptedRegistry(referrersPage: 1)
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let sbom = add("sbom", about: image, as: type, to: registry)
    let signature = add("signed", about: sbom, as: type, to: registry)
    #expect(try export(registry.reference("old/app:1"), to: "app.tar").isEmpty)
    let inspected = try Report(ferry.run(["inspect", "--json", "app.tar"], exits: 0))
    let carried = try #require(inspected.objects("archives").first?["referrers"] as? [[String: Any]])
    #expect(Set(carried.compactMap { $0["digest"] as? String }) == [sbom, signature])
    #expect(carried.allSatisfy { $0["artifactType"] as? String == "application/vnd.example.sbom" })

    let target = ScriptedRegistry(referrersPage: 9)
    try ferry.run(
      ["import", "app.tar", "--plain-http", "--to", "\(target.host)/new", "--receipt", "r.json"], exits: 0)
    for digest in [sbom, signature] { #expect(target.hasManifest(digest, in: "new/app")) }
    let pushed = target.server.requests.filter { $0.method == "PUT" && $0.path.hasSuffix(sbom) }
    #expect(pushed.map { $0.header("Content-Type") } == [type])
    try ferry.run(["verify", "app.tar", "--receipt", "r.json"], exits: 0)
    // And on from there.
    #expect(try export("\(target.host)/new/app:1", to: "again.tar").isEmpty)
  }

  @Test(arguments: artifacts) func `that is an artifact manifest is listed under a tag where there is no API`(
    type: String
  ) throws {
    let registry = ScriptedRegistry()
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
    let sbom = add("sbom", about: image, as: type, to: registry)
    let size = artifact("sbom", about: image, as: type).utf8.count
    registry.add(
      manifest: list([(type, sbom, size)]), as: Self.index, to: "old/app", tag: tag(image))
    #expect(try export(registry.reference("old/app:1"), to: "app.tar").isEmpty)
    let target = ScriptedRegistry()
    try ferry.run(["import", "app.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
    #expect(target.hasManifest(sbom, in: "new/app"))
    #expect(target.digest(of: "new/app", tag(image)) != nil)
  }

  @Test(arguments: artifacts)
  func `that is an artifact manifest is an image by its tag, and one below an index`(
    type: String
  ) throws {
    let registry = ScriptedRegistry(referrersPage: 9)
    let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "image")
    let sbom = add("sbom", about: image, as: type, to: registry)
    registry.tag(sbom, as: "1", in: "old/app")
    let text = list([(type, sbom, registry.size(of: sbom)), (Self.oci, image, registry.size(of: image))])
    let index = registry.add(manifest: text, as: Self.index, to: "old/app", tag: "2")
    try ferry.export(["1", "2"].map { registry.reference("old/app:\($0)") }, to: "app.tar")
    try ferry.run(["verify", "app.tar"], exits: 0)
    let target = ScriptedRegistry()
    try ferry.run(["import", "app.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
    #expect(target.digest(of: "new/app", "1") == sbom && target.digest(of: "new/app", "2") == index)
    #expect(target.hasManifest(sbom, in: "new/app"))
    #expect(target.bytes(of: BlobDigest.of(Array("sbom".utf8))) != nil)
    try ferry.run(["check", "app.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
  }

  @Test func `of an unknown type, or that is not there, is named, and the others travel`() throws {
    for hasAPI in [true, false] {
      let gone = BlobDigest.of([7])
      let page = PageBox()
      let registry = ScriptedRegistry { request in
        guard hasAPI, request.path.contains("/referrers/") else { return nil }
        let text = request.path.hasSuffix(page.subject) ? page.text : page.empty
        return ScriptedResponse(headers: [("Content-Type", Self.index)], body: Array(text.utf8))
      }
      let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
      let strange = registry.add(
        manifest: #"{"mediaType":"application/vnd.strange+json","subject":{}}"#,
        as: "application/vnd.strange+json", to: "old/app")
      let broken = registry.add(manifest: "no JSON", as: Self.oci, to: "old/app")
      let sbom = add("sbom", about: image, as: Self.artifacts[0], to: registry)
      let elsewhere = add("other", about: gone, as: Self.artifacts[0], to: registry)
      let entries = [
        ("application/vnd.strange+json", strange, 57), (Self.oci, broken, 7), (Self.oci, gone, 1),
        (Self.artifacts[0], sbom, artifact("sbom", about: image, as: Self.artifacts[0]).utf8.count),
        (Self.artifacts[0], elsewhere, artifact("other", about: gone, as: Self.artifacts[0]).utf8.count),
      ]
      page.set(subject: image, text: list(entries.map { (type: $0.0, digest: $0.1, size: $0.2) }))
      if !hasAPI {
        registry.add(manifest: page.text, as: Self.index, to: "old/app", tag: tag(image))
      }
      let left = try export(registry.reference("old/app:1"), to: "app.tar")
      let reasons = Dictionary(
        uniqueKeysWithValues: left.map { ($0["digest"] as? String ?? "", $0["reason"] as? String ?? "") })
      #expect(
        reasons == [
          strange: "otherSubject", broken: "notAManifest", gone: "absent", elsewhere: "otherSubject",
        ])
      let target = ScriptedRegistry(referrersPage: 9)
      try ferry.run(["import", "app.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 0)
      #expect(target.hasManifest(sbom, in: "new/app"))
    }
  }

  @Test func `of the index and of platforms that --platform leaves out is named`() throws {
    let registry = try RegistryProcess()
    let storage = registry.storage
    let arm = try storage.add(layers: [[1], [2, 2]], to: "old/app", tag: "arm")
    let amd = try storage.add(layers: [[1], [3, 3]], to: "old/app", tag: "amd")
    let big = try storage.add(layers: [[1], [4, 4]], to: "old/app", tag: "big")
    let entries = [(arm, "arm64"), (amd, "amd64"), (big, "s390x")].map { digest, architecture in
      #"{"mediaType":"\#(Self.oci)","digest":"\#(digest)","size":\#(storage.bytes(of: digest)?.count ?? 0),"#
        + #""platform":{"os":"linux","architecture":"\#(architecture)"}}"#
    }
    let attestation = try storage.add(artifact: "provenance", to: "old/app")
    let attested =
      #"{"mediaType":"\#(Self.oci)","digest":"\#(attestation)","size":\#(storage.bytes(of: attestation)?.count ?? 0),"#
      + #""platform":{"os":"unknown","architecture":"unknown"},"annotations":{"#
      + #""vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"\#(amd)"}}"#
    let text =
      #"{"schemaVersion":2,"mediaType":"\#(Self.index)","manifests":[\#((entries + [attested]).joined(separator: ","))]}"#
    let gate = ScriptedRegistry(storage)
    let index = gate.add(manifest: text, as: Self.index, to: "old/app", tag: "1")
    let signature = try storage.add(artifact: "signature", to: "old/app", tag: tag(index, ".sig"))
    let sbom = try storage.add(artifact: "sbom of arm", to: "old/app", subject: arm)
    try storage.add(index: [sbom], to: "old/app", tag: tag(arm))
    let about = try storage.add(artifact: "sbom of index", to: "old/app", subject: index)
    try storage.add(index: [about], to: "old/app", tag: tag(index))
    let own = try storage.add(artifact: "signature of amd", to: "old/app", tag: tag(amd, ".sig"))

    func digests(_ left: [[String: Any]]) -> Set<String> { Set(left.compactMap { $0["digest"] as? String }) }
    let image = gate.reference("old/app:1")
    let single = try export(image, to: "one.tar", "--platform", "linux/amd64")
    #expect(digests(single) == [signature, about, sbom, attestation])
    #expect(single.allSatisfy { $0["reason"] as? String == "platform" })
    let inspected = try Report(ferry.run(["inspect", "--json", "one.tar"], exits: 0))
    let carried = try #require(inspected.objects("archives").first?["referrers"] as? [[String: Any]])
    #expect(carried.compactMap { $0["digest"] as? String } == [own])
    let sparse = try export(
      image, to: "sparse.tar", "--platform", "linux/amd64", "--platform", "linux/s390x", "--keep-index")
    #expect(digests(sparse) == [sbom])
    // What speaks of the index does not speak of the one in its place.
    let both = try export(image, to: "two.tar", "--platform", "linux/amd64", "--platform", "linux/s390x")
    #expect(digests(both) == [signature, about, sbom])
    #expect(try export(image, to: "all.tar").isEmpty)
    #expect(try export(image, to: "none.tar", "--platform", "linux/amd64", "--no-referrers").isEmpty)
  }

  @Test func `is missed by nobody when a page of the list fails, is refused or is unreadable`() throws {
    for answer in [
      ScriptedResponse(500, json: "{}"), ScriptedResponse(403, json: "{}"), ScriptedResponse(401, json: "{}"),
      ScriptedResponse(404, json: "{}"), ScriptedResponse(text: "<html></html>"),
      ScriptedResponse(headers: [("Content-Type", Self.index)], text: "{"),
    ] {
      let registry = ScriptedRegistry(referrersPage: 1) { request in
        request.path.contains("/referrers/") && request.query != nil ? answer : nil
      }
      let image = registry.add(image: [[1, 2, 3]], to: "old/app", tag: "1")
      for content in ["one", "two"] { add(content, about: image, as: Self.artifacts[0], to: registry) }
      let arguments = [
        "export", "--plain-http", "--retries", "0", "-o", "a.tar", registry.reference("old/app:1"),
      ]
      let result = try ferry.command(arguments).run()
      #expect(result.status != 0 && result.status != 1, "\(result.standardError)")
      #expect(result.standardError.contains("--no-referrers"), "\(result.standardError)")
      #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    }
  }

  @Test func `is found behind an image of which the registry says that it is unknown`() throws {
    let box = PageBox()
    let registry = ScriptedRegistry(referrersPage: 9) { request in
      request.path.contains("/referrers/") && request.path.hasSuffix(box.subject)
        ? ScriptedResponse(404, json: #"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#) : nil
    }
    let first = registry.add(image: [[1]], to: "old/app", tag: "1")
    let second = registry.add(image: [[2]], to: "old/app", tag: "2")
    box.set(subject: first, text: "")
    let sbom = add("sbom", about: second, as: Self.artifacts[0], to: registry)
    try ferry.export([registry.reference("old/app")], to: "a.tar", "--all-tags", "--jobs", "1")
    #expect(try ferry.run(["inspect", "--json", "a.tar"], exits: 0).standardOutput.contains(sbom))
  }

  @Test func `that a registry will not show is in the report, too`() throws {
    let registry = ScriptedRegistry { request in
      request.path.contains("/referrers/") ? ScriptedResponse(403, json: "{}") : nil
    }
    registry.add(image: [[1]], to: "old/app", tag: "1")
    let result = try ferry.run(
      ["export", "--plain-http", "-o", "a.tar", "--json", registry.reference("old/app:1")], exits: 0)
    #expect(try uncarried(Report(result)).map { $0["reason"] as? String } == ["notShown"])
  }
}

/// A list that is known only when the registry that gives it runs.
private final class PageBox: @unchecked Sendable {
  private let lock = NSLock()
  private var state = (subject: " ", text: "")
  let empty = #"{"schemaVersion":2,"manifests":[]}"#
  var subject: String { lock.withLock { state.subject } }
  var text: String { lock.withLock { state.text } }
  func set(subject: String, text: String) { lock.withLock { state = (subject, text) } }
}
