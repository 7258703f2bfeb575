import Foundation
import Synchronization
import TestSupport
import Testing

/// zot without `docker2s2` answers 415 to Docker's types (zot#4442 and others).
@Suite(.waiting) struct `An import whose type of manifest is refused` {
  private static let docker = "application/vnd.docker"
  private static let dockerManifest = "\(docker).distribution.manifest.v2+json"
  private static let dockerList = "\(docker).distribution.manifest.list.v2+json"

  private let ferry: FerryProcess
  private let source = ScriptedRegistry()

  init() throws { ferry = try FerryProcess() }

  /// An image of Docker's types in `old/app`; its digest and the size of its manifest.
  @discardableResult
  private func addDockerImage(_ fill: UInt8, tag: String?) -> (digest: String, size: Int) {
    let layer = [UInt8](repeating: fill, count: 3 << 20)
    let config =
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(BlobDigest.of(layer))"]}}"#
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(Self.dockerManifest)","config":{"mediaType":\
      "\(Self.docker).container.image.v1+json","digest":"\(source.add(Array(config.utf8)))","size":\(config.utf8.count)},\
      "layers":[{"mediaType":"\(Self.docker).image.rootfs.diff.tar","digest":"\(source.add(layer))","size":\(layer.count)}]}
      """
    let digest = source.add(manifest: manifest, as: Self.dockerManifest, to: "old/app", tag: tag)
    return (digest, manifest.utf8.count)
  }

  private func arguments(_ registry: ScriptedRegistry) -> [String] {
    ["import", "a.tar", "--to", "\(registry.host)/new", "--plain-http", "--retries", "0"]
  }

  /// A registry that refuses `types`, and how many bytes it was sent.
  private final class Picky: Sendable {
    let sent = Mutex(0)
    let types: Set<String>

    init(_ types: Set<String>) { self.types = types }

    func answer(_ request: ScriptedRequest) -> ScriptedResponse? {
      sent.withLock { $0 += request.bodyLength }
      guard request.method == "PUT", request.path.contains("/manifests/"),
        types.contains(request.header("Content-Type") ?? "")
      else { return nil }
      return ScriptedResponse(415, json: #"{"errors":[{"code":"MANIFEST_INVALID","message":"unsupported"}]}"#)
    }
  }

  @Test func `finds that out before the layers go`() throws {
    addDockerImage(3, tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let picky = Picky([Self.dockerManifest])
    let registry = ScriptedRegistry { picky.answer($0) }
    let result = try ferry.run(arguments(registry), exits: 15)
    result.complains("docker2s2", Self.dockerManifest, "415")
    #expect(picky.sent.withLock { $0 } < 1 << 20, "no layer was sent")
    // A dry run pushes nothing, not even to find out.
    let before = registry.server.requests.count { $0.method == "PUT" }
    try ferry.run(arguments(registry) + ["--dry-run"], exits: 0)
    #expect(registry.server.requests.count { $0.method == "PUT" } == before)
  }

  @Test func `finds that out for a list whose images are taken`() throws {
    let image = addDockerImage(4, tag: nil)
    let list = """
      {"schemaVersion":2,"mediaType":"\(Self.dockerList)","manifests":[{"mediaType":"\(Self.dockerManifest)",\
      "digest":"\(image.digest)","size":\(image.size),"platform":{"architecture":"amd64","os":"linux"}}]}
      """
    source.add(manifest: list, as: Self.dockerList, to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let picky = Picky([Self.dockerList])
    let registry = ScriptedRegistry { picky.answer($0) }
    try ferry.run(arguments(registry), exits: 15).complains(Self.dockerList)
    #expect(picky.sent.withLock { $0 } < 1 << 20)
  }

  @Test func `pushes the others with --keep-going, and nothing for those`() throws {
    addDockerImage(5, tag: "1")
    let layer = [UInt8](repeating: 6, count: 2 << 20)
    source.add(image: [layer], to: "old/other", tag: "1")
    try ferry.export([source.reference("old/app:1"), source.reference("old/other:1")], to: "a.tar")
    let picky = Picky([Self.dockerManifest])
    let registry = ScriptedRegistry { picky.answer($0) }
    let result = try ferry.run(arguments(registry) + ["--keep-going", "--json"], exits: 3)
    result.complains(Self.dockerManifest)
    let remedies = try Report(result).objects("failures").compactMap { $0["remedy"] as? String }
    #expect(remedies.count == 1 && remedies.allSatisfy { $0.contains("docker2s2") })
    #expect(registry.tags == ["new/other:1"])
    #expect(picky.sent.withLock { $0 } < 5 << 19)
    #expect(try Report(result).strings("images", "state").sorted() == ["failed", "pushed"])
  }

  /// Whatever else a registry says to a manifest of which nothing is there yet, it says nothing of its type.
  @Test(arguments: [400, 403, 404, 405, 413, 422, 500, 503])
  func `goes on where only the layers are missing`(_ status: Int) throws {
    addDockerImage(7, tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "a.tar")
    let hasLayer = Mutex(false)
    let registry = ScriptedRegistry { request in
      if request.method == "PUT", request.path.contains("/blobs/") { hasLayer.withLock { $0 = true } }
      guard request.method == "PUT", request.path.contains("/manifests/"), !hasLayer.withLock({ $0 }) else {
        return nil
      }
      return ScriptedResponse(status, json: #"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#)
    }
    try ferry.run(arguments(registry), exits: 0)
    #expect(registry.tags == ["new/app:1"])
    // Once taken, it is not asked again.
    addDockerImage(8, tag: "2")
    try ferry.export([source.reference("old/app:1"), source.reference("old/app:2")], to: "b.tar")
    let before = registry.server.requests.count { $0.method == "PUT" && $0.path.contains("/manifests/") }
    try ferry.run(["import", "b.tar"] + arguments(registry).dropFirst(2), exits: 0)
    #expect(
      registry.server.requests.count { $0.method == "PUT" && $0.path.contains("/manifests/") } == before + 1)
  }
}
