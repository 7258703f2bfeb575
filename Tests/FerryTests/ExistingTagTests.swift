import Foundation
import Synchronization
import TestSupport
import Testing

/// What `--existing` does with a tag that is there with another image.
@Suite(.waiting) struct `A tag that exists with another image` {
  private let ferry: FerryProcess
  private let source: ScriptedRegistry
  /// By tag, as the archive has them.
  private let wanted: [String: String]

  init() throws {
    ferry = try FerryProcess()
    let source = ScriptedRegistry()
    self.source = source
    wanted = Dictionary(
      uniqueKeysWithValues: ["1", "2", "3"].enumerated().map { index, tag in
        (tag, source.add(image: [[UInt8(index)]], to: "old/app", tag: tag))
      })
    try ferry.export(["1", "2", "3"].map { source.reference("old/app:\($0)") }, to: "a.tar")
  }

  private func importing(_ host: String, _ options: String...) -> [String] {
    ["import", "a.tar", "--plain-http", "--to", "\(host)/new", "--retries", "0"] + options
  }

  private func received() throws -> [String] {
    let data = try Data(contentsOf: URL(fileURLWithPath: ferry.file("r.json")))
    let receipt = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(receipt["images"] as? [[String: Any]]).compactMap { $0["source"] as? String }.sorted()
  }

  /// A real registry that has tag 3 as the archive does, and another image under tag 2.
  private func destination() throws -> (registry: RegistryProcess, other: String) {
    let new = try RegistryProcess()
    try ferry.run(importing(new.host, "--image", "old/app:3"), exits: 0)
    return (new, try new.storage.add(layers: [[9, 9]], to: "new/app", tag: "2"))
  }

  @Test func `is left with skip, and named with both digests; the others are pushed`() throws {
    let (new, other) = try destination()
    let target = new.reference("new/app:2")
    let line =
      "skipped: \(target) holds \(other), not \(wanted["2"] ?? "") of \(source.reference("old/app:2"))"

    let plan = try ferry.run(importing(new.host, "--existing", "skip", "--dry-run"), exits: 4)
    let short = other.dropFirst(7).prefix(12)
    #expect(plan.standardOutput.contains("skipped, it is \(short)"), "\(plan.standardOutput)")
    #expect(new.storage.tags(of: "new/app").sorted() == ["2", "3"])

    let result = try ferry.run(
      importing(new.host, "--existing", "skip", "--receipt", "r.json", "--report", "r.html"), exits: 4)
    result.complains(line, "1 image pushed and read back", "1 image there already", "1 image skipped")
    #expect(new.storage.digest(of: "new/app", "1") == wanted["1"])
    #expect(new.storage.digest(of: "new/app", "2") == other)
    #expect(new.storage.digest(of: "new/app", "3") == wanted["3"])
    #expect(!result.standardOutput.contains(target))
    #expect(try received() == ["1", "3"].map { source.reference("old/app:\($0)") })
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    #expect(page.contains(other) && page.contains(wanted["2"] ?? "?") && page.contains("skipped"))
    #expect(!page.contains("holds every image"))

    // The same command again says the same, however quiet.
    let again = try ferry.run(importing(new.host, "--existing", "skip", "--quiet"), exits: 4)
    again.complains(line)
    let report = try Report(ferry.run(importing(new.host, "--existing", "skip", "--json"), exits: 4))
    let image = try #require(report.objects("images").first { $0["target"] as? String == target })
    #expect(image["state"] as? String == "skipped")
    #expect(image["digest"] as? String == wanted["2"] && image["previousDigest"] as? String == other)
    #expect(report.objects("failures").isEmpty && report.objects("blockers").isEmpty)
  }

  @Test func `is no matter where there is none`() throws {
    let new = try RegistryProcess()
    for _ in 1...2 { try ferry.run(importing(new.host, "--existing", "skip"), exits: 0) }
    #expect(new.storage.tags(of: "new/app").sorted() == ["1", "2", "3"])
  }

  @Test func `stops everything with stop, and moves with overwrite, as without and with --overwrite`() throws
  {
    let (new, other) = try destination()
    for options in [["--existing", "stop"], []] {
      try ferry.run(importing(new.host) + options, exits: 15)
        .complains("1 tag", new.reference("new/app:2"), "--overwrite", "--existing skip")
      #expect(new.storage.tags(of: "new/app").sorted() == ["2", "3"])
    }
    #expect(new.storage.digest(of: "new/app", "2") == other)
    try ferry.run(importing(new.host, "--existing", "overwrite", "--dry-run"), exits: 4)
    try ferry.run(importing(new.host, "--existing", "overwrite", "--overwrite"), exits: 0)
    #expect(new.storage.digest(of: "new/app", "2") == wanted["2"])
  }

  @Test(arguments: ["stop", "skip"]) func `is not told two things at once`(_ choice: String) throws {
    try ferry.run(importing("127.0.0.1:9", "--overwrite", "--existing", choice), exits: 64)
      .complains("--overwrite", "--existing \(choice)")
  }

  @Test func `takes no other word`() throws {
    try ferry.run(importing("127.0.0.1:9", "--existing", "never"), exits: 64).complains("never")
  }

  /// Between the survey and the push lie the hours in which blobs go.
  @Test(arguments: ["stop", "skip"]) func `is the same when it comes while blobs go`(_ choice: String) throws
  {
    let other = Mutex("")
    let came = Mutex(false)
    let box = Mutex<ScriptedRegistry?>(nil)
    let new = ScriptedRegistry { request in
      if request.method == "PUT", request.path.contains("/blobs/"), let registry = box.withLock({ $0 }),
        came.withLock({ came in
          defer { came = true }; return !came
        })
      {
        other.withLock { $0 = registry.add(image: [[7]], to: "new/app", tag: "2") }
      }
      return nil
    }
    box.withLock { $0 = new }
    defer { box.withLock { $0 = nil } }
    let result = try ferry.run(
      importing(new.host, "--existing", choice, "--receipt", "r.json", "--report", "r-report.json"),
      exits: choice == "skip" ? 4 : 15)
    let there = other.withLock { $0 }
    result.complains("\(new.host)/new/app:2 holds \(there), not \(wanted["2"] ?? "")")
    #expect(new.digest(of: "new/app", "2") == there)
    guard choice == "skip" else { return }
    result.complains("skipped: \(new.host)/new/app:2", "2 images pushed", "1 image skipped")
    #expect(new.digest(of: "new/app", "1") == wanted["1"])
    #expect(try received() == ["1", "3"].map { source.reference("old/app:\($0)") })
    let report = try Report(file: ferry.file("r-report.json"))
    let image = try #require(
      report.objects("images").first { ($0["target"] as? String)?.hasSuffix(":2") == true })
    #expect(image["state"] as? String == "skipped" && image["previousDigest"] as? String == there)
    #expect(report.objects("failures").isEmpty)
  }

  /// A signature of an image that is not there would speak of nothing.
  @Test(arguments: [false, true]) func `keeps what refers to the image away, too`(_ comesLate: Bool) throws {
    let subject = wanted["2"] ?? ""
    let signature = "sha256-\(subject.dropFirst(7)).sig"
    source.add(image: [[42]], to: "old/app", tag: signature)
    try ferry.export([source.reference("old/app:1"), source.reference("old/app:2")], to: "signed.tar")
    let box = Mutex<ScriptedRegistry?>(nil)
    let new = ScriptedRegistry { request in
      if request.method == "PUT", request.path.contains("/blobs/"), let registry = box.withLock({ $0 }),
        registry.digest(of: "new/app", "2") == nil
      {
        registry.add(image: [[7]], to: "new/app", tag: "2")
      }
      return nil
    }
    if comesLate { box.withLock { $0 = new } } else { new.add(image: [[7]], to: "new/app", tag: "2") }
    defer { box.withLock { $0 = nil } }
    let result = try ferry.run(
      [
        "import", "signed.tar", "--plain-http", "--to", "\(new.host)/new", "--existing", "skip", "--receipt",
        "r.json", "--report", "r-report.json",
      ], exits: 4)
    #expect(new.tags == ["new/app:1", "new/app:2"])
    result.complains("skipped: \(new.host)/new/app:\(signature) refers to", "1 image and 1 referrer skipped")
    #expect(try received() == [source.reference("old/app:1")])
    let states = try Report(file: ferry.file("r-report.json")).strings("images", "state")
    #expect(states.sorted() == ["pushed", "skipped", "skipped"])
  }

  /// One manifest under two tags arrives under neither where the one is taken and the other fails.
  @Test func `keeps what refers to the image away where another tag of it fails`() throws {
    let subject = wanted["2"] ?? ""
    source.add(image: [[42]], to: "old/app", tag: "sha256-\(subject.dropFirst(7)).sig")
    source.tag(subject, as: "4", in: "old/app")
    try ferry.export([source.reference("old/app:2"), source.reference("old/app:4")], to: "signed.tar")
    let new = ScriptedRegistry { request in
      request.method == "PUT" && request.path.hasSuffix("/manifests/4")
        ? ScriptedResponse(400, json: #"{"errors":[{"code":"MANIFEST_INVALID","message":"not today"}]}"#)
        : nil
    }
    new.add(image: [[7]], to: "new/app", tag: "2")
    let result = try ferry.run(
      [
        "import", "signed.tar", "--plain-http", "--to", "\(new.host)/new", "--existing", "skip",
        "--keep-going",
      ], exits: 3)
    result.complains("not today", "1 image skipped", ".sig")
    #expect(new.tags == ["new/app:2"])
  }

  @Test func `does not hide a failure`() throws {
    let new = ScriptedRegistry { request in
      request.method == "PUT" && request.path.hasSuffix("/manifests/1")
        ? ScriptedResponse(400, json: #"{"errors":[{"code":"MANIFEST_INVALID","message":"not today"}]}"#)
        : nil
    }
    new.add(image: [[7]], to: "new/app", tag: "2")
    try ferry.run(importing(new.host, "--existing", "skip"), exits: 13).complains("not today")
    try ferry.run(importing(new.host, "--existing", "skip", "--keep-going"), exits: 3)
      .complains("not today", "1 image skipped", "1 image failed")
  }

  @Test func `is pushed around by a run that goes on`() throws {
    let fails = Mutex(true)
    let new = ScriptedRegistry { request in
      request.method == "PUT" && request.path.hasSuffix("/manifests/3") && fails.withLock { $0 }
        ? ScriptedResponse(500) : nil
    }
    let other = new.add(image: [[7]], to: "new/app", tag: "2")
    try ferry.run(importing(new.host, "--existing", "skip"), exits: 13)
    fails.withLock { $0 = false }
    try ferry.run(importing(new.host, "--existing", "skip"), exits: 4)
    #expect(new.tags == ["1", "2", "3"].map { "new/app:\($0)" })
    #expect(new.digest(of: "new/app", "2") == other)
  }

  /// "Cannot tell" is no reason to leave an image away in silence.
  @Test func `is not skipped where the registry does not show what it is`() throws {
    let new = ScriptedRegistry { request in
      request.path.hasSuffix("/manifests/2")
        ? ScriptedResponse(403, json: #"{"errors":[{"code":"DENIED"}]}"#) : nil
    }
    new.add(image: [[7]], to: "new/app", tag: "2")
    try ferry.run(importing(new.host, "--existing", "skip"), exits: 15).complains("new/app:2 is there")
  }

  @Test func `does not matter to an image without a tag`() throws {
    let new = ScriptedRegistry()
    new.add(image: [[7]], to: "new/app", tag: "latest")
    try ferry.export([source.reference("old/app@\(wanted["1"] ?? "")")], to: "digest.tar")
    try ferry.run(
      ["import", "digest.tar", "--plain-http", "--to", "\(new.host)/new", "--existing", "skip"], exits: 0)
    #expect(new.hasManifest(wanted["1"] ?? "", in: "new/app"))
  }
}
