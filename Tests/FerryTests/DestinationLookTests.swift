import Foundation
import TestSupport
import Testing

/// `ferry check --to`: does the new registry hold what the archive has?
@Suite(.waiting) struct `A check of the destination` {
  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let new: RegistryProcess
  private let amd: String
  private let arm: String
  /// Of the two above, which share a layer.
  private let index: String
  private let base: String
  private static let layers: [[UInt8]] = [[1], [2, 2], [3, 3, 3], [4, 4, 4, 4]]
  private static let receipt = ["--receipt", "r.json"]

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess()
    new = try RegistryProcess()
    let storage = old.storage
    let layers = Self.layers
    amd = try storage.add(layers: [layers[0], layers[1]], to: "old/app", tag: "amd")
    arm = try storage.add(layers: [layers[0], layers[2]], to: "old/app", tag: "arm")
    index = try storage.add(index: [amd, arm], to: "old/app", tag: "1")
    base = try storage.add(layers: [layers[0], layers[3]], to: "old/base", tag: "1")
    try ferry.export(["old/app:1", "old/base:1"].map(old.reference), to: "a.tar")
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(new.host)/new"], exits: 0)
  }

  private func checking(_ options: [String] = []) -> [String] {
    ["check", "a.tar", "--plain-http", "--retries", "0", "--to", "\(new.host)/new"] + options
  }

  private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: ferry.file(name)) }

  @Test func `finds all of it there, only reads, and writes the receipt that an import would`() throws {
    old.stop()
    let before = new.storage.digests
    let result = try ferry.run(checking(["--receipt", "r.json", "--report", "r.html"]), exits: 0)
    #expect(
      result.lines == [
        "2 of 2 images of a.tar are at \(new.host)/new; no blob was read back (--read-back)"
      ])
    result.complains(
      "layers of the archive itself, a.tar, were not read here: 'ferry verify' proves them", "wrote r.json")
    try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
    #expect(new.storage.digests == before)
    // What is in it is what an import says.
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(new.host)/new", "--receipt", "i.json"], exits: 0)
    #expect(try parts(of: "r.json") == parts(of: "i.json"))
    // And by the receipt it is found again, wherever the archive is.
    #expect(
      try ferry.run(
        ["check", "r.json", "--plain-http", "--to", "\(new.host)/new", "--read-back"], exits: 0
      ).standardOutput.contains("2 of 2 images of r.json are at \(new.host)/new; read back"))
  }

  private func parts(of name: String) throws -> [String: Set<String>] {
    let data = try Data(contentsOf: URL(fileURLWithPath: ferry.file(name)))
    let receipt = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let images = try #require(receipt["images"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: try images.map { image in
        let blobs = try #require(image["blobs"] as? [[String: Any]])
        let name = try #require(image["target"] as? String)
        return (name, Set(blobs.compactMap { $0["digest"] as? String } + [image["digest"] as? String ?? ""]))
      })
  }

  @Test func `knows every kind of image, at both its ends`() throws {
    let archive = try FixtureArchive.everything()
    let names = try FixtureImages.shared().images.map(\.name)
    let source = try RegistryProcess.fixtures()
    try ferry.write(names.map(source.reference).joined(separator: "\n"), to: "images.txt")
    let before = try ferry.run(["check", archive, "--plain-http", "-f", "images.txt"], exits: 0)
    #expect(
      before.standardOutput.hasPrefix("\(names.count) of \(names.count) images on the list are in \(archive)")
    )
    #expect(before.standardOutput.contains("; nothing is new since"))
    let to = ["--plain-http", "--to", "\(new.host)/every"]
    try ferry.run(["import", archive, "--receipt", "r.json"] + to, exits: 0)
    let after = try ferry.run(["check", archive, "--read-back", "--receipt", "c.json"] + to, exits: 0)
    after.complains("not at the destination: foreign layer")
    try ferry.run(["check", "r.json"] + to, exits: 0)
    try ferry.run(["check", "r.json", "--plain-http"], exits: 0)
    #expect(try parts(of: "c.json") == parts(of: "r.json"))
    try ferry.run(["verify", archive, "--receipt", "c.json", "--list", "images.txt"], exits: 0)
  }

  /// What may befall a registry behind its back.
  enum Mishap: CaseIterable {
    case tagGone, tagMoved, blobGone, blobOfRepositoryGone, childGone, blobCut, childChanged, rootChanged

    var status: Int32 {
      switch self {
      case .tagGone, .tagMoved, .blobGone, .blobOfRepositoryGone, .childGone: 4
      case .blobCut, .childChanged, .rootChanged: 14
      }
    }
  }

  private func happen(_ mishap: Mishap) throws -> String {
    let storage = new.storage
    let layer = BlobDigest.of(Self.layers[1])
    switch mishap {
    case .tagGone:
      try FileManager.default.removeItem(atPath: storage.tagDirectory(of: "new/app", "1"))
      return "missing  \(new.host)/new/app:1: \(index)"
    case .tagMoved:
      try storage.move("1", of: "new/app", to: amd)
      return "differs  \(new.host)/new/app:1 holds \(amd), not \(index)"
    case .blobGone:
      try storage.remove(layer)
      return "missing: \(layer) in \(new.host)/new/app\n  hurts \(old.host)/old/app:1"
    case .blobOfRepositoryGone:
      try storage.unlink(blob: BlobDigest.of(Self.layers[0]), from: "new/app")
      return "missing: \(BlobDigest.of(Self.layers[0])) in \(new.host)/new/app"
    case .childGone:
      try storage.remove(arm)
      return "missing  1 part of \(new.host)/new/app:1"
    case .blobCut:
      try storage.replace(layer) { $0.removeLast() }
      return "wrong bytes: \(layer) in \(new.host)/new/app has another size\n  hurts \(old.host)/old/app:1"
    case .childChanged:
      try storage.replace(arm) { $0[20] ^= 1 }
      return "wrong bytes: \(arm) in \(new.host)/new/app hashes to sha256:"
    case .rootChanged:
      try storage.replace(index) { $0[20] ^= 1 }
      return "wrong bytes: \(index) in \(new.host)/new/app hashes to sha256:"
    }
  }

  @Test(arguments: Mishap.allCases)
  func `names what is missing, what is another and what is wrong, and writes no receipt`(_ mishap: Mishap)
    throws
  {
    let words = try happen(mishap)
    let result = try ferry.run(checking(Self.receipt), exits: mishap.status)
    #expect(result.standardOutput.contains(words), "\(result.standardOutput)")
    #expect(result.lines.last?.hasPrefix("1 of 2 images of a.tar are at \(new.host)/new") == true)
    result.complains("r.json was not written")
    #expect(!exists("r.json"))
    #expect(
      try ferry.run(checking(["--image", "old/base"]), exits: 0).standardOutput.hasPrefix("1 of 1 image"))
  }

  @Test func `finds other bytes of the same size by --read-back, and only by it`() throws {
    let layer = BlobDigest.of(Self.layers[0])
    try new.storage.replace(layer) { $0[0] ^= 1 }
    try ferry.run(checking(), exits: 0)
    let result = try ferry.run(checking(Self.receipt + ["--read-back"]), exits: 14)
    #expect(
      result.lines.filter { !$0.hasPrefix("  ") }.dropLast() == [
        "damaged  \(new.host)/new/app:1: 1 part with wrong bytes",
        "damaged  \(new.host)/new/base:1: 1 part with wrong bytes",
        "wrong bytes: \(layer) in \(new.host)/new/app hashes to \(BlobDigest.of([0]))",
        "wrong bytes: \(layer) in \(new.host)/new/base hashes to \(BlobDigest.of([0]))",
      ])
    #expect(result.lines.contains("  hurts \(old.host)/old/base:1"))
    #expect(result.lines.last?.hasPrefix("0 of 2 images of a.tar are at \(new.host)/new; read back") == true)
    #expect(result.lines.last?.hasSuffix("(100 %)") == true)
    #expect(!exists("r.json") && !exists("a.tar.check-journal"))
    let report = try Report(ferry.run(checking(["--read-back", "--json"]), exits: 14))
    let fault = try #require(report.objects("faults").first)
    #expect(
      Set(fault.keys) == [
        "repository", "digest", "mediaType", "bytes", "fault", "actualDigest", "images",
      ])
    #expect(
      fault["fault"] as? String == "wrongBytes" && fault["repository"] as? String == "\(new.host)/new/app")
    #expect(fault["images"] as? [String] == ["\(old.host)/old/app:1"])
    // A step further: an import does not see it either, and a mended registry is found right.
    try new.storage.replace(layer) { $0[0] ^= 1 }
    try ferry.run(checking(["--read-back"]), exits: 0)
  }

  @Test func `is reported as JSON, field by field`() throws {
    let report = try Report(ferry.run(checking(["--json", "--read-back"]), exits: 0))
    #expect(
      Set(report.fields.keys) == [
        "schema", "ferry", "against", "destination", "files", "images", "faults", "unlistedReferrers",
        "leftOut",
        "readBack", "lacking", "failures",
      ])
    #expect(report.string("against") == "destination" && report.string("destination") == "\(new.host)/new")
    #expect(try report.strings("images", "state") == ["there", "there"])
    #expect(try report.strings("images", "target") == ["\(new.host)/new/app:1", "\(new.host)/new/base:1"])
    let readBack = try #require(report.fields["readBack"] as? [String: Any])
    #expect(
      Set(readBack.keys) == ["scope", "blobs", "totalBytes", "readBlobs", "readBytes", "earlierBytes"])
    // Three layers and a config of one repository, two layers and a config of the other.
    #expect(readBack["blobs"] as? Int == 7 && readBack["readBlobs"] as? Int == 7)
    #expect(readBack["readBytes"] as? Int == readBack["totalBytes"] as? Int)
    #expect(readBack["scope"] as? String == "100%" && readBack["earlierBytes"] as? Int == 0)
  }

  @Test func `goes by the names of the import's rules, and by one that is given`() throws {
    let rules = ["--map", "old/(none)=x", "--map", "old/*=moved/$1"]
    try ferry.run(checking(rules), exits: 4)
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(new.host)/new"] + rules, exits: 0)
    let named = try ferry.run(checking(rules + Self.receipt), exits: 0)
    #expect(named.standardOutput.contains("2 of 2 images"))
    try ferry.write("# rules\nold/*=moved/$1\n", to: "rules")
    try ferry.run(checking(["--map-file", "rules"]), exits: 0)
    // The receipt knows them; and without it they are what an import would make.
    try FileManager.default.removeItem(atPath: new.storage.tagDirectory(of: "new/app", "1"))
    let byReceipt = ["check", "r.json", "--plain-http", "--to"]
    try ferry.run(byReceipt + ["\(new.host)/new"], exits: 0)
    try ferry.run(byReceipt + ["\(new.host)/new", "--map", "old/app=app"], exits: 4)
    try ferry.run(checking(["--map", "**=one"]), exits: 15).complains("would all become")
  }

  @Test func `looks at platforms alone where it is told to`() throws {
    let fixtures = try RegistryProcess.fixtures()
    let target = try RegistryProcess()
    try ferry.export([fixtures.reference("tools/multi:1.0")], to: "m.tar")
    try ferry.export([fixtures.reference("tools/multi:1.0")], to: "p.tar", "--platform", "linux/amd64")
    let to = ["--plain-http", "--to", "\(target.host)/new"]
    try ferry.run(["import", "p.tar"] + to, exits: 0)
    try ferry.run(["check", "m.tar"] + to, exits: 4)
    let result = try ferry.run(
      ["check", "m.tar", "--platform", "linux/amd64", "--receipt", "m.json"] + to, exits: 0)
    #expect(result.standardOutput.contains("at \(target.host)/new, for the platforms asked for"))
    try ferry.run(["check", "m.tar", "--platform", "linux/s390x"] + to, exits: 12)
    try ferry.run(
      ["check", "m.tar", "--platform", "linux/amd64", "--platform", "linux/arm64"] + to, exits: 4)
    // An index of which a platform's parts are lost is right for the others.
    try ferry.run(["import", "m.tar", "--overwrite"] + to, exits: 0)
    try ferry.run(["check", "m.tar"] + to, exits: 0)
    try ferry.run(["check", "m.json"] + to, exits: 4)
  }

  @Test func `knows images that other tools named, and archives that come through a pipe`() throws {
    let image = DockerSave.Image(["app:1"], layers: [try DockerSave.layer("one")])
    try DockerSave([image]).write(to: ferry.file("d.tar"))
    let to = ["--plain-http", "--to", "\(new.host)/saved"]
    try ferry.run(["import", "d.tar"] + to, exits: 0)
    try ferry.write("docker.io/app:1\n", to: "images.txt")
    try ferry.run(["verify", "d.tar", "--list", "images.txt"], exits: 0)
    let result = try ferry.run(["check", "d.tar", "-f", "images.txt", "--read-back"] + to, exits: 0)
    #expect(
      result.standardOutput.hasPrefix("1 of 1 image on the list is in d.tar and at \(new.host)/saved; "))
    let nameless = DockerSave.Image([], layers: [try DockerSave.layer("two")])
    try DockerSave([nameless]).write(to: ferry.file("n.tar"))
    try ferry.run(["import", "n.tar", "--as", "two:2"] + to, exits: 0)
    try ferry.run(["check", "n.tar"] + to, exits: 64)
    try ferry.run(["check", "n.tar", "--as", "two:2"] + to, exits: 0)
    var piped = ferry.command(["check", "-", "--read-back", "--plain-http", "--to", "\(new.host)/new"])
    piped.input = [UInt8](try Data(contentsOf: URL(fileURLWithPath: ferry.file("a.tar"))))
    let passed = try piped.run()
    #expect(passed.status == 0, "\(passed.standardError)")
    #expect(passed.standardOutput.contains("2 of 2 images of standard input are at"))
  }

  @Test func `believes of several receipts the last one's word on a name`() throws {
    let to = ["--plain-http", "--to", "\(new.host)/new"]
    try ferry.run(["import", "a.tar", "--receipt", "one.json"] + to, exits: 0)
    // Later, as receipts count time.
    let text = try String(contentsOfFile: ferry.file("one.json"), encoding: .utf8)
    try ferry.write(
      text.replacing(/"confirmedAt" : "20/, with: "\"confirmedAt\" : \"19"), to: "earlier.json")
    try old.storage.add(layers: [[8, 8]], to: "old/base", tag: "1")
    try ferry.export([old.reference("old/base:1")], to: "b.tar")
    try ferry.run(["import", "b.tar", "--overwrite", "--receipt", "two.json"] + to, exits: 0)
    try ferry.run(["check", "earlier.json"] + to, exits: 4)
    #expect(
      try ferry.run(["check", "earlier.json", "two.json"] + to, exits: 0).standardOutput.contains(
        "2 of 2 images of earlier.json and two.json are at"))
    // The source has what either of them has.
    try ferry.run(["check", "earlier.json", "two.json", "--plain-http", "--no-new"], exits: 0)
  }

  @Test func `wants what refers to an image to be listed for it`() throws {
    let sbom = try old.storage.add(artifact: "sbom", to: "old/app", subject: index)
    func tag(_ digest: String) -> String { digest.replacingOccurrences(of: ":", with: "-") }
    try old.storage.add(index: [sbom], to: "old/app", tag: tag(index))
    try ferry.export(["old/app:1", "old/base:1"].map(old.reference), to: "a.tar", "--force")
    try ferry.run(checking(), exits: 4)
    try ferry.run(["import", "a.tar", "--plain-http", "--to", "\(new.host)/new"], exits: 0)
    #expect(
      try ferry.run(checking(["--read-back"]), exits: 0).standardOutput.contains(
        "2 of 2 images and 1 of 1 referrer of a.tar are at"))
    // Another list that has this one's is as good.
    let more = try new.storage.add(artifact: "signature", to: "new/app", subject: index)
    try new.storage.add(index: [sbom, more], to: "new/app", tag: tag(index))
    try ferry.run(checking(Self.receipt), exits: 0)
    try ferry.run(["verify", "a.tar", "--receipt", "r.json"], exits: 0)
    try ferry.run(["check", "r.json", "--plain-http", "--to", "\(new.host)/new"], exits: 0)
    try new.storage.add(index: [more], to: "new/app", tag: tag(index))
    #expect(
      try ferry.run(checking(), exits: 4).standardOutput.contains(
        "differs  \(new.host)/new/app:\(tag(index))"))
    try ferry.run(checking(["--no-referrers"]), exits: 0)
  }

  @Test func `wants it to be listed where the old registry listed it by itself, too`() throws {
    let source = ScriptedRegistry(referrersPage: 10)
    let image = source.add(image: [[1]], to: "old/app", tag: "1")
    let sbom = source.add(
      manifest: Self.sbom(of: image, size: source.size(of: image), config: source.add(Array("{}".utf8))),
      as: "application/vnd.oci.image.manifest.v1+json", to: "old/app")
    try ferry.export([source.reference("old/app:1")], to: "s.tar")
    let to = ["--plain-http", "--to", "\(new.host)/signed"]
    try ferry.run(["import", "s.tar", "--receipt", "r.json"] + to, exits: 0)
    // By a receipt, too, which does not say what refers to what: the manifests at the destination do.
    for known in ["s.tar", "r.json"] { try ferry.run(["check", known] + to, exits: 0) }
    let list = image.replacingOccurrences(of: ":", with: "-")
    try FileManager.default.removeItem(atPath: new.storage.tagDirectory(of: "signed/app", list))
    for known in ["s.tar", "r.json"] {
      let unlisted = try ferry.run(["check", known] + to, exits: 4)
      #expect(
        unlisted.standardOutput.contains(
          "missing  \(sbom) in the list of what refers to \(image), in \(new.host)/signed/app"), "\(known)")
      let report = try Report(ferry.run(["check", known, "--json"] + to, exits: 4))
      #expect(try report.strings("unlistedReferrers", "digest") == [sbom], "\(known)")
      #expect(try report.strings("images", "state").allSatisfy { $0 == "there" }, "\(known)")
      // An import with it lists nothing.
      try ferry.run(["check", known, "--no-referrers"] + to, exits: 0)
    }
  }

  /// An artifact that refers to an image.
  private static func sbom(of image: String, size: Int, config: String) -> String {
    let type = "application/vnd.oci"
    return """
      {"schemaVersion":2,"mediaType":"\(type).image.manifest.v1+json","artifactType":"application/vnd.example+json",\
      "config":{"mediaType":"\(type).empty.v1+json","digest":"\(config)","size":2},\
      "layers":[{"mediaType":"\(type).empty.v1+json","digest":"\(config)","size":2}],\
      "subject":{"mediaType":"\(type).image.manifest.v1+json","digest":"\(image)","size":\(size)}}
      """
  }

  @Test func `needs no right to push, and uses an import's credentials`() throws {
    let server = try TokenServer(users: ["reader": "secret"]) { user, _, action in
      user != nil && action == "pull"
    }
    let registry = try RegistryProcess(.tokens(server))
    for (repository, layers) in [("new/base", [Self.layers[0], Self.layers[3]])] {
      try registry.storage.add(layers: layers, to: repository, tag: "1")
    }
    var ferry = ferry
    ferry.environment = ["FERRY_IMPORT_USERNAME": "reader", "FERRY_IMPORT_PASSWORD": "secret"]
    let arguments = [
      "check", "a.tar", "--plain-http", "--image", "old/base", "--to", "\(registry.host)/new", "--read-back",
    ]
    try ferry.run(arguments, exits: 0)
    ferry.environment = ["FERRY_EXPORT_USERNAME": "reader", "FERRY_EXPORT_PASSWORD": "secret"]
    try ferry.run(arguments, exits: 10)
  }

  @Test func `refuses what makes no sense`() throws {
    for options in [
      ["--map", "a=b"], ["--read-back"], ["--receipt", "r.json"], ["--platform", "linux/amd64"],
      ["--journal", "j"], ["--as", "x"],
    ] {
      try ferry.run(["check", "a.tar"] + options, exits: 64).complains("name it with --to")
    }
    try ferry.run(["check"], exits: 64)
    try ferry.run(checking(["--no-new"]), exits: 64)
    try ferry.run(checking(["--journal", "j"]), exits: 64).complains("--journal is for --read-back")
    try ferry.run(checking(["--read-back", "7"]), exits: 64).complains("7%, 7G or 1/7")
    for share in ["0%", "101%", "-5%", "x%", "%", "1/0", "8/7", "0/7"] {
      try ferry.run(checking(["--read-back=\(share)"]), exits: 64).complains("\(share) is no share")
    }
    try ferry.run(checking(["-f", "list", "--image", "old/app"]), exits: 64)
    try ferry.run(checking(["--receipt", "a.tar"]), exits: 64)
    try ferry.run(checking(["--receipt", "r.json", "--report", "r.json"]), exits: 64)
    // An archive may stand behind it.
    try ferry.run(
      ["check", "--plain-http", "--to", "\(new.host)/new", "--read-back", "a.tar"], exits: 0)
  }
}
