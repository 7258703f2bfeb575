import Foundation
import TestSupport
import Testing

/// Bytes that went somewhere, and a registry that says it has them: neither is a blob in its repository.
@Suite(.waiting) struct `An upload whose blob is not there` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func importing(_ host: String, _ options: String...) throws -> [String] {
    try [
      "import", FixtureArchive.small(), "--plain-http", "--retries", "1", "--settle", "0", "--to",
      "\(host)/new",
      "--receipt", "r.json",
    ] + options
  }

  private var hasReceipt: Bool { FileManager.default.fileExists(atPath: ferry.file("r.json")) }

  @Test func `that went to another host leaves no tag and no receipt`() throws {
    let thief = ScriptedServer { _ in ScriptedResponse(201) }
    let registry = ScriptedRegistry { request in
      request.method == "POST" ? ScriptedResponse(202, headers: [("Location", thief.url("/taken"))]) : nil
    }
    try ferry.run(importing(registry.host, "--upload-host", thief.host), exits: 13)
      .complains("said that it has taken the blob")
    #expect(!thief.requests.isEmpty && registry.tags == [] && !hasReceipt)
    // Of images whose blobs were not kept no tag is pushed; here these are all.
    try ferry.run(importing(registry.host, "--upload-host", thief.host, "--keep-going"), exits: 3)
    #expect(registry.tags == [])
  }

  @Test func `that went to another host, and came to the registry from there, is one`() throws {
    let storage = ScriptedServer { _ in ScriptedResponse(204) }
    let front = ScriptedRegistry { request in
      if request.method == "POST" {
        return ScriptedResponse(202, headers: [("Location", storage.url("/bucket/1?signature=x"))])
      }
      guard request.method == "HEAD", let digest = request.path.split(separator: "/").last.map(String.init),
        digest.hasPrefix("sha256:")
      else { return nil }
      let bytes = storage.requests.map(\.body).first { BlobDigest.of($0) == digest }
      return bytes.map { .headOnly(length: $0.count) } ?? .headOnly(404, length: 0)
    }
    try ferry.run(importing(front.host, "--upload-host", storage.host), exits: 0)
    #expect(front.tags.count == 6)
  }

  @Test(arguments: [200, 201, 202, 204])
  func `that a registry took and forgot leaves no tag`(_ status: Int) throws {
    // A registry's word that it has what was sent whole is a word.
    let registry = ScriptedRegistry { request in
      request.method == "PUT" && request.path.contains("/blobs/uploads/") ? ScriptedResponse(status) : nil
    }
    try ferry.run(importing(registry.host), exits: 13)
    #expect(registry.tags == [] && !hasReceipt)
  }

  @Test func `that went to another host leaves no tag where HEAD tells of a blob of which no byte comes`()
    throws
  {
    let thief = ScriptedServer { _ in ScriptedResponse(201) }
    let entries = try DamagedArchive(of: FixtureArchive.small()).entries
    let sizes = Dictionary(entries.map { (String($0.path.suffix(64)), $0.size) }) { first, _ in first }
    let registry = ScriptedRegistry { request in
      if request.method == "POST" {
        return ScriptedResponse(202, headers: [("Location", thief.url("/taken"))])
      }
      guard request.method == "HEAD", request.path.contains("/blobs/"),
        let size = sizes[String(request.path.suffix(64))]
      else { return nil }
      return .headOnly(length: size)
    }
    try ferry.run(importing(registry.host, "--upload-host", thief.host), exits: 13)
      .complains("said that it has taken the blob")
    #expect(registry.tags == [] && !hasReceipt)
  }

  @Test(arguments: [201, 202])
  func `is not what a manifest elsewhere is either`(_ status: Int) throws {
    let registry = ScriptedRegistry { request in
      request.method == "PUT" && request.path.contains("/manifests/sha256:") ? ScriptedResponse(status) : nil
    }
    try ferry.run(importing(registry.host, "--image", "odd/nested"), exits: 12)
    #expect(registry.tags == [] && !hasReceipt)
  }
}

/// A dry run ends as the run would.
@Suite(.waiting) struct `A dry run` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private func importing(_ host: String, _ options: String...) throws -> [String] {
    try [
      "import", FixtureArchive.small(), "--plain-http", "--retries", "0", "--to", "\(host)/new",
    ] + options
  }

  @Test func `of a registry that is read-only for now ends as the run does`() throws {
    let registry = try RegistryProcess(readOnly: true)
    for options in [["--dry-run"], []] {
      try ferry.run(importing(registry.host) + options, exits: 16).complains("405", "read-only")
    }
    #expect(registry.storage.digests == [])
  }

  @Test(
    arguments: [(403, 11), (405, 16), (413, 16), (507, 16), (401, 10), (429, 13), (404, 12)] as [(Int, Int32)]
  )
  func `of a registry that opens no upload ends as the run does`(_ status: Int, exit: Int32) throws {
    let registry = ScriptedRegistry { request in
      request.method == "POST" ? ScriptedResponse(status, headers: [("WWW-Authenticate", "Basic")]) : nil
    }
    for options in [["--dry-run"], []] { try ferry.run(importing(registry.host) + options, exits: exit) }
    try ferry.run(importing(registry.host, "--dry-run", "--keep-going"), exits: 3)
    #expect(registry.tags == [])
  }

  @Test func `opens an upload in each repository, and gives each up`() throws {
    let registry = try RegistryProcess()
    try ferry.run(importing(registry.host, "--dry-run"), exits: 0)
    registry.stop()
    let opened = registry.requests.filter { $0.method == "POST" }
    let ended = registry.requests.filter { $0.method == "DELETE" }
    #expect(opened.count == 6 && opened.allSatisfy { $0.status == 202 })
    #expect(ended.count == 6 && ended.allSatisfy { $0.status == 204 })
    #expect(registry.storage.digests == [])
  }

  /// The right to delete is another one than to push.
  @Test(arguments: [401, 403, 405, 404])
  func `of a registry that lets no upload be given up is none the worse`(
    _ status: Int
  ) throws {
    let registry = ScriptedRegistry { request in
      request.method == "DELETE"
        ? ScriptedResponse(status, headers: [("WWW-Authenticate", #"Basic realm="r""#)]) : nil
    }
    for options in [["--dry-run"], []] { try ferry.run(importing(registry.host) + options, exits: 0) }
  }

  @Test func `asks nothing of a read-only registry that has everything`() throws {
    let registry = try RegistryProcess()
    try ferry.run(importing(registry.host), exits: 0)
    let gateway = FaultGateway(
      before: registry.host, faults: [.always(.answer(405), on: .openedUpload)])
    for options in [["--dry-run"], []] { try ferry.run(importing(gateway.host) + options, exits: 0) }
  }

  @Test func `finds a config that is damaged, and says that it read no layer`() throws {
    let source = try RegistryProcess.fixtures()
    var archive = try DamagedArchive(of: FixtureArchive.small())
    let config = try #require(try config(of: "odd/plain:1", in: source))
    archive.flip(try archive.blob(config).content + 5)
    try archive.write(to: ferry.file("damaged.tar"))
    let registry = ScriptedRegistry()
    let arguments = [
      "import", "damaged.tar", "--plain-http", "--retries", "0", "--to", "\(registry.host)/new",
    ]
    for options in [["--dry-run"], []] { try ferry.run(arguments + options, exits: 14).complains(config) }
    for options in [["--dry-run"], []] {
      let result = try ferry.run(arguments + options + ["--keep-going", "--json"], exits: 3)
      #expect(try Report(result).strings("failures", "image") == [source.reference("odd/plain:1")])
    }
    let plan = try ferry.run(importing(registry.host, "--dry-run"), exits: 0)
    #expect(plan.standardOutput.contains("layers were not read: 'ferry verify' proves them"))
    // What is there already is not sent, and so not read, by either.
    let other = ScriptedRegistry()
    try ferry.run(importing(other.host), exits: 0)
    for options in [["--dry-run"], []] {
      try ferry.run(
        ["import", "damaged.tar", "--plain-http", "--to", "\(other.host)/new"] + options, exits: 0)
    }
  }

  private func config(of name: String, in source: RegistryProcess) throws -> String? {
    struct Manifest: Decodable {
      struct Config: Decodable { let digest: String }
      let config: Config
    }
    let bytes = try #require(source.storage.bytes(of: FixtureImages.digest(of: name)))
    return try JSONDecoder().decode(Manifest.self, from: Data(bytes)).config.digest
  }
}
