import Foundation
import TestSupport
import Testing

/// What `fixtures/golden/make` kept of an earlier version: its archives, journals and receipts, and its words.
private struct Golden {
  /// A command as the earlier version ran it.
  struct Run: Decodable {
    let arguments: [String]
    let status: Int32
    let output: [String]
    let errors: [String]
  }

  static let directory = "\(PackageDirectory.path)/fixtures/golden/1"
  static let runs = Result {
    try JSONDecoder().decode(
      [String: Run].self, from: Data(contentsOf: URL(fileURLWithPath: "\(directory)/said.json")))
  }

  let ferry: FerryProcess
  /// Kept, for it is gone with the last reference to it.
  private let registry: RegistryProcess?

  /// Ferry in a home that holds `files`, and for which `registry` is `registry.example`.
  init(_ files: String..., registry: RegistryProcess? = nil) throws {
    self.registry = registry
    ferry = try FerryProcess(
      environment: ["http_proxy": registry?.url ?? "http://127.0.0.1:9"])
    for name in files { try Self.content(name).write(to: URL(fileURLWithPath: ferry.file(name))) }
    // What Ferry continues is its owner's alone.
    for name in files { chmod(ferry.file(name), name.contains("journal") ? 0o600 : 0o644) }
  }

  static func content(_ name: String) throws -> Data {
    let path = "\(directory)/\(name)"
    guard !FileManager.default.fileExists(atPath: path) else {
      return try Data(contentsOf: URL(fileURLWithPath: path))
    }
    let scratch = TemporaryDirectory()
    try FileManager.default.copyItem(atPath: "\(path).gz", toPath: "\(scratch.path)/file.gz")
    try Command.run("gzip", ["-d", "\(scratch.path)/file.gz"])
    return try Data(contentsOf: URL(fileURLWithPath: "\(scratch.path)/file"))
  }

  /// Runs what the earlier version ran, and expects its exit status and its words.
  @discardableResult
  func expectSame(_ name: String) throws -> CommandResult {
    let before = try #require(try Self.runs.get()[name])
    let now = try ferry.command(before.arguments).run()
    #expect(now.status == before.status, "\(name)")
    #expect(
      Self.comparable(now.standardOutput) == Self.comparable(before.output.joined(separator: "\n")), "\(name)"
    )
    #expect(
      Self.comparable(now.standardError) == Self.comparable(before.errors.joined(separator: "\n")), "\(name)")
    return now
  }

  func expectSame(file name: String) throws {
    let now = try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
    #expect(try now == Self.content(name), "\(name)")
  }

  /// Lines in any order, without what depends on the disk or the hour, and what is said since: transfers end in any order.
  private static func comparable(_ text: String) -> [Substring] {
    text.split(separator: "\n").filter { line in
      !["freeBytes", "may stop at referrers"].contains { line.contains($0) }
    }.sorted()
  }

  /// A registry that holds what the earlier version exported.
  static func source(holding archives: String..., to place: String = "team") throws -> RegistryProcess {
    let registry = try RegistryProcess()
    for archive in archives {
      let golden = try Golden(registry: registry)
      try content(archive).write(to: URL(fileURLWithPath: golden.ferry.file(archive)))
      let result = try golden.ferry.run(
        "import", archive, "--to", "registry.example/\(place)", "--plain-http")
      #expect(result.status == 0, "\(result.standardError)")
    }
    return registry
  }
}

@Suite(.waiting) struct `What an earlier version wrote` {
  @Test func `is written by this one, byte for byte and word for word`() throws {
    let golden = try Golden(registry: Golden.source(holding: "fleet.tar"))
    for name in ["export", "export --json", "export --volume-size", "export --skip-known"] {
      try golden.expectSame(name)
    }
    for name in [
      "fleet.tar", "fleet.tar.sha256", "first.tar", "cut.tar.001", "cut.tar.002", "cut.tar.003",
      "cut.tar.sha256", "delta.tar",
    ] { try golden.expectSame(file: name) }
    try golden.expectSame("list")
  }

  @Test func `is read by this one in the same words`() throws {
    let golden = try Golden(
      "fleet.tar", "fleet.tar.sha256", "delta.tar", "first.tar", "cut.tar.001", "cut.tar.002", "cut.tar.003")
    for name in [
      "verify", "verify --json", "verify --deep", "verify of a delta", "inspect", "inspect --json",
      "verify of nothing",
    ] { try golden.expectSame(name) }
    var damaged = try Golden.content("fleet.tar")
    damaged[damaged.count - 40 * 1024] ^= 1
    try damaged.write(to: URL(fileURLWithPath: golden.ferry.file("damaged.tar")))
    try golden.expectSame("verify of damage")
  }

  @Test func `is imported by this one in the same words`() throws {
    let golden = try Golden("fleet.tar", "delta.tar", registry: RegistryProcess())
    for name in ["import", "import again", "import --dry-run", "import of a delta"] {
      try golden.expectSame(name)
    }
    let receipts = try [
      Golden.content("receipt.json"),
      Data(contentsOf: URL(fileURLWithPath: golden.ferry.file("receipt.json"))),
    ]
    .map { String(decoding: $0, as: UTF8.self).replacing(/[0-9-]{10}T[0-9:.]+Z/, with: "then") }
    #expect(receipts[0] == receipts[1])
  }

  @Test func `is continued by this one where it was stopped`() throws {
    let registry = try Golden.source(holding: "large.tar")
    let golden = try Golden("stopped.tar.partial", "stopped.tar.partial.journal", registry: registry)
    let result = try golden.ferry.run(
      "export", "registry.example/team/large:1", "-o", "stopped.tar", "--plain-http")
    #expect(result.status == 0, "\(result.standardError)")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: golden.ferry.file("stopped.tar")))
    #expect(try bytes == Golden.content("large.tar"))
    registry.stop()
    // It was stopped behind 20 MiB of the layer's 40, of which at least the first 7 were noted.
    let fetched = registry.requests.filter { $0.method == "GET" && $0.path.contains("/blobs/") }.map(\.sent)
    #expect(fetched.reduce(0, +) < 33 << 20, "\(fetched)")
  }

  @Test func `is imported to its end beside the journal of an import that was stopped`() throws {
    let golden = try Golden("large.tar", "large.tar.import-journal", registry: RegistryProcess())
    let result = try golden.ferry.run("import", "large.tar", "--to", "registry.example/new", "--plain-http")
    #expect(result.status == 0, "\(result.standardError)")
    #expect(!FileManager.default.fileExists(atPath: golden.ferry.file("large.tar.import-journal")))
  }

  @Test func `as a receipt tells what need not be carried again`() throws {
    let golden = try Golden("receipt.json", registry: Golden.source(holding: "fleet.tar"))
    let result = try golden.ferry.run(
      "export", "registry.example/team/app:1.0", "-o", "next.tar", "--skip-known", "receipt.json",
      "--plain-http")
    #expect(result.status == 0, "\(result.standardError)")
    let size = try #require(
      try FileManager.default.attributesOfItem(atPath: golden.ferry.file("next.tar"))[.size] as? Int)
    #expect(size < 50_000)
  }

  @Test func `as a set of volumes can have one of them written again`() throws {
    let golden = try Golden("cut.tar.001", "cut.tar.003", registry: Golden.source(holding: "fleet.tar"))
    let names = try #require(try Golden.runs.get()["export"]).arguments.filter {
      $0.hasPrefix("registry.example/")
    }
    let result = try golden.ferry.command(
      ["export", "-o", "cut.tar", "--volume-size", "300K", "--only-volume", "2", "--plain-http"] + names
    ).run()
    #expect(result.status == 0, "\(result.standardError)")
    try golden.expectSame(file: "cut.tar.002")
  }
}
