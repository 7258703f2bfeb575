import Foundation
import TestSupport
import Testing

/// A tag that somebody else moves while an import still pushes what comes behind it.
@Suite(.waiting) struct `A tag that moves behind its read-back` {
  enum Move: CaseIterable {
    case other, gone
    /// A HEAD that still says the same decides nothing either.
    case behindHead
    /// A HEAD that says otherwise decides nothing.
    case headAlone
  }

  private let ferry: FerryProcess
  private let source: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess.fixtures()
    try ferry.export([source.reference("odd/twice:1"), source.reference("odd/plain:1")], to: "a.tar")
  }

  private func run(_ move: Move, _ options: String...) throws -> CommandResult {
    let other = try #require(source.storage.bytes(of: FixtureImages.digest(of: "odd/twice:1")))
    // Whichever comes second opens the gate; the first one's tag is what moves.
    let isNext = Gate()
    let registry = ScriptedRegistry { request in
      if request.method == "PUT", request.path == "/v2/new/twice/manifests/1" { isNext.open() }
      guard request.path == "/v2/new/plain/manifests/1", isNext.wait(seconds: 0), request.method != "PUT"
      else { return nil }
      let isHead = request.method == "HEAD"
      if move == .gone || move == .headAlone && isHead {
        return isHead ? .headOnly(404, length: 0) : ScriptedResponse(404)
      }
      guard move == .other || move == .behindHead && !isHead else { return nil }
      return ScriptedResponse(
        headers: [
          ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
          ("Docker-Content-Digest", BlobDigest.of(other)),
        ], body: isHead ? [] : other, declaredLength: other.count)
    }
    return try ferry.command(
      [
        "import", "a.tar", "--plain-http", "--jobs", "1", "--settle", "0", "--to", "\(registry.host)/new",
        "--receipt", "r.json",
      ] + options
    ).run()
  }

  @Test(arguments: [Move.other, .gone, .behindHead]) func `is no success`(_ move: Move) throws {
    let result = try run(move)
    #expect(result.status == 14)
    result.complains("new/plain:1 reads back as")
    // What else was done is written down all the same.
    let receipt = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    #expect(receipt.contains("new/twice") && !receipt.contains("new/plain"))
  }

  @Test func `is left out of the receipt, and the others are in it`() throws {
    let result = try run(.other, "--keep-going")
    #expect(result.status == 3)
    result.complains("new/plain:1 reads back as", "1 image pushed and read back", "1 image failed")
    let receipt = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    #expect(receipt.contains("new/twice") && !receipt.contains("new/plain"))
  }

  @Test func `has not moved where only HEAD says so`() throws {
    #expect(try run(.headAlone).status == 0)
  }

  /// Answers for `plain`'s tag with another image once `hasMoved`.
  private func other(_ request: ScriptedRequest, _ hasMoved: Gate) -> ScriptedResponse? {
    guard request.path == "/v2/new/plain/manifests/1", request.method == "GET", hasMoved.wait(seconds: 0),
      let digest = try? FixtureImages.digest(of: "odd/twice:1"),
      let bytes = source.storage.bytes(of: digest)
    else { return nil }
    return ScriptedResponse(
      headers: [
        ("Content-Type", "application/vnd.oci.image.manifest.v1+json"), ("Docker-Content-Digest", digest),
      ], body: bytes)
  }

  @Test func `is no success for the only image, which was there already`() throws {
    try ferry.export([source.reference("odd/plain:1")], to: "one.tar")
    let hasMoved = Gate()
    let registry = ScriptedRegistry { [self] request in
      if request.path.contains("/new/plain/blobs/sha256"), request.method == "GET" { hasMoved.open() }
      return other(request, hasMoved)
    }
    let arguments = [
      "import", "one.tar", "--plain-http", "--settle", "0", "--to", "\(registry.host)/new", "--receipt",
      "r.json",
    ]
    try ferry.run(arguments, exits: 0)
    try FileManager.default.removeItem(atPath: ferry.file("r.json"))
    try ferry.run(arguments, exits: 14).complains("new/plain:1 reads back as")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
  }

  @Test func `is no success for the only image with a tag, behind which a list of referrers is written`()
    throws
  {
    let old = ScriptedRegistry(source.storage, referrersPage: 100)
    let image = try FixtureImages.digest(of: "odd/plain:1")
    let type = "application/vnd.oci.image.manifest.v1+json"
    let config = old.add(Array("{}".utf8))
    old.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(type)","artifactType":"application/vnd.example+json",\
        "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"\(config)","size":2},"layers":[],\
        "subject":{"mediaType":"\(type)","digest":"\(image)","size":9}}
        """, as: type, to: "odd/plain")
    try ferry.export([old.reference("odd/plain:1")], to: "one.tar")
    let hasMoved = Gate()
    let tag = image.replacing(":", with: "-")
    let registry = ScriptedRegistry { [self] request in
      if request.path == "/v2/new/plain/manifests/\(tag)", request.method == "PUT" { hasMoved.open() }
      return other(request, hasMoved)
    }
    try ferry.run(
      [
        "import", "one.tar", "--plain-http", "--settle", "0", "--to", "\(registry.host)/new", "--receipt",
        "r.json",
      ], exits: 14
    ).complains("new/plain:1 reads back as")
    #expect(registry.tags.contains("new/plain:\(tag)"))
  }

  @Test func `is asked for no third time where nothing came behind it`() throws {
    try ferry.export([source.reference("odd/plain:1")], to: "one.tar")
    let registry = ScriptedRegistry()
    try ferry.run(["import", "one.tar", "--plain-http", "--to", "\(registry.host)/new"], exits: 0)
    let asked = registry.server.lines.filter { $0.hasSuffix("/new/plain/manifests/1") }
    let put = try #require(asked.firstIndex { $0.hasPrefix("PUT") })
    #expect(asked[put...].count == 2)
  }
}
