import Foundation
import TestSupport
import Testing

/// What `--skip-known` believes, and what it says of it.
@Suite(.waiting) struct `What is known of the other side` {
  private let ferry: FerryProcess
  private let source: RegistryProcess
  private let shared: [UInt8]
  private var image: String { source.reference("old/app:1") }

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess()
    var random = SeededGenerator(seed: 6)
    shared = random.bytes(200_000)
    try source.storage.add(layers: [shared, [1]], to: "old/base", tag: "1")
    try source.storage.add(layers: [shared, [2], [3]], to: "old/app", tag: "1")
  }

  private func export(_ archive: String, knowing known: String..., options: [String] = []) throws -> Report {
    let arguments = ["export", "--plain-http", "-o", archive, image, "--json"] + options
    return try Report(ferry.run(arguments + known.flatMap { ["--skip-known", $0] }, exits: 0))
  }

  private func left(_ report: Report) throws -> [String] {
    let archive = try #require(report.objects("archives").first)
    return try #require(archive["leftOut"] as? [[String: Any]]).compactMap { $0["digest"] as? String }
  }

  private func proofs(_ report: Report) throws -> [String] {
    let archive = try #require(report.objects("archives").first)
    return try #require(archive["known"] as? [[String: Any]]).compactMap { $0["proof"] as? String }
  }

  private func importsAlone(_ archive: String) throws {
    let target = try RegistryProcess()
    try ferry.run(["import", archive, "--plain-http", "--to", target.reference("new")], exits: 0)
    #expect(target.storage.digest(of: "new/app", "1") == source.storage.digest(of: "old/app", "1"))
  }

  /// `base.tar`, and `zeros.tar` which is the same with nothing in the shared layer.
  private func makeBase() throws {
    try ferry.export([source.reference("old/base:1")], to: "base.tar")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: ferry.file("base.tar")))
    let range = try #require(bytes.range(of: Data(shared)))
    bytes.replaceSubrange(range, with: Data(count: shared.count))
    try bytes.write(to: URL(fileURLWithPath: ferry.file("zeros.tar")))
  }

  @Test func `is read in the archive that says so`() throws {
    try makeBase()
    let good = try export("good.tar", knowing: "base.tar")
    #expect(try left(good) == [BlobDigest.of(shared)])
    #expect(try proofs(good) == ["hashed"])
    let archive = try #require(good.objects("archives").first)
    #expect(archive["imagesWholeAlone"] as? Int == 0)
    let warnings = try #require(good.fields["warnings"] as? [String])
    #expect(warnings.count == 1 && warnings[0].contains("0 of 1 image can be imported"))
  }

  @Test func `is exported when the archive holds zeros, in a file or compressed`() throws {
    try makeBase()
    try Command.run("gzip", ["-k", ferry.file("zeros.tar")])
    for name in ["zeros.tar", "zeros.tar.gz"] {
      let arguments = [
        "export", "--plain-http", "-o", "\(name)-delta.tar", image, "-q", "--skip-known", name,
      ]
      try ferry.run(arguments, exits: 0).complains("\(name) (", "is damaged", BlobDigest.of(shared))
      try importsAlone("\(name)-delta.tar")
    }
  }

  @Test func `is exported when the archive left it out itself`() throws {
    try makeBase()
    _ = try export("delta.tar", knowing: "base.tar")
    let second = try export("second.tar", knowing: "delta.tar")
    #expect(try !left(second).contains(BlobDigest.of(shared)))
    let third = try export("third.tar", knowing: "delta.tar", "base.tar")
    #expect(try left(third).contains(BlobDigest.of(shared)))
  }

  @Test func `is believed of an archive that is expected or signed, unread, and that is said`() throws {
    try makeBase()
    let digest = try Digests.of("zeros.tar", ferry)
    let expected = try export("a.tar", knowing: "zeros.tar", options: ["--known-expect", digest])
    #expect(try left(expected) == [BlobDigest.of(shared)] && proofs(expected) == ["vouched"])
    let other = "sha256:" + String(repeating: "0", count: 64)
    try ferry.run(
      ["export", "--plain-http", "-o", "b.tar", image, "--skip-known", "base.tar", "--known-expect", other],
      exits: 14
    ).complains("base.tar", other)

    let minisign = try Minisign()
    let key = ["--known-public-key", minisign.publicKey]
    // Without a signature it is read.
    #expect(try proofs(export("c.tar", knowing: "base.tar", options: key)) == ["hashed"])
    try ferry.export([source.reference("old/base:1")], to: "signed.tar", "--sign-key", minisign.secretKey)
    #expect(try proofs(export("d.tar", knowing: "signed.tar", options: key)) == ["vouched"])
    try ferry.write("untrusted comment: no signature\n", to: "base.tar.digest.minisig")
    try ferry.run(
      ["export", "--plain-http", "-o", "e.tar", image, "--skip-known", "base.tar"] + key, exits: 14
    ).complains("base.tar")
  }

  @Test func `by a receipt is worth its signature, or a warning`() throws {
    try makeBase()
    let target = try RegistryProcess()
    let minisign = try Minisign()
    let importing = ["import", "base.tar", "--plain-http", "--to", target.reference("new")]
    try ferry.run(importing + ["--receipt", "plain.json"], exits: 0)
    try ferry.run(
      importing + ["--receipt", "signed.json", "--sign-key", minisign.secretKey], exits: 0)
    let key = ["--known-public-key", minisign.publicKey]

    let arguments = ["export", "--plain-http", "-o", "a.tar", image, "--skip-known", "plain.json"]
    try ferry.run(arguments + key, exits: 14).complains("plain.json")
    let planned = try ferry.run(arguments + ["--dry-run"], exits: 0)
    let quiet = try ferry.run(arguments + ["-q", "--report", "page.html"], exits: 0)
    let page = try String(contentsOfFile: ferry.file("page.html"), encoding: .utf8)
    let piped = try ferry.run(
      ["export", "--plain-http", "-o", "-", image, "--skip-known", "plain.json"], exits: 0)
    for text in [planned.standardOutput, quiet.standardError, page, piped.standardError] {
      #expect(text.contains("receipt plain.json") && text.contains("is not proved"), "\(text)")
      #expect(text.contains("on its word alone") && text.contains("0 of 1 image can be imported"))
    }
    let report = try export("b.tar", knowing: "plain.json")
    #expect(try proofs(report) == ["claimed"])
    #expect((report.fields["warnings"] as? [String])?.first?.contains("plain.json") == true)
    // What an archive proves is not left to a receipt's word.
    #expect(
      try (export("c.tar", knowing: "plain.json", "base.tar").fields["warnings"] as? [String])?.count == 1)

    let signed = try export("d.tar", knowing: "signed.json", options: key)
    #expect(try proofs(signed) == ["vouched"])
    #expect((signed.fields["warnings"] as? [String])?.contains { $0.contains("not proved") } == false)
    let bytes = try String(contentsOfFile: ferry.file("signed.json"), encoding: .utf8)
    try ferry.write(bytes + "\n", to: "signed.json")
    try ferry.run(
      ["export", "--plain-http", "-o", "e.tar", image, "--skip-known", "signed.json"] + key, exits: 14
    ).complains("signed.json")
    try ferry.run(["export", "--plain-http", "-o", "f.tar", image] + key, exits: 64)
  }
}

private enum Digests {
  /// The archive digest of a file.
  static func of(_ name: String, _ ferry: FerryProcess) throws -> String {
    let report = try Report(ferry.run(["inspect", "--json", name], exits: 0))
    return try #require(report.objects("archives").first?["digest"] as? String)
  }
}
