import Foundation
import TestSupport
import Testing

/// `ferry check` on the last evening: is all that the old registry has in the archive, as it is there now?
@Suite(.waiting) struct `A check of the source` {
  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let one: String
  private let two: String

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess()
    one = try old.storage.add(layers: [[1], [2, 2]], to: "old/app", tag: "1")
    two = try old.storage.add(layers: [[1], [3, 3, 3]], to: "old/app", tag: "2")
    try old.storage.add(layers: [[4]], to: "old/team/base", tag: "latest")
    try ferry.export(
      ["old/app:1", "old/app:2", "old/team/base:latest"].map(old.reference), to: "a.tar")
  }

  private func checking(_ options: String...) -> [String] {
    ["check", "a.tar", "--plain-http", "--retries", "0"] + options
  }

  @Test func `finds nothing where nothing has changed, and asks for nothing but to read`() throws {
    let result = try ferry.run(checking(), exits: 0)
    #expect(
      result.lines == ["3 of 3 images of a.tar are unchanged at \(old.host); nothing is new since"])
    result.complains("layers of the archive itself, a.tar, were not read here: 'ferry verify' proves them")
    old.stop()
    let asked = old.requests.filter { !$0.userAgent.isEmpty }
    #expect(Set(asked.map(\.method)).isSubset(of: ["GET", "HEAD"]))
  }

  @Test func `tells what has moved, what is gone and what is new`() throws {
    let other = try old.storage.add(layers: [[9]], to: "old/app", tag: "1")
    try FileManager.default.removeItem(atPath: old.storage.tagDirectory(of: "old/team/base", "latest"))
    try old.storage.add(layers: [[5]], to: "old/app", tag: "3")
    try old.storage.add(layers: [[6]], to: "old/extra", tag: "1")
    // Elsewhere than the archive came from.
    try old.storage.add(layers: [[7]], to: "elsewhere/app", tag: "1")
    let result = try ferry.run(checking("--report", "r.html"), exits: 4)
    let host = old.host
    #expect(
      result.lines.dropLast() == [
        "moved    \(host)/old/app:1: \(one) → \(other)",
        "gone     \(host)/old/team/base:latest: \(try digest(of: "\(host)/old/team/base:latest"))",
        "new      \(host)/old/app:3", "new      \(host)/old/extra:1, in a repository that is new",
      ])
    #expect(
      result.lines.last
        == "1 of 3 images of a.tar are unchanged at \(host), 1 moved, 1 gone; 2 tags are new since, in 1 new repository and others"
    )
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    #expect(page.contains("new: \(host)/old/extra:1") && page.contains(other))
    // A report's place is taken by the next one alone where it is a report.
    try ferry.run(checking("--report", "r.html", "--no-new"), exits: 4)
  }

  /// The digest of an image in the archive.
  private func digest(of name: String) throws -> String {
    let report = try Report(ferry.run(["inspect", "a.tar", "--json"], exits: 0))
    let images = report.objects("archives").first?["images"] as? [[String: Any]] ?? []
    return try #require(images.first { $0["reference"] as? String == name }?["digest"] as? String)
  }

  @Test func `is reported as JSON, field by field`() throws {
    let other = try old.storage.add(layers: [[9]], to: "old/app", tag: "1")
    try old.storage.add(layers: [[6]], to: "old/extra", tag: "1")
    try ferry.write("\(old.host)/old/app:1\n\(old.host)/old/app:7\n", to: "images.txt")
    let report = try Report(
      ferry.run(checking("--json", "-f", "images.txt", "--report", "r.json"), exits: 4))
    #expect(report.string("schema") == "ferry/check-report/v1")
    #expect(
      Set(report.fields.keys) == [
        "schema", "ferry", "against", "files", "images", "new", "newRepositories", "newUnknown", "places",
        "list",
        "lacking", "failures",
      ])
    #expect(report.string("against") == "source")
    #expect(try report.strings("images", "state") == ["moved", "same", "same"])
    let moved = try #require(report.objects("images").first)
    #expect(Set(moved.keys) == ["source", "digest", "bytes", "state", "presentDigest"])
    #expect(moved["presentDigest"] as? String == other && moved["digest"] as? String == one)
    #expect(report.fields["new"] as? [String] == ["\(old.host)/old/extra:1"])
    #expect(report.fields["newRepositories"] as? [String] == ["\(old.host)/old/extra"])
    #expect(report.fields["places"] as? [String] == ["\(old.host)/old"])
    let list = try #require(report.fields["list"] as? [String: Any])
    #expect(list["images"] as? Int == 2)
    #expect(list["missing"] as? [String] == ["\(old.host)/old/app:7"])
    #expect(report.objects("failures").isEmpty && report.objects("newUnknown").isEmpty)
    #expect(try Report(file: ferry.file("r.json")).fields as NSDictionary == report.fields as NSDictionary)
    try ferry.run(checking("--json", "--report", "r.json", "--no-new"), exits: 4)
  }

  @Test func `answers for a list with comments, sizes, and names without a tag`() throws {
    let host = old.host
    try ferry.write(
      """
      # what is kept
      \(host)/old/app:1   #  1.4 MiB  2017-03-27T18:48:21.000Z
        \(host)/old/app:2@\(two)  # by both
      \(host)/old/team/base
      """, to: "images.txt")
    let result = try ferry.run(checking("-f", "images.txt"), exits: 0)
    #expect(
      result.lines == [
        "3 of 3 images on the list are in a.tar and unchanged at \(host); nothing is new since"
      ])
    try ferry.write("\(host)/old/app:1\n\(host)/old/team\n\(host)/old/app@\(one)\n", to: "images.txt")
    let short = try ferry.run(checking("-f", "images.txt"), exits: 4)
    #expect(
      short.lines == [
        "missing  \(host)/old/team:latest: on the list, and not in a.tar",
        "2 of 3 images on the list are in a.tar and unchanged at \(host), and 2 of 2 others in it; nothing is new since",
      ])
    try ferry.run(checking("-f", "-"), exits: 0, input: "\(host)/old/app:2\n")
    try ferry.run(checking("-f", "-"), exits: 64, input: "# nothing\n")
    try ferry.run(checking("-f", "-"), exits: 64, input: "app:2\n")
  }

  @Test func `takes what was exported for a platform, and what refers to images, for what it is`() throws {
    let storage = old.storage
    for tag in ["amd", "arm"] { try storage.add(layers: [Array(tag.utf8)], to: "old/multi", tag: tag) }
    let children = ["amd", "arm"].compactMap { storage.digest(of: "old/multi", $0) }
    let index = try storage.add(index: children, to: "old/multi", tag: "1")
    let sbom = try storage.add(artifact: "sbom", to: "old/multi", subject: index)
    func tag(_ digest: String) -> String { digest.replacingOccurrences(of: ":", with: "-") }
    try storage.add(index: [sbom], to: "old/multi", tag: tag(index))
    let names = [
      "old/app:1", "old/app:2", "old/team/base:latest", "old/multi:1", "old/multi:amd", "old/multi:arm",
    ]
    try ferry.export(names.map(old.reference), to: "b.tar")
    let unchanged = try ferry.run(["check", "b.tar", "--plain-http"], exits: 0)
    #expect(unchanged.standardOutput.contains("6 of 6 images and 1 of 1 referrer of b.tar"))
    // Another one since.
    let more = try storage.add(artifact: "signature", to: "old/multi", subject: index)
    try storage.add(index: [sbom, more], to: "old/multi", tag: tag(index))
    #expect(
      try ferry.run(["check", "b.tar", "--plain-http"], exits: 4).standardOutput.contains(
        "moved    \(old.host)/old/multi:\(tag(index))"))

    let fixtures = try RegistryProcess.fixtures()
    try ferry.export([fixtures.reference("tools/multi:1.0")], to: "p.tar", "--platform", "linux/amd64")
    let taken = try Report(ferry.run(["check", "p.tar", "--plain-http", "--no-new", "--json"], exits: 0))
    #expect(try taken.strings("images", "state") == ["same"])
  }

  @Test func `finds in several archives together what none has alone`() throws {
    try ferry.export([old.reference("old/app:1")], to: "one.tar")
    try old.storage.add(layers: [[8]], to: "old/app", tag: "1")
    try ferry.export([old.reference("old/app:1")], to: "two.tar")
    let names = ["check", "--plain-http", "--no-new"]
    try ferry.run(names + ["one.tar"], exits: 4)
    #expect(
      try ferry.run(names + ["one.tar", "two.tar"], exits: 0).standardOutput.contains(
        "1 of 1 image of one.tar and two.tar is unchanged"))
    try ferry.run(names + ["--expect", one, "one.tar"], exits: 14)
  }

  @Test func `names what failed when the archive was made, whatever became of it`() throws {
    try ferry.run(
      ["export", "--plain-http", "--keep-going", "-o", "k.tar"]
        + ["old/app:1", "old/app:2", "old/app:9"].map(old.reference), exits: 3)
    let result = try ferry.run(["check", "k.tar", "--plain-http", "--no-new"], exits: 4)
    #expect(
      result.lines == [
        "missing  \(old.host)/old/app:9: it failed when the archive was made",
        "2 of 2 images of k.tar are unchanged at \(old.host); 1 image failed when it was made",
      ])
    let report = try Report(ferry.run(["check", "k.tar", "--plain-http", "--json"], exits: 4))
    #expect(report.fields["lacking"] as? [String] == ["\(old.host)/old/app:9"])
  }

  @Test func `is one of a receipt, too`() throws {
    let new = try RegistryProcess()
    try ferry.run(
      ["import", "a.tar", "--plain-http", "--to", "\(new.host)/new", "--receipt", "r.json"], exits: 0)
    #expect(
      try ferry.run(["check", "r.json", "--plain-http"], exits: 0).standardOutput.contains(
        "3 of 3 images of r.json are unchanged at \(old.host); nothing is new since"))
    try old.storage.add(layers: [[8]], to: "old/app", tag: "2")
    try ferry.run(["check", "r.json", "--plain-http", "--image", "old/app:1"], exits: 0)
    try ferry.run(["check", "r.json", "--plain-http"], exits: 4)
    try ferry.run(["check", "r.json", "a.tar", "--plain-http"], exits: 64).complains("not both")
  }

  @Test func `asks nobody about an archive that is damaged`() throws {
    let archive = try DamagedManifest(ferry.file("a.tar"), digest: one)
    try archive.write(to: ferry.file("b.tar"))
    let before = old.requests.count
    let result = try ferry.run(["check", "b.tar", "--plain-http"], exits: 14)
    result.complains("damaged")
    // An import's way around is none of a check's.
    #expect(!result.standardError.contains("--keep-going"))
    #expect(old.requests.count == before)
  }

  @Test func `uses an export's credentials, and tells what was refused`() throws {
    let registry = try RegistryProcess(.basic(username: "old", password: "secret"))
    try registry.storage.add(layers: [[1]], to: "old/app", tag: "1")
    var ferry = ferry
    ferry.environment = ["FERRY_EXPORT_USERNAME": "old", "FERRY_EXPORT_PASSWORD": "secret"]
    try ferry.export([registry.reference("old/app:1")], to: "b.tar")
    try ferry.run(["check", "b.tar", "--plain-http"], exits: 0)
    ferry.environment = ["FERRY_IMPORT_USERNAME": "old", "FERRY_IMPORT_PASSWORD": "secret"]
    let refused = try ferry.run(["check", "b.tar", "--plain-http"], exits: 10)
    refused.complains("cannot tell of \(registry.host)/old/app:1")
    #expect(refused.standardOutput.contains("0 of 1 image of b.tar is unchanged"))
    #expect(!(refused.standardError + refused.standardOutput).contains("secret"))
  }
}

/// An archive with one byte of a manifest changed.
private struct DamagedManifest {
  private var bytes: [UInt8]

  init(_ path: String, digest: String) throws {
    bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let manifest = Array(
      #""schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config""#.utf8)
    let place = try #require(Data(bytes).range(of: Data(manifest))).lowerBound
    bytes[place + 16] = UInt8(ascii: "3")
  }

  func write(to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }
}

/// What a check cannot tell is never a success.
@Suite(.waiting) struct `A source that does not tell everything` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  private static let list: @Sendable ([String]) -> ScriptedResponse = { names in
    ScriptedResponse(json: #"{"repositories":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}"#)
  }

  /// An archive of two images of a registry that answers otherwise from then on.
  private func registry(
    _ answer: @escaping @Sendable (ScriptedRequest) -> ScriptedResponse?
  ) throws -> ScriptedRegistry {
    let later = Gate()
    let registry = ScriptedRegistry { request in
      if later.wait(seconds: 0), let response = answer(request) { return response }
      return request.path == "/v2/_catalog" ? Self.list(["old/a", "old/b"]) : nil
    }
    for name in ["old/a", "old/b"] { registry.add(image: [Array(name.utf8)], to: name, tag: "1") }
    try ferry.export([registry.reference("old/a:1"), registry.reference("old/b:1")], to: "a.tar", "--force")
    later.open()
    return registry
  }

  private func checking(_ options: String...) -> [String] {
    ["check", "a.tar", "--plain-http", "--retries", "0"] + options
  }

  @Test(arguments: [401, 403, 404, 405, 500, 501])
  func `has no catalog, which is said once, and asked about its images alone it tells`(status: Int) throws {
    let registry = try registry { request in
      request.path == "/v2/_catalog" ? ScriptedResponse(status, text: "") : nil
    }
    let result = try ferry.run(checking(), exits: 3)
    #expect(result.standardError.matches(of: /cannot tell what is new/).count == 1)
    #expect(
      result.standardOutput
        == "2 of 2 images of a.tar are unchanged at \(registry.host); whether anything is new cannot be told\n"
    )
    result.complains("--no-new")
    try ferry.run(checking("--no-new"), exits: 0)
    // What is known to differ is no smaller for what is not known.
    registry.add(image: [[7]], to: "old/b", tag: "2")
    #expect(
      try ferry.run(checking(), exits: 4).standardOutput.contains(
        "1 tag is new since, and there may be more"))
    let report = try Report(ferry.run(checking("--json"), exits: 4))
    #expect(try report.strings("newUnknown", "image") == ["\(registry.host)/old"])
  }

  @Test func `breaks off a list, refuses one, and hides a repository`() throws {
    let cut = try registry { request in
      guard request.path == "/v2/old/a/tags/list" else { return nil }
      guard request.query?.contains("last") != true else { return ScriptedResponse(500, text: "") }
      return ScriptedResponse(
        headers: [("Link", "</v2/old/a/tags/list?last=1>; rel=next")],
        body: Array(#"{"name":"old/a","tags":["1"]}"#.utf8))
    }
    try ferry.run(checking(), exits: 3).complains("cannot tell what is new in \(cut.host)/old/a")
    let refused = try registry { request in
      request.path == "/v2/old/a/tags/list" ? ScriptedResponse(403, text: "") : nil
    }
    try ferry.run(checking(), exits: 3).complains("cannot tell what is new in \(refused.host)/old/a")
    // A repository that has images and knows no list of them.
    let hiding = try registry { request in
      request.path == "/v2/old/a/tags/list" ? ScriptedResponse(404, text: "") : nil
    }
    try ferry.run(checking(), exits: 3).complains("cannot tell what is new in \(hiding.host)/old/a")
  }

  @Test func `would not say what one of its tags is`() throws {
    let registry = try registry { request in
      request.path == "/v2/old/a/manifests/1" ? ScriptedResponse(403, text: "") : nil
    }
    let result = try ferry.run(checking(), exits: 3)
    result.complains("cannot tell of \(registry.host)/old/a:1")
    #expect(result.standardOutput.contains("1 of 2 images of a.tar are unchanged"))
    let report = try Report(ferry.run(checking("--json"), exits: 3))
    #expect(try report.strings("images", "state") == ["unknown", "same"])
    #expect(try report.strings("failures", "image") == ["\(registry.host)/old/a:1"])
  }

  @Test(arguments: [(401, 10), (403, 11), (500, 13)] as [(Int, Int32)])
  func `tells nothing, and the reason is the status`(answer: Int, status: Int32) throws {
    let registry = try registry { request in
      request.path.contains("/manifests/") ? ScriptedResponse(answer, text: "") : nil
    }
    try withExtendedLifetime(registry) { _ = try ferry.run(checking("--no-new"), exits: status) }
  }

  @Test func `lies about what its tag is`() throws {
    let registry = try registry { request in
      guard request.path == "/v2/old/a/manifests/1" else { return nil }
      return ScriptedResponse(
        headers: [
          ("Content-Type", "application/vnd.oci.image.manifest.v1+json"),
          ("Docker-Content-Digest", BlobDigest.of([1])),
        ], body: Array(#"{"schemaVersion":2,"config":{},"layers":[]}"#.utf8))
    }
    try ferry.run(checking("--no-new"), exits: 3).complains("cannot tell of \(registry.host)/old/a:1")
  }

  @Test func `is one that nobody knows`() throws {
    let image = DockerSave.Image([], layers: [try DockerSave.layer("one")])
    try DockerSave([image]).write(to: ferry.file("d.tar"))
    try ferry.run(["check", "d.tar"], exits: 12).complains("does not say where")
  }
}
