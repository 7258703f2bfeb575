import Foundation
import TestSupport
import Testing

/// Archives that leave out what the other side has.
@Suite(.waiting) struct `A delta` {
  private let ferry: FerryProcess
  private let source: RegistryProcess
  /// 200 KB that both images have, and what each has for itself.
  private let shared: [UInt8]
  private let own: [UInt8]

  init() throws {
    ferry = try FerryProcess()
    source = try RegistryProcess()
    var random = SeededGenerator(seed: 5)
    shared = random.bytes(200_000)
    own = random.bytes(10_000)
    try source.storage.add(layers: [shared, [1]], to: "old/base", tag: "1")
    try source.storage.add(layers: [shared, own, [2]], to: "old/app", tag: "1")
  }

  private func importing(_ archives: String..., to registry: RegistryProcess) -> [String] {
    ["import"] + archives + ["--plain-http", "--to", registry.reference("new")]
  }

  /// `base.tar` with the one image, and `delta.tar` with the other, without what `base.tar` holds.
  private func makeDelta() throws {
    try ferry.export([source.reference("old/base:1")], to: "base.tar")
    try ferry.export([source.reference("old/app:1")], to: "delta.tar", "--skip-known", "base.tar")
  }

  private func size(_ name: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: ferry.file(name))[.size] as? Int)
  }

  @Test func `leaves out what an earlier archive holds, and says so`() throws {
    try ferry.export([source.reference("old/base:1")], to: "base.tar")
    let arguments = [
      "export", "--plain-http", "-o", "delta.tar", "--skip-known", "base.tar", source.reference("old/app:1"),
    ]
    let plan = try Report(ferry.run(arguments + ["--dry-run", "--json"], exits: 0))
    let planned = try #require(plan.objects("archives").first)
    let left = try #require(planned["leftOut"] as? [[String: Any]])
    #expect(left.map { $0["digest"] as? String } == [BlobDigest.of(shared)])
    #expect(left.map { $0["repository"] as? String } == [source.reference("old/base")])
    #expect(planned["leftOutBytes"] as? Int == shared.count)
    #expect((plan.number("neededBytes") ?? .max) < 50_000)
    #expect(
      try ferry.run(arguments + ["--dry-run"], exits: 0).standardOutput
        .contains("left out: 1 blob, 195.3 KiB, which the other side has by archive base.tar"))

    let made = try ferry.run(arguments, exits: 0)
    made.complains("left out: 1 blob", "base.tar")
    #expect(try size("delta.tar") < 50_000)
    let verified = try ferry.run(["verify", "delta.tar"], exits: 0)
    #expect(verified.standardOutput.contains("whole") && verified.standardOutput.contains("archive base.tar"))
    let inspected = try ferry.run(["inspect", "delta.tar"], exits: 0)
    #expect(inspected.standardOutput.contains("left out: 1 blob"))
    // Again there is nothing to do; without the option it is another archive.
    try ferry.run(arguments, exits: 0).complains("there already: ")
    try ferry.export([source.reference("old/app:1")], to: "whole.tar")
    try ferry.export([source.reference("old/app:1")], to: "again.tar", "--skip-known", "whole.tar")
    #expect(try ferry.run(["inspect", "again.tar"], exits: 0).standardOutput.contains("config left out"))
    try ferry.run(
      ["export", "--plain-http", "-o", "delta.tar", source.reference("old/app:1")], exits: 15)
  }

  @Test func `says what to bring when the rest is nowhere, before anything moves`() throws {
    try makeDelta()
    try source.storage.add(layers: [[7]], to: "old/lone", tag: "1")
    try ferry.export(
      [source.reference("old/app:1"), source.reference("old/lone:1")], to: "two.tar", "--skip-known",
      "base.tar")
    let target = try RegistryProcess()
    for more in [[], ["--dry-run"]] {
      let refused = try ferry.run(importing("delta.tar", to: target) + more, exits: 12)
      refused.complains(
        BlobDigest.of(shared), source.reference("old/app:1"), "archive base.tar", "ferry import")
    }
    let plan = try Report(ferry.run(importing("delta.tar", to: target) + ["--dry-run", "--json"], exits: 12))
    #expect(try plan.strings("missing", "digest") == [BlobDigest.of(shared)])
    #expect(target.storage.repositories.isEmpty && target.storage.digests.isEmpty)
    // The image that is whole goes.
    let result = try ferry.run(importing("two.tar", to: target) + ["--keep-going", "--json"], exits: 3)
    #expect(try Report(result).strings("images", "state").sorted() == ["failed", "pushed"])
    #expect(target.storage.repositories == ["new/lone"])
  }

  @Test func `takes the rest from the earlier archive beside it`() throws {
    try makeDelta()
    let target = try RegistryProcess()
    try ferry.run(importing("delta.tar", "base.tar", to: target), exits: 0)
    for name in ["app", "base"] {
      #expect(target.storage.digest(of: "new/\(name)", "1") == source.storage.digest(of: "old/\(name)", "1"))
      #expect(target.storage.hasBlob(BlobDigest.of(shared), in: "new/\(name)"))
    }
  }

  @Test func `mounts the rest from where the earlier images went`() throws {
    try makeDelta()
    let target = try RegistryProcess()
    try ferry.run(importing("base.tar", to: target), exits: 0)
    let result = try ferry.run(importing("delta.tar", to: target) + ["--json"], exits: 0)
    let report = try Report(result)
    #expect(report.number("mountedBytes") == shared.count)
    #expect((report.number("uploadedBytes") ?? .max) < 50_000)
    #expect(target.storage.digest(of: "new/app", "1") == source.storage.digest(of: "old/app", "1"))
    #expect(target.storage.hasBlob(BlobDigest.of(shared), in: "new/app"))
    let again = try Report(ferry.run(importing("delta.tar", to: target) + ["--json"], exits: 0))
    #expect(try again.strings("images", "state") == ["identical"])
  }

  @Test func `is not imported where HEAD alone tells of the rest`() throws {
    try makeDelta()
    let digest = BlobDigest.of(shared)
    let size = shared.count
    let target = ScriptedRegistry { request in
      request.method == "HEAD" && request.path == "/v2/new/base/blobs/\(digest)"
        ? .headOnly(length: size) : nil
    }
    for options in [["--dry-run"], []] {
      try ferry.run(
        ["import", "delta.tar", "--plain-http", "--to", "\(target.host)/new"] + options, exits: 12
      ).complains(digest, "archive base.tar")
    }
    #expect(!target.server.lines.contains { $0.hasPrefix("PUT ") })
  }

  @Test func `stops before any manifest when the registry will not mount`() throws {
    try makeDelta()
    let digest = BlobDigest.of(shared)
    let target = ScriptedRegistry(source.storage) { request in
      request.method == "HEAD" && request.path == "/v2/new/app/blobs/\(digest)" ? ScriptedResponse(404) : nil
    }
    let result = try ferry.run(
      ["import", "delta.tar", "--plain-http", "--to", "\(target.host)/new"], exits: 12)
    result.complains(digest, "archive base.tar")
    let lines = target.server.lines
    #expect(lines.contains { $0.hasPrefix("POST /v2/new/app/blobs/uploads/") && $0.contains("mount=") })
    #expect(lines.contains { $0.hasPrefix("DELETE ") })
    #expect(!lines.contains { $0.hasPrefix("PUT ") })
  }

  @Test func `with a tag that has moved comes before the archive it was made from`() throws {
    try ferry.export([source.reference("old/app:1"), source.reference("old/base:1")], to: "week1.tar")
    let moved = try source.storage.add(layers: [shared, own, [9, 9]], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "week2.tar", "--skip-known", "week1.tar")
    // What one delta leaves out, the next one knows by the archive that holds it.
    try source.storage.add(layers: [shared, [9, 9], [8]], to: "old/app", tag: "2")
    try ferry.export(
      [source.reference("old/app:2")], to: "week3.tar", "--skip-known", "week2.tar", "--skip-known",
      "week1.tar")
    #expect(try size("week3.tar") < 50_000)
    for archives in [["week2.tar", "week1.tar", "week3.tar"], ["week3.tar", "week1.tar", "week2.tar"]] {
      let target = try RegistryProcess()
      try ferry.run(
        ["import"] + archives + ["--plain-http", "--to", target.reference("new")], exits: 0)
      #expect(target.storage.digest(of: "new/app", "1") == moved)
      #expect(target.storage.tags(of: "new/app") == ["1", "2"])
      #expect(target.storage.tags(of: "new/base") == ["1"])
    }
  }

  /// `week1.tar` with an image that is signed, and another; `week2.tar` with the first one's tag moved. The digests of the two.
  private func moveTag() throws -> (old: String, new: String) {
    let old = try #require(source.storage.digest(of: "old/app", "1"))
    try source.storage.add(artifact: "signs it", to: "old/app", tag: Self.signature(of: old))
    try ferry.export([source.reference("old/app:1"), source.reference("old/base:1")], to: "week1.tar")
    let new = try source.storage.add(layers: [shared, own, [9, 9]], to: "old/app", tag: "1")
    try source.storage.add(artifact: "signs that", to: "old/app", tag: Self.signature(of: new))
    try ferry.export([source.reference("old/app:1")], to: "week2.tar", "--skip-known", "week1.tar")
    return (old, new)
  }

  private static func signature(of digest: String) -> String {
    digest.replacing(":", with: "-") + ".sig"
  }

  @Test
  func `gives a tag that has moved to the later image, and loses neither the older one nor its signature`()
    throws
  {
    let (old, new) = try moveTag()
    for archives in [["week1.tar", "week2.tar"], ["week2.tar", "week1.tar"]] {
      let target = try RegistryProcess()
      let place = ["--plain-http", "--to", target.reference("new")]
      let planned = try ferry.run(["import"] + archives + place + ["--dry-run"], exits: 0)
      planned.complains("superseded by \(new) in week2.tar: \(source.reference("old/app:1")), \(old)")
      let result = try ferry.run(
        ["import"] + archives + place + ["--receipt", "r.json", "--json"], exits: 0)
      result.complains("superseded by \(new) in week2.tar: \(source.reference("old/app:1")), \(old)")
      let older = try #require(
        Report(result).objects("images").first { $0["digest"] as? String == old })
      #expect(older["supersededBy"] as? String == new && older["supersededIn"] as? String == "week2.tar")
      #expect(older["source"] as? String == source.reference("old/app@\(old)"))
      #expect(older["target"] as? String == target.reference("new/app@\(old)"))
      #expect(target.storage.digest(of: "new/app", "1") == new)
      #expect(target.storage.hasManifest(old, in: "new/app"))
      #expect(target.storage.tags(of: "new/app") == (["1"] + [old, new].map(Self.signature)).sorted())
      // All of both has arrived, whoever asks.
      try ferry.run(["verify"] + archives + ["--receipt", "r.json"], exits: 0)
      try ferry.run(["check"] + archives + place, exits: 0)
      try ferry.run(["check", "r.json"] + place, exits: 0)
      try ferry.run(["check", "--plain-http"] + archives, exits: 0)
      try target.storage.unlink(manifest: old, from: "new/app")
      try ferry.run(["check"] + archives + place, exits: 4)
    }
    // Who asks for the older one alone gets it by its name.
    let target = try RegistryProcess()
    try ferry.run(importing("week1.tar", "week2.tar", to: target) + ["--image", old], exits: 0)
    #expect(target.storage.digest(of: "new/app", "1") == old)
  }

  @Test func `is given its name where it is the only one, with the older image beside it`() throws {
    try ferry.export([source.reference("old/app:1")], to: "week1.tar")
    let old = try #require(source.storage.digest(of: "old/app", "1"))
    let new = try source.storage.add(layers: [shared, own, [9, 9]], to: "old/app", tag: "1")
    try ferry.export([source.reference("old/app:1")], to: "week2.tar", "--skip-known", "week1.tar")
    let target = try RegistryProcess()
    try ferry.run(importing("week1.tar", "week2.tar", to: target) + ["--as", "other:2"], exits: 0)
    #expect(target.storage.digest(of: "new/other", "2") == new)
    #expect(target.storage.hasManifest(old, in: "new/other"))
  }

  /// A bit of the later image's manifest is wrong, or something follows the archive, of which then nothing is taken.
  @Test(arguments: [false, true])
  func `that is damaged gives its tags to no older image`(isPutAside: Bool) throws {
    let (old, new) = try moveTag()
    var archive = try DamagedArchive(of: ferry.file("week2.tar"))
    if isPutAside {
      archive.appendBytes([UInt8](repeating: 1, count: 512))
    } else {
      try archive.flip(archive.blob(new).content + 30)
    }
    try archive.write(to: ferry.file("bad.tar"))
    let target = try RegistryProcess()
    let name = source.reference("old/app:1")
    try ferry.run(importing("week1.tar", "bad.tar", to: target), exits: 14).complains("Nothing was pushed.")
    #expect(target.storage.repositories.isEmpty)
    let check = ["check", "week1.tar", "bad.tar", "--plain-http", "--to", target.reference("new")]
    #expect(try !ferry.run(check, exits: 14).standardError.contains("was pushed"))

    let result = try ferry.run(
      importing("week1.tar", "bad.tar", to: target) + ["--keep-going", "--report", "r.json"], exits: 3)
    #expect(!result.standardError.contains("Nothing was pushed"))
    #expect(try Report(file: ferry.file("r.json")).strings("failures", "image").contains(name))
    if isPutAside {
      result.complains("\(name): it lies in bad.tar, of which nothing can be taken", "--image \(old)")
    }
    #expect(target.storage.digest(of: "new/app", "1") == nil)
    #expect(target.storage.hasManifest(old, in: "new/app"))
    #expect(target.storage.tags(of: "new/base") == ["1"])
    // So nothing is in the way of the right archive.
    try ferry.run(importing("week1.tar", "week2.tar", to: target), exits: 0)
    #expect(target.storage.digest(of: "new/app", "1") == new)

    let other = try RegistryProcess()
    try ferry.run(
      importing("week1.tar", "bad.tar", to: other) + ["--keep-going", "--image", old],
      exits: isPutAside ? 3 : 0)
    #expect(other.storage.digest(of: "new/app", "1") == old)
  }

  @Test func `knows by a receipt what has arrived`() throws {
    let digest = try #require(source.storage.digest(of: "old/base", "1"))
    let manifest = try #require(source.storage.bytes(of: digest))
    let blobs = [
      ("application/vnd.oci.image.manifest.v1+json", digest, manifest.count),
      ("application/vnd.oci.image.layer.v1.tar+gzip", BlobDigest.of(shared), shared.count),
    ]
    let listed = blobs.map { #"{"mediaType":"\#($0.0)","digest":"\#($0.1)","size":\#($0.2)}"# }
    try ferry.write(
      """
      {"schema":"ferry/receipt/v1","ferry":"1","destination":"new.example/new","archives":[],
       "started":"2026-11-23T17:41:35Z","finished":"2026-11-23T17:41:35Z","images":[
        {"source":"\(source.reference("old/base:1"))","target":"new.example/new/base:1","digest":"\(digest)",
         "size":\(blobs.reduce(0) { $0 + $1.2 }),"confirmedAt":"2026-11-23T17:41:35Z",
         "blobs":[\(listed.joined(separator: ","))]}]}
      """, to: "receipt.json")
    try ferry.export([source.reference("old/app:1")], to: "delta.tar", "--skip-known", "receipt.json")
    let report = try Report(ferry.run(["inspect", "--json", "delta.tar"], exits: 0))
    let archive = try #require(report.objects("archives").first)
    let omissions = try #require(archive["omissions"] as? [[String: Any]])
    #expect(omissions.map { $0["digest"] as? String } == [BlobDigest.of(shared)])
    #expect((archive["known"] as? [[String: Any]])?.map { $0["name"] as? String } == ["receipt.json"])
    let target = try RegistryProcess()
    try ferry.run(importing("delta.tar", to: target), exits: 12).complains("receipt receipt.json")
  }

  @Test func `is made from the receipt of an import, and of an archive in any dress`() throws {
    try ferry.export([source.reference("old/base:1")], to: "base.tar")
    let target = try RegistryProcess()
    try ferry.run(importing("base.tar", to: target) + ["--receipt", "receipt.json"], exits: 0)
    try Command.run("gzip", ["-k", ferry.file("base.tar")])
    let image = source.reference("old/app:1")
    for (number, known) in ["receipt.json", "base.tar.gz"].enumerated() {
      try ferry.export([image], to: "\(number).tar", "--skip-known", known)
      #expect(try size("\(number).tar") < 50_000)
    }
    // Mounted from where the receipt's image went.
    try ferry.run(importing("0.tar", to: target), exits: 0)
    #expect(target.storage.digest(of: "new/app", "1") == source.storage.digest(of: "old/app", "1"))
    // Through a pipe the archive with the rest may stand beside it.
    let fresh = try RegistryProcess()
    var piped = ferry.command(importing("-", "base.tar", to: fresh))
    piped.input = try [UInt8](Data(contentsOf: URL(fileURLWithPath: ferry.file("1.tar"))))
    let result = try piped.run()
    #expect(result.status == 0, "\(result.standardError)")
    #expect(fresh.storage.hasBlob(BlobDigest.of(shared), in: "new/app"))
  }

  @Test func `is not begun with what cannot be read`() throws {
    try ferry.export([source.reference("old/base:1")], to: "base.tar")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: ferry.file("base.tar")))
    try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: ferry.file("cut.tar")))
    try ferry.write(#"{"schema":"ferry/receipt/v1"}"#, to: "cut.json")
    try ferry.write("no archive at all", to: "notes.txt")
    let asked = source.requests.count
    for (file, status) in [("cut.tar", 14), ("cut.json", 14), ("notes.txt", 14), ("none.tar", 12)]
      as [(String, Int32)]
    {
      let image = source.reference("old/app:1")
      try ferry.run(
        ["export", "--plain-http", "-o", "delta.tar", "--skip-known", file, image], exits: status
      )
      .complains(file)
    }
    #expect(!FileManager.default.fileExists(atPath: ferry.file("delta.tar")))
    #expect(source.requests.count == asked)
    try ferry.run(
      [
        "export", "--plain-http", "-o", "base.tar", "--skip-known", "base.tar", source.reference("old/app:1"),
      ],
      exits: 64)
  }
}
