import Foundation
import TestSupport
import Testing

/// In which order an import sends things, and what it does when the registry did not keep what it was given.
@Suite(.waiting) struct `A push` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func importing(_ archive: String, to registry: ScriptedRegistry) -> [String] {
    [
      "import", archive, "--plain-http", "--retries", "0", "--settle", "0", "--to", "\(registry.host)/new",
    ]
  }

  @Test func `sends blobs, then manifests, then indexes, then tags, and reads each tag back`() throws {
    let registry = ScriptedRegistry()
    try ferry.run(importing(FixtureArchive.small(), to: registry), exits: 0)
    let lines = registry.server.lines
    let isTag = { (line: String) in line.contains("/manifests/") && !line.contains("sha256:") }
    let lastBlob = try #require(lines.lastIndex { $0.hasPrefix("PUT") && $0.contains("/blobs/") })
    let firstManifest = try #require(lines.firstIndex { $0.hasPrefix("PUT") && $0.contains("/manifests/") })
    #expect(lastBlob < firstManifest)
    for repository in ["artifact", "empty", "nested", "plain", "pretty", "twice"] {
      let own = lines.filter { $0.contains("/new/\(repository)/manifests/") }
      let tag = ["PUT", "GET", "GET"].map { "\($0) /v2/new/\(repository)/manifests/1" }
      // The tag last, then a look at it, and one when all is done; before that it is only asked for.
      #expect(own.suffix(3) == tag[...])
      #expect(own.dropLast(3).allSatisfy { !isTag($0) || !$0.hasPrefix("PUT") })
    }
    // An index of an index: its children's child first.
    let nested = lines.filter { $0.hasPrefix("PUT /v2/new/nested/manifests/") }
    #expect(nested.count == 4)
    let inner = try #require(nested.dropLast().last)
    let bodies = registry.server.requests.filter { $0.line == inner }.map(\.body)
    #expect(bodies.allSatisfy { String(decoding: $0, as: UTF8.self).contains("\"manifests\"") })
  }

  @Test
  func `asks for each manifest below a tag once in each repository, behind its PUT and before the tag's`()
    throws
  {
    let source = try RegistryProcess()
    let children = try [[2], [3]].map { (own: [UInt8]) in
      try source.storage.add(layers: [[1], own], to: "old/app", tag: "child")
    }
    for tag in ["1", "2", "3"] { try source.storage.add(index: children, to: "old/app", tag: tag) }
    try ferry.export(["1", "2", "3"].map { source.reference("old/app:\($0)") }, to: "a.tar")
    let registry = ScriptedRegistry()
    try ferry.run(importing("a.tar", to: registry), exits: 0)
    let lines = registry.server.lines
    let firstTag = try #require(
      lines.firstIndex { $0.hasPrefix("PUT") && $0.contains(/\/manifests\/\d$/) })
    for child in children {
      let own = lines.filter { $0.hasSuffix("/new/app/manifests/\(child)") }
      #expect(own == ["PUT", "GET"].map { "\($0) /v2/new/app/manifests/\(child)" })
      #expect(lines[..<firstTag].contains { $0.hasPrefix("GET") && $0.hasSuffix(child) })
    }
  }

  @Test func `that reads back as something else is a failure`() throws {
    let other = #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#
    let isPut = Gate()
    let registry = ScriptedRegistry { request in
      guard request.path == "/v2/new/plain/manifests/1" else { return nil }
      if request.method == "PUT" { isPut.open() }
      guard request.method == "GET", isPut.wait(seconds: 0) else { return nil }
      return ScriptedResponse(
        headers: [("Content-Type", "application/vnd.oci.image.index.v1+json")], body: Array(other.utf8))
    }
    let result = try ferry.run(importing(FixtureArchive.small(), to: registry), exits: 14)
    result.complains(
      "\(registry.host)/new/plain:1 reads back as \(BlobDigest.of(other.utf8))",
      try FixtureImages.digest(of: "odd/plain:1"))
  }

  @Test func `of a blob that the registry stores as another is a failure`() throws {
    let wrong = BlobDigest.of([0])
    let registry = ScriptedRegistry { request in
      guard request.method == "PUT", request.path.contains("/blobs/") else { return nil }
      return ScriptedResponse(201, headers: [("Docker-Content-Digest", wrong)])
    }
    try ferry.run(importing(FixtureArchive.small(), to: registry), exits: 14).complains(wrong)
    #expect(registry.tags == [])
  }

  @Test func `of a damaged blob never commits it, and with --keep-going hurts only its images`() throws {
    let source = try RegistryProcess.fixtures()
    var archive = try DamagedArchive(of: FixtureArchive.small())
    let layer = try #require(archive.entries.max { $0.size < $1.size })
    archive.flip(layer.content + layer.size / 2)
    try archive.write(to: ferry.file("a.tar"))
    let digest = "sha256:\(layer.path.suffix(64))"

    let registry = ScriptedRegistry()
    let arguments = importing("a.tar", to: registry)
    try ferry.run(arguments, exits: 14).complains(digest)
    #expect(registry.tags == [])
    // Its last bytes were held back: no request for it was whole.
    let sent = registry.server.requests.filter {
      $0.method == "PUT" && $0.target.contains(layer.path.suffix(64))
    }
    #expect(sent.allSatisfy { $0.bodyLength < layer.size })

    let result = try ferry.run(arguments + ["--keep-going", "--json"], exits: 3)
    result.complains(source.reference("odd/plain:1"))
    let report = try Report(result)
    let hurt = try report.strings("failures", "image")
    #expect(hurt == [source.reference("odd/plain:1")])
    #expect(registry.tags == ["artifact", "empty", "nested", "pretty", "twice"].map { "new/\($0):1" })
  }
}
