import Foundation
import TestSupport
import Testing

/// What the source lacks, hides or gets wrong never becomes an archive.
@Suite(.waiting) struct `An image that cannot be had` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func export(
    _ reference: String, exits status: Int32, _ options: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    let result = try ferry.run(
      ["export", reference, "--plain-http", "-o", "a.tar", "--retries", "1"] + options, exits: status,
      sourceLocation: sourceLocation)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")), sourceLocation: sourceLocation)
    return result
  }

  private func layer(of name: String, in storage: RegistryStorage) throws -> String {
    struct Manifest: Decodable {
      struct Blob: Decodable { let digest: String }
      let layers: [Blob]
    }
    let bytes = try #require(try storage.bytes(of: FixtureImages.digest(of: name)))
    return try #require(JSONDecoder().decode(Manifest.self, from: Data(bytes)).layers.last).digest
  }

  @Test func `because its repository is not there is named`() throws {
    let source = try RegistryProcess.fixtures()
    try export(source.reference("team/ap:1.0"), exits: 12)
      .complains("\(source.host) has no repository team/ap", "ferry list \(source.host)")
    // Where nothing could be planned there are no sums.
    #expect(try export(source.reference("team/ap:1.0"), exits: 12, "--dry-run").standardOutput == "")
  }

  @Test func `because its tag is not there is told with the names of tags like it`() throws {
    let source = try RegistryProcess.fixtures()
    let repository = source.reference("team/app")
    try export("\(repository):1.2", exits: 12).complains(
      "\(repository) has no tag 1.2", "Did you mean 1.0", "1.1")
    try export("\(repository):2.0-rc2", exits: 12).complains("Did you mean 2.0-rc1")
    try export("\(repository):nightly-build", exits: 12).complains(
      "It has 5 tags", "ferry list \(repository)")
    try export(repository, exits: 12, "--tags", "9*").complains("none of the 5 tags of \(repository)")
    try export("\(repository):1.0", exits: 64, "--all-tags").complains("--all-tags and --tags cannot select")
    try export("\(repository)@\(BlobDigest.of([1]))", exits: 12).complains(BlobDigest.of([1]))
  }

  @Test func `because its bytes are not what their digest says is not exported`() throws {
    let source = try RegistryProcess(fixtures: true)
    let digest = try layer(of: "odd/plain:1", in: source.storage)
    try source.storage.replace(digest) { $0[$0.count / 2] ^= 1 }
    let result = try export(source.reference("odd/plain:1"), exits: 14)
    result.complains(digest, source.reference("odd/plain"), "is not what its digest says")

    let manifest = try FixtureImages.digest(of: "odd/pretty:1")
    // Still JSON: the registry itself may not notice.
    try source.storage.replace(manifest) { bytes in
      bytes = bytes.map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "\t") : $0 }
    }
    try export(source.reference("odd/pretty:1"), exits: 14).complains(source.reference("odd/pretty"))
  }

  @Test func `because a blob is gone is named with it`() throws {
    let source = try RegistryProcess(fixtures: true)
    let digest = try layer(of: "odd/plain:1", in: source.storage)
    try source.storage.remove(digest)
    try export(source.reference("odd/plain:1"), exits: 12).complains(digest, "damaged at its source")
  }

  @Test func `because its bytes end too early, again and again, is given up`() throws {
    let fixtures = try RegistryProcess.fixtures().storage
    let digest = try layer(of: "odd/plain:1", in: fixtures)
    let size = try #require(fixtures.bytes(of: digest)).count
    let source = ScriptedRegistry(fixtures) { request in
      guard request.path.hasSuffix(digest), request.method == "GET" else { return nil }
      return ScriptedResponse(200, body: [], declaredLength: size)
    }
    let result = try export(source.reference("odd/plain:1"), exits: 13)
    result.complains("the connection ended after 0 of \(size) bytes", "same command again")
  }

  @Test func `that is malformed, of Docker's first schema, is refused`() throws {
    let type = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    let source = ScriptedRegistry()
    let text =
      #"{"schemaVersion":1,"name":"a/b","tag":"1","architecture":"amd64","fsLayers":[],"history":[]}"#
    source.add(manifest: text, as: type, to: "a/b", tag: "1")
    try export(source.reference("a/b:1"), exits: 14).complains(
      "malformed", "entry of the history for each layer")
  }

  @Test func `stops the others, unless --keep-going takes those`() throws {
    let source = try RegistryProcess.fixtures()
    let images = ["team/app:1.0", "team/app:9", "odd/plain:1", "odd/none:1"].map(source.reference)
    let arguments = ["export", "--plain-http", "-o", "a.tar"] + images
    let stopped = try ferry.run(arguments, exits: 12)
    stopped.complains("2 of 4 images cannot be carried", images[1], images[3], "--keep-going")
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))

    let result = try ferry.run(arguments + ["--keep-going", "--report", "report.json"], exits: 3)
    result.complains("failed: \(images[1])", "2 images exported", "2 images failed")
    let report = try Report(file: ferry.file("report.json"))
    #expect(Set(try report.strings("failures", "image")) == [images[1], images[3]])
    #expect(report.objects("failures").allSatisfy { $0["status"] as? Int == 12 })
    let held = try Report(ferry.run(["inspect", "--json", "a.tar"], exits: 0))
    let names = held.objects("archives")[0]["images"] as? [[String: Any]]
    #expect(names?.map { $0["reference"] as? String } == [images[2], images[0]])
    try ferry.run(["verify", "a.tar"], exits: 0)
  }

  @Test func `leaves the others in their own archives, with --keep-going`() throws {
    let source = try RegistryProcess(fixtures: true)
    try source.storage.remove(try layer(of: "odd/plain:1", in: source.storage))
    let images = ["odd/plain:1", "odd/zstd:1"].map(source.reference)
    try ferry.run(
      ["export", "--plain-http", "-o", "out/", "--keep-going", "--retries", "0"] + images, exits: 3
    ).complains("failed: \(images[0])")
    #expect(FileManager.default.fileExists(atPath: ferry.file("out/odd_zstd__1.tar")))
    #expect(!FileManager.default.fileExists(atPath: ferry.file("out/odd_plain__1.tar")))
  }
}
