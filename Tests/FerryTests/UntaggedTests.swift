import Foundation
import Synchronization
import TestSupport
import Testing

/// `--untagged`: what a registry has and no tag names.
@Suite(.waiting) struct `A manifest that no tag names` {
  private static let oci = "application/vnd.oci.image"
  private let ferry: FerryProcess
  private let old: ScriptedRegistry
  /// An image of its own, an index of two, and what refers to something that is gone.
  private let loose: String
  private let looseIndex: String
  private let orphan: String
  /// What a tag's index, and the index without a tag, list.
  private let children: [String]
  private let looseChildren: [String]
  /// What refers to the tag's index, and to the image without a tag.
  private let signatures: [String]

  init() throws {
    ferry = try FerryProcess()
    let registry = ScriptedRegistry(referrersPage: 100, listsManifests: true, intercept: Self.catalog)
    old = registry
    children = [1, 2].map { Self.image(in: registry, UInt8($0)) }
    let index = Self.index(of: children, in: registry, tag: "1")
    let single = Self.image(in: registry, 3)
    loose = single
    looseChildren = [4, 5].map { Self.image(in: registry, UInt8($0)) }
    looseIndex = Self.index(of: looseChildren, in: registry, tag: nil)
    signatures = [index, single].map { Self.signature(of: $0, in: registry) }
    orphan = Self.signature(of: "sha256:" + String(repeating: "e", count: 64), in: registry)
  }

  private static let catalog: @Sendable (ScriptedRequest) -> ScriptedResponse? = { request in
    request.path == "/v2/_catalog" ? ScriptedResponse(json: #"{"repositories":["old/app"]}"#) : nil
  }

  private var alone: [String] {
    [loose, looseIndex, orphan].map { "\(old.host)/old/app@\($0)" }.sorted()
  }

  @discardableResult
  private static func image(
    in registry: ScriptedRegistry, _ layer: UInt8, subject: String? = nil, tag: String? = nil
  ) -> String {
    let layer = [layer, layer, layer]
    let config =
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(BlobDigest.of(layer))"]}}"#
    let about = subject.map {
      #","subject":{"mediaType":"\#(oci).manifest.v1+json","digest":"\#($0)","size":\#(max(1, registry.size(of: $0)))}"#
    }
    return registry.add(
      manifest: """
        {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json","config":{"mediaType":"\(oci).config.v1+json",\
        "digest":"\(registry.add(Array(config.utf8)))","size":\(config.utf8.count)},"layers":[{"mediaType":\
        "\(oci).layer.v1.tar","digest":"\(registry.add(layer))","size":3}]\(about ?? "")}
        """, as: "\(oci).manifest.v1+json", to: "old/app", tag: tag)
  }

  private static func signature(of subject: String, in registry: ScriptedRegistry) -> String {
    image(in: registry, 100, subject: subject)
  }

  /// An index of one image for each of two platforms.
  private static func index(of images: [String], in registry: ScriptedRegistry, tag: String?) -> String {
    let listed = zip(images, ["amd64", "arm64"]).map { digest, architecture in
      #"{"mediaType":"\#(oci).manifest.v1+json","digest":"\#(digest)","size":\#(registry.size(of: digest)),"#
        + #""platform":{"os":"linux","architecture":"\#(architecture)"}}"#
    }
    let index = "\(oci).index.v1+json"
    return registry.add(
      manifest:
        #"{"schemaVersion":2,"mediaType":"\#(index)","manifests":[\#(listed.joined(separator: ","))]}"#,
      as: index, to: "old/app", tag: tag)
  }

  @discardableResult
  private func export(
    _ options: String..., to archive: String = "a.tar", exits status: Int32 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try ferry.run(
      ["export", "--plain-http", "--retries", "0", "-o", archive, "\(old.host)/old/app"] + options,
      exits: status, sourceLocation: sourceLocation)
  }

  private func names(in archive: String = "a.tar", _ list: String = "images") throws -> [String] {
    let report = try Report(ferry.run(["inspect", archive, "--json"], exits: 0))
    let names = report.objects("archives").first?[list] as? [[String: Any]] ?? []
    return names.compactMap { $0["reference"] as? String }.sorted()
  }

  @Test func `is exported by its digest, imported and checked by it`() throws {
    try export("--all-tags", "--untagged").complains("looking up 3 images that no tag names")
    let images = alone + ["\(old.host)/old/app:1"]
    // What indexes list and what refers to the images is carried with them, and nothing twice.
    #expect(try names().filter { name in !signatures.contains { name.hasSuffix($0) } } == images.sorted())
    let whole = try Report(ferry.run(["verify", "a.tar", "--json"], exits: 0))
    #expect(whole.objects("archives").first?["whole"] as? Bool == true)

    let new = try RegistryProcess()
    try ferry.run(["import", "a.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
    for digest in [loose, looseIndex, orphan] + children + looseChildren + signatures {
      let status = try Command(
        "curl",
        [
          "-sf", "--noproxy", "*", "-o", "/dev/null", "-H",
          "Accept: \(Self.oci).manifest.v1+json, \(Self.oci).index.v1+json",
          "\(new.url)/v2/new/app/manifests/\(digest)",
        ]
      ).run().status
      #expect(status == 0, "\(digest)")
    }
    try ferry.run(["check", "a.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
    let source = try ferry.run(["check", "a.tar", "--plain-http", "--no-new"], exits: 0)
    #expect(source.lines.last?.contains("are unchanged at \(old.host)") == true)
  }

  @Test func `is new where archives have such images and not this one`() throws {
    let checking = ["check", "a.tar", "--plain-http"]
    for options in [[], ["--platform", "linux/amd64"], ["--platform", "linux/amd64", "--no-referrers"]] {
      try ferry.run(
        [
          "export", "--plain-http", "--all-tags", "--untagged", "--force", "-o", "a.tar",
          "\(old.host)/old/app",
        ]
          + options, exits: 0)
      // An index that one platform was taken out of has more than the archive, and nothing there says where that came from.
      let new = options.isEmpty ? [] : ["\(old.host)/old/app@\(looseIndex)"]
      let same = try ferry.run(checking + ["--json"], exits: new.isEmpty ? 0 : 4)
      let report = try Report(same)
      #expect(report.fields["newUntagged"] as? [String] == new, "\(options)")
      #expect(report.fields["untaggedUnlisted"] as? [String] == [])
    }
    try export("--all-tags", "--untagged", "--force")
    let digest = Self.image(in: old, 60)
    let name = "\(old.host)/old/app@\(digest)"
    let result = try ferry.run(checking + ["--report", "r.html"], exits: 4)
    #expect(result.lines.contains("new      \(name), which no tag names"))
    #expect(result.lines.last?.hasSuffix("; 1 untagged manifest is new since") == true)
    #expect(!result.standardError.contains("untagged manifests"))
    #expect(try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8).contains("new: \(name)"))
    let report = try Report(ferry.run(checking + ["--json"], exits: 4))
    #expect(report.fields["newUntagged"] as? [String] == [name] && report.fields["new"] as? [String] == [])
    // What a new tag names is no manifest without one.
    old.tag(digest, as: "2", in: "old/app")
    let tagged = try ferry.run(checking, exits: 4)
    #expect(tagged.lines.last?.hasSuffix("; 1 tag is new since") == true)
    try ferry.run(checking + ["--no-new"], exits: 0)
    // Who has exported none of them need not hear of each.
    try export("--all-tags", to: "b.tar")
    let few = try ferry.run(["check", "b.tar", "--plain-http"], exits: 0)
    #expect(!few.standardOutput.contains("untagged") && !few.standardError.contains("untagged"))
  }

  @Test func `that cannot be listed is said by a check, once`() throws {
    let blind = ScriptedRegistry(intercept: Self.catalog)
    let loose = Self.image(in: blind, 1)
    Self.image(in: blind, 2, tag: "1")
    try ferry.export(["\(blind.host)/old/app:1", "\(blind.host)/old/app@\(loose)"], to: "a.tar")
    let words = "untagged manifests: cannot be listed at \(blind.host); "
    let result = try ferry.run(["check", "a.tar", "--plain-http", "-q", "--report", "r.html"], exits: 0)
    #expect(result.standardError.components(separatedBy: words).count == 2, "\(result.standardError)")
    #expect(try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8).contains(words))
    let report = try Report(ferry.run(["check", "a.tar", "--plain-http", "--json"], exits: 0))
    #expect(report.fields["untaggedUnlisted"] as? [String] == [blind.host])
  }

  @Test func `is listed as it is exported`() throws {
    let listed = try ferry.run(["list", "--untagged", "--plain-http", "\(old.host)/old/app"], exits: 0)
    #expect(listed.lines == (["\(old.host)/old/app:1"] + alone).sorted())
    #expect(!listed.standardError.contains("untagged"))
    let long = try ferry.run(
      ["list", "--untagged", "--long", "--plain-http", "\(old.host)/old/app"], exits: 0)
    #expect(long.lines.count == 4 && long.lines.allSatisfy { $0.contains(" # ") })
    let report = try Report(
      ferry.run(["list", "--untagged", "--json", "--plain-http", "\(old.host)/old/app"], exits: 0))
    #expect(
      Set(report.objects("images").compactMap { $0["digest"] as? String }) == [loose, looseIndex, orphan])
    #expect(report.fields["untaggedUnlisted"] as? [String] == [])
    // What the list names is what the export of all takes.
    try ferry.write(long.standardOutput, to: "images.txt")
    try ferry.run(["export", "--plain-http", "-f", "images.txt", "-o", "listed.tar"], exits: 0)
    try export("--all-tags", "--untagged")
    #expect(try names(in: "listed.tar") == names())
    let verified = try ferry.run(["verify", "a.tar", "--list", "images.txt"], exits: 0)
    #expect(verified.lines.last == "4 of 4 images on the list are in a.tar")
    try ferry.run(["check", "a.tar", "-f", "images.txt", "--no-new", "--plain-http"], exits: 0)
    // Without the option nothing of it is asked for.
    let plain = try ferry.run(["list", "--plain-http", "\(old.host)/old/app"], exits: 0)
    #expect(plain.lines == ["\(old.host)/old/app:1"])
  }

  @Test func `is none that belongs to a tag which was not selected`() throws {
    let other = Self.index(of: [6, 7].map { Self.image(in: old, UInt8($0)) }, in: old, tag: "2")
    let signature = Self.signature(of: other, in: old)
    try export("--tags", "1", "--untagged")
    #expect(try Set(names()).isSuperset(of: alone))
    #expect(try !names().contains { $0.contains(signature) || $0.hasSuffix(":2") })
    try export("--tags", "!*", "--untagged", to: "b.tar")
    #expect(try !names(in: "b.tar").contains { $0.hasSuffix(":1") || $0.hasSuffix(":2") })
    #expect(try Set(names(in: "b.tar")).isSuperset(of: alone))
    let plan = try Report(
      ferry.run(
        [
          "export", "--plain-http", "--dry-run", "--json", "--tags", "1", "--untagged", "-o", "c.tar",
          "\(old.host)/old/app",
        ], exits: 0))
    #expect(
      plan.objects("images").compactMap { $0["reference"] as? String }.sorted()
        == (["\(old.host)/old/app:1"] + alone).sorted())
  }

  @Test func `is what refers to an image where the registry lists no referrers`() throws {
    let mute = ScriptedRegistry(listsManifests: true)
    let image = Self.image(in: mute, 1, tag: "1")
    mute.tag(image, as: "2", in: "old/app")
    let signature = Self.signature(of: image, in: mute)
    // One tag of the image is selected, the other is not.
    let command = ["export", "--plain-http", "--tags", "1", "--untagged", "\(mute.host)/old/app", "-o"]
    try ferry.run(command + ["a.tar"], exits: 0)
    #expect(try names().contains("\(mute.host)/old/app@\(signature)"))
    let new = ScriptedRegistry()
    try ferry.run(["import", "a.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
    #expect(new.hasManifest(signature, in: "new/app"))
    #expect(new.tags.contains("new/app:sha256-\(image.dropFirst(7))"))
    try ferry.run(command + ["b.tar", "--no-referrers"], exits: 0)
    #expect(try names(in: "b.tar") == ["\(mute.host)/old/app:1"])
  }

  @Test func `is none that stays behind with its platform, nor what refers to it`() throws {
    try export("--all-tags", "--untagged", "--platform", "linux/amd64", "--no-referrers")
    #expect(
      try names()
        == ["@\(loose)", "@\(looseChildren[0])", ":1"].map { "\(old.host)/old/app\($0)" }.sorted())
  }

  @Test func `is in one share of the work alone`() throws {
    for shard in ["1/2", "2/2"] {
      try export("--all-tags", "--untagged", "--no-referrers", "--shard", shard, to: "\(shard.prefix(1)).tar")
    }
    let parts = try ["1.tar", "2.tar"].filter { FileManager.default.fileExists(atPath: ferry.file($0)) }
      .flatMap { try names(in: $0) }
    #expect(
      parts.sorted()
        == ["@\(loose)", "@\(looseIndex)", ":1"].map { "\(old.host)/old/app\($0)" }.sorted())
  }

  @Test func `is left out of a delta when the other side has it, and found there already by a second run`()
    throws
  {
    try export("--all-tags", "--untagged")
    try export("--all-tags", "--untagged").complains("there already: a.tar")
    Self.image(in: old, 8)
    try export("--all-tags", "--untagged", "--skip-known", "a.tar", to: "b.tar")
    let report = try Report(ferry.run(["inspect", "b.tar", "--json"], exits: 0))
    let archive = try #require(report.objects("archives").first)
    #expect((archive["images"] as? [Any])?.count ?? 0 >= 5)
    let new = try RegistryProcess()
    try ferry.run(["import", "a.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
    try ferry.run(["import", "b.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
    try ferry.run(["check", "a.tar", "b.tar", "--to", "\(new.host)/new", "--plain-http"], exits: 0)
  }

  @Test func `that cannot be listed is said once, and found by what refers to it`() throws {
    let blind = ScriptedRegistry()
    let found = Self.image(in: blind, 1)
    Self.image(in: blind, 2, tag: "sha256-\(found.dropFirst(7)).sig")
    let deeper = Self.image(in: blind, 3)
    Self.image(in: blind, 4, subject: deeper, tag: "about")
    Self.image(in: blind, 5)
    let words = "untagged manifests: cannot be listed at \(blind.host); "
    let command = [
      "export", "--plain-http", "--all-tags", "--untagged", "-o", "a.tar", "\(blind.host)/old/app",
    ]
    let plan = try ferry.run(command + ["--dry-run"], exits: 0)
    #expect(plan.lines.filter { $0.hasPrefix(words) }.count == 1)
    let json = try Report(ferry.run(command + ["--dry-run", "--json"], exits: 0))
    #expect(json.fields["untaggedUnlisted"] as? [String] == [blind.host])
    let result = try ferry.run(command + ["-q", "--report", "r.html"], exits: 0)
    #expect(result.standardError.components(separatedBy: words).count == 2, "\(result.standardError)")
    #expect(try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8).contains(words))
    #expect(
      try names().filter { $0.contains("@") }
        == [found, deeper].map { "\(blind.host)/old/app@\($0)" }.sorted())
    let listed = try ferry.run(["list", "--untagged", "--plain-http", "\(blind.host)/old/app"], exits: 0)
    #expect(
      listed.lines.filter { $0.contains("@") }
        == [found, deeper].map { "\(blind.host)/old/app@\($0)" }.sorted())
    #expect(listed.standardError.components(separatedBy: words).count == 2)
  }

  @Test func `that cannot be listed is said, too, where nothing is to be exported`() throws {
    let blind = ScriptedRegistry()
    Self.image(in: blind, 1, tag: "1")
    let result = try ferry.run(
      [
        "export", "--plain-http", "--tags", "!*", "--untagged", "-q", "-o", "a.tar", "\(blind.host)/old/app",
      ], exits: 12)
    result.complains(
      "untagged manifests: cannot be listed at \(blind.host); ",
      "none of the 1 tag of \(blind.host)/old/app is selected")
  }

  @Test func `is there after a run that broke off at it, and the next one`() throws {
    let isBroken = Mutex(true)
    let layer = BlobDigest.of([3, 3, 3])
    let frail = ScriptedRegistry(listsManifests: true) { request in
      request.path.hasSuffix(layer) && isBroken.withLock { $0 } ? ScriptedResponse(503) : nil
    }
    Self.image(in: frail, 1, tag: "1")
    let loose = Self.image(in: frail, 3)
    let command = [
      "export", "--plain-http", "--retries", "0", "--all-tags", "--untagged", "\(frail.host)/old/app",
    ]
    let first = try ferry.run(command + ["-o", "a.tar"], exits: 13)
    first.complains(layer)
    #expect(FileManager.default.fileExists(atPath: ferry.file("a.tar.partial")))
    isBroken.withLock { $0 = false }
    try ferry.run(command + ["-o", "a.tar"], exits: 0)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar.partial")))
    try ferry.run(command + ["-o", "b.tar"], exits: 0)
    #expect(try areEqual(ferry.file("a.tar"), ferry.file("b.tar")))
    #expect(try names().contains("\(frail.host)/old/app@\(loose)"))
  }

  @Test(arguments: [[], ["--platform", "linux/amd64"], ["--no-referrers"]])
  func `is not looked for beside images named one by one`(options: [String]) throws {
    let result = try ferry.run(
      ["export", "-o", "a.tar", "--untagged", "\(old.host)/old/app@\(loose)"] + options, exits: 64)
    result.complains("--untagged is for whole repositories", "--all-repositories")
    #expect(old.server.requests.isEmpty)
  }

  @Test func `and is no digest is named, and all else exported`() throws {
    let odd = ScriptedRegistry { request in
      guard request.path == "/v2/old/app/tags/list" else { return nil }
      return ScriptedResponse(json: #"{"tags":["1"],"manifest":{"sha256:zz":{"tag":[]}}}"#)
    }
    Self.image(in: odd, 1, tag: "1")
    let result = try ferry.run(
      ["export", "--plain-http", "--all-tags", "--untagged", "-o", "a.tar", "\(odd.host)/old/app"], exits: 3)
    result.complains("sha256:zz")
    try ferry.run(["list", "--untagged", "--plain-http", "\(odd.host)/old/app"], exits: 3).complains(
      "sha256:zz")
    try ferry.run(["list", "--plain-http", "\(odd.host)/old/app"], exits: 0)
  }
}
