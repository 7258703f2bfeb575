import Foundation
import TestSupport
import Testing

/// A tag that somebody else moves while an import still pushes what comes behind it.
struct `A tag that moves behind its read-back` {
  enum Move: CaseIterable {
    case other, gone
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
      guard move == .other else { return nil }
      return ScriptedResponse(
        headers: [
          ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
          ("Docker-Content-Digest", BlobDigest.of(other)),
        ], body: isHead ? [] : other, declaredLength: other.count)
    }
    return try ferry.command(
      [
        "import", "a.tar", "--plain-http", "--jobs", "1", "--to", "\(registry.host)/new", "--receipt",
        "r.json",
      ] + options
    ).run()
  }

  @Test(arguments: [Move.other, .gone]) func `is no success`(_ move: Move) throws {
    let result = try run(move)
    #expect(result.status == 14)
    result.complains("new/plain:1 reads back as")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
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
}
