import Foundation
import TestSupport
import Testing

/// What an import confirmed, and whether all of an archive has arrived.
@Suite(.waiting) struct `A receipt` {
  private let ferry: FerryProcess
  private let new: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    new = try RegistryProcess()
  }

  private func receipt(_ name: String = "r.json") throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func images(_ receipt: [String: Any]) throws -> [[String: Any]] {
    try #require(receipt["images"] as? [[String: Any]])
  }

  private func importing(_ archive: String, _ options: String...) -> [String] {
    ["import", archive, "--plain-http", "--to", "\(new.host)/new", "--receipt", "r.json"] + options
  }

  @Test func `names each image, old and new, with the digest that the registry has`() throws {
    let archive = try FixtureArchive.everything()
    try ferry.run(importing(archive), exits: 0)
    let receipt = try receipt()
    #expect(receipt["schema"] as? String == "ferry/receipt/v1")
    #expect(receipt["destination"] as? String == "\(new.host)/new")
    #expect((receipt["archives"] as? [[String: Any]])?.first?["name"] as? String == "everything.tar")
    let fixtures = try FixtureImages.shared().images
    let images = try images(receipt)
    #expect(images.count == fixtures.count)
    for image in images {
      let target = try #require(image["target"] as? String).dropFirst(new.host.count + 1)
      let digest = try #require(image["digest"] as? String)
      let repository = String(target.prefix { $0 != ":" && $0 != "@" })
      if let tag = target.split(separator: ":").last, !target.contains("@") {
        #expect(new.storage.digest(of: repository, String(tag)) == digest)
      }
      // Everything below it lies in that repository, with that size.
      for blob in try #require(image["blobs"] as? [[String: Any]]) {
        let digest = try #require(blob["digest"] as? String)
        let isThere =
          new.storage.hasBlob(digest, in: repository) || new.storage.hasManifest(digest, in: repository)
        #expect(isThere, "\(digest) in \(repository)")
        #expect(new.storage.bytes(of: digest)?.count == blob["size"] as? Int)
      }
    }
    let verified = try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 0)
    #expect(verified.standardOutput.contains(/arrived  all of \d+ images and 1 referrer/))

    // A second import moves nothing and can say the same.
    try ferry.run(importing(archive), exits: 0)
    #expect(
      try self.images(self.receipt()).map { $0["digest"] as? String }
        == images.map { $0["digest"] as? String })
    try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 0)
  }

  @Test func `holds only what was confirmed`() throws {
    let archive = try FixtureArchive.small()
    let source = try RegistryProcess.fixtures()
    try ferry.export([source.reference("odd/zstd:1")], to: "z.tar")
    try ferry.run(
      ["import", "z.tar", "--plain-http", "--to", "\(new.host)/new", "--map", "odd/zstd=plain"], exits: 0)
    // new/plain:1 holds another image now.
    try ferry.run(importing(archive, "--keep-going"), exits: 3)
    let sources = try images(receipt()).compactMap { $0["source"] as? String }
    #expect(
      Set(sources) == Set(FixtureArchive.smallImages.filter { $0 != "odd/plain:1" }.map(source.reference)))

    let verified = try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 4)
    #expect(verified.standardOutput.contains("missing  \(source.reference("odd/plain:1"))"))
    #expect(verified.standardOutput.contains("NOT ARRIVED  1 of 6"))
    let report = try Report(ferry.run(["verify", archive, "--receipt", "r.json", "--json"], exits: 4))
    let arrivals = try #require(report.objects("archives").first?["arrivals"] as? [[String: Any]])
    #expect(arrivals.compactMap { $0["state"] as? String }.sorted().first == "arrived")
    #expect(arrivals.count { $0["state"] as? String == "missing" } == 1)

    // What one import did not do another may have done: receipts add up.
    try ferry.run(
      [
        "import", archive, "--plain-http", "--to", "\(new.host)/rest", "--image", "odd/plain", "--receipt",
        "rest.json",
      ], exits: 0)
    try ferry.run(["verify", archive, "--receipt", "r.json", "--receipt", "rest.json"], exits: 0)
  }

  @Test func `of an older image says that it is another`() throws {
    let source = try RegistryProcess(fixtures: true)
    let image = source.reference("team/app:1.0")
    try ferry.export([image], to: "old.tar")
    try ferry.run(importing("old.tar"), exits: 0)
    try source.storage.move("1.0", of: "team/app", to: FixtureImages.digest(of: "team/app:1.1"))
    try ferry.export([image], to: "new.tar")
    let result = try ferry.run(["verify", "new.tar", "--receipt", "r.json"], exits: 4)
    #expect(result.standardOutput.contains("differs  \(image)"))
    #expect(result.standardOutput.contains(try FixtureImages.digest(of: "team/app:1.0")))
  }

  @Test func `of a part of an image's platforms does not stand for all`() throws {
    let source = try RegistryProcess.fixtures()
    let image = source.reference("tools/multi:1.0")
    let platforms = ["--platform", "linux/amd64", "--platform", "linux/arm64", "--keep-index"]
    let sparse = try ferry.command(["export", "--plain-http", image, "-o", "part.tar"] + platforms).run()
    #expect(sparse.status == 0, "\(sparse.standardError)")
    try ferry.export([image], to: "all.tar")
    // The registry wants every child of an index; it has them from the whole image.
    try ferry.run(importing("all.tar"), exits: 0)
    try ferry.run(importing("part.tar"), exits: 0)
    let result = try ferry.run(["verify", "all.tar", "--receipt", "r.json"], exits: 4)
    #expect(result.standardOutput.contains("incomplete  \(image)"))
    try ferry.run(["verify", "part.tar", "--receipt", "r.json"], exits: 0)
  }

  @Test func `of layers compressed on the way has the digest that the registry has and the archive's`() throws
  {
    let source = try RegistryProcess.fixtures()
    let archive = ferry.file("saved.tar")
    try Command.run(
      "skopeo",
      [
        "copy", "--src-tls-verify=false", "docker://" + source.reference("odd/plain:1"),
        "docker-archive:\(archive):old.example/odd/plain:1",
      ])
    try ferry.run(importing("saved.tar", "--compress-layers"), exits: 0)
    let image = try #require(images(receipt()).first)
    let digest = try #require(image["digest"] as? String)
    #expect(new.storage.digest(of: "new/plain", "1") == digest)
    #expect(image["archiveDigest"] as? String != digest && image["archiveDigest"] is String)
    let verified = try ferry.run(["verify", "saved.tar", "--receipt", "r.json"], exits: 0)
    #expect(verified.standardOutput.contains("arrived  old.example/odd/plain:1"))
  }

  @Test func `of what was changed on the way tells of each of its parts`() throws {
    let archive = try FixtureArchive.small()
    try ferry.run(importing(archive, "--image", "odd/plain"), exits: 0)
    let good = try receipt()
    let image = try #require(images(good).first)
    let digest = try #require(image["digest"] as? String)
    let blobs = try #require(image["blobs"] as? [[String: Any]])
    let other = BlobDigest.of([7])
    func verify(_ change: ([[String: Any]]) -> [[String: Any]], as name: String) throws {
      let changed = change(
        blobs.map { $0["digest"] as? String == digest ? $0.merging(["digest": other]) { $1 } : $0 })
      let listed = image.merging([
        "digest": other, "archiveDigest": digest, "blobs": changed,
        "size": changed.reduce(0) { $0 + ($1["size"] as? Int ?? 0) },
      ]) { $1 }
      let text = try JSONSerialization.data(withJSONObject: good.merging(["images": [listed]]) { $1 })
      try ferry.write(String(decoding: text, as: UTF8.self), to: "changed.json")
      // The archive's other images are not in it.
      let result = try ferry.run(["verify", archive, "--receipt", "changed.json"], exits: 4)
      #expect(result.standardOutput.contains("\(name)  \(image["source"] as? String ?? "")"), "\(result)")
    }
    try verify({ $0 }, as: "arrived")
    try verify({ $0.filter { $0["digest"] as? String == other } }, as: "incomplete")
    try verify({ Array($0.dropLast()) }, as: "incomplete")
    try verify(
      { $0.map { $0["digest"] as? String == other ? $0 : $0.merging(["size": 1]) { $1 } } }, as: "incomplete")
  }

  @Test func `of a list of referrers that joined another has what the registry has`() throws {
    let old = try RegistryProcess()
    let storage = old.storage
    let subject = try storage.add(layers: [[1]], to: "old/app", tag: "1")
    let tag = subject.replacing(":", with: "-")
    for (name, archive) in [("one", "a.tar"), ("two", "b.tar")] {
      let referrer = try storage.add(artifact: name, to: "old/app", subject: subject)
      try storage.add(index: [referrer], to: "old/app", tag: tag)
      try ferry.export([old.reference("old/app:1")], to: archive)
    }
    // The second list is another one than the first, which is there: each is added to, or has it all.
    for archive in ["a.tar", "b.tar", "b.tar"] {
      try ferry.run(importing(archive), exits: 0)
      let lists = try images(receipt()).filter { ($0["target"] as? String)?.hasSuffix(tag) == true }
      let list = try #require(lists.first)
      #expect(list["digest"] as? String == new.storage.digest(of: "new/app", tag))
      for blob in try #require(list["blobs"] as? [[String: Any]]) {
        let digest = try #require(blob["digest"] as? String)
        #expect(new.storage.hasManifest(digest, in: "new/app") || new.storage.hasBlob(digest, in: "new/app"))
      }
      try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 0)
    }
  }

  @Test func `can be signed, and be demanded to be`() throws {
    let (minisign, other) = (try Minisign(), try Minisign())
    let archive = try FixtureArchive.small()
    try ferry.run(importing(archive, "--sign-key", minisign.secretKey), exits: 0)
    #expect(try minisign.accepts(ferry.file("r.json")))
    let arguments = ["verify", archive, "--receipt", "r.json", "--receipt-public-key"]
    try ferry.run(arguments + [minisign.publicKey], exits: 0)
    try ferry.run(arguments + [other.publicText], exits: 14).complains("r.json is not signed as demanded")
    let text = try String(contentsOfFile: ferry.file("r.json"), encoding: .utf8)
    try ferry.write(text.replacing("/new/", with: "/nev/"), to: "r.json")
    try ferry.run(arguments + [minisign.publicKey], exits: 14).complains("not over this content")
    #expect(try !minisign.accepts(ferry.file("r.json")))
  }

  @Test func `that cannot be written stops an import before anything moves`() throws {
    let archive = try FixtureArchive.small()
    let base = ["import", archive, "--plain-http", "--to", "\(new.host)/new", "--receipt"]
    try ferry.run(base + ["missing/r.json"], exits: 16).complains("cannot write missing/r.json")
    try ferry.run(base + [archive], exits: 64)
    try ferry.run(importing(archive, "--dry-run"), exits: 64).complains("--dry-run")
    try ferry.run(["import", archive, "--to", "\(new.host)/new", "--sign-key", "k"], exits: 64)
      .complains("--receipt")
    #expect(new.storage.repositories == [])
    #expect(!FileManager.default.fileExists(atPath: ferry.file("r.json")))
  }

  @Test func `that is none is told apart from damage in an archive`() throws {
    let archive = try FixtureArchive.small()
    try ferry.write("{}", to: "r.json")
    try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 14).complains("r.json is no receipt")
    try ferry.run(["verify", archive, "--receipt", "gone.json"], exits: 12)
    try ferry.write(#"{"schema":"ferry/receipt/v9"}"#, to: "r.json")
    try ferry.run(["verify", archive, "--receipt", "r.json"], exits: 64).complains("format 9")
    try FileManager.default.removeItem(atPath: ferry.file("r.json"))
    try ferry.run(importing(archive), exits: 0)
    var bytes = try DamagedArchive(of: archive)
    try bytes.flip(bytes.blob(FixtureImages.digest(of: "odd/plain:1")).content + 5)
    try bytes.write(to: ferry.file("damaged.tar"))
    try ferry.run(["verify", "damaged.tar", "--receipt", "r.json"], exits: 14)
  }
}
