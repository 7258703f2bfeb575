import Foundation
import TestSupport
import Testing

/// What an import changes on the way is looked for by a check as it became, and what cannot go with it is named by both.
@Suite(.waiting) struct `An image that an import changed` {
  private let ferry: FerryProcess
  private let old: RegistryProcess
  private let new: RegistryProcess
  /// Of an image of Docker's schema 1.
  private let digest: String

  init() throws {
    ferry = try FerryProcess()
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    old = try RegistryProcess(options)
    new = try RegistryProcess()
    digest = try Schema1Image([
      .init(try Schema1Image.layer([("etc/name", "old")]), #"{"created":"2016-01-01T00:00:00Z"}"#),
      .init(nil, #"{"created":"2016-01-02T00:00:00Z","config":{"Cmd":["sh"]}}"#),
    ]).push(to: old, "team/old", tag: "1")
    try old.storage.add(layers: [[1]], to: "team/app", tag: "1")
  }

  private func importing(_ archive: String, _ options: String...) -> [String] {
    ["import", archive, "--plain-http", "--to", "\(new.host)/new"] + options
  }

  private func checking(_ archive: String, _ options: String...) -> [String] {
    ["check", archive, "--plain-http", "--to", "\(new.host)/new"] + options
  }

  private static func tag(_ digest: String) -> String { digest.replacing(":", with: "-") + ".sig" }

  /// Signs the old image, and that signature; returns both.
  private func sign() throws -> [String] {
    let signature = try old.storage.add(layers: [[7]], to: "team/old", tag: Self.tag(digest))
    return [
      signature, try old.storage.add(layers: [[8]], to: "team/old", tag: Self.tag(signature)),
    ]
  }

  @Test func `without a tag is found by the digest that converting gave it`() throws {
    try ferry.export(["\(old.host)/team/old@\(digest)", old.reference("team/app:1")], to: "a.tar")
    let done = try ferry.run(importing("a.tar", "--convert-schema1", "--receipt", "r.json"), exits: 0)
    let name = try #require(done.lines.first { $0.contains("/new/old@") }?.split(separator: " ").first)
    let result = try ferry.run(checking("a.tar", "--read-back", "--json", "--receipt", "c.json"), exits: 0)
    let image = try #require(
      Report(result).objects("images").first { ($0["source"] as? String)?.contains("/old@") == true })
    #expect(image["target"] as? String == String(name) && image["state"] as? String == "there")
    #expect(image["schema1Digest"] as? String == digest)
    for receipt in ["r.json", "c.json"] {
      try ferry.run(["verify", "a.tar", "--receipt", receipt], exits: 0)
      try ferry.run(checking(receipt), exits: 0)
    }
    // What is not there at all is missing by the name that the archive has.
    let nothing = try ferry.run(
      ["check", "a.tar", "--plain-http", "--to", "\(new.host)/other"], exits: 4)
    #expect(nothing.lines.contains { $0.hasPrefix("missing  \(new.host)/other/old@\(digest): ") })
  }

  @Test func `goes with its signatures as long as it is not converted`() throws {
    let signatures = try sign()
    try ferry.export([old.reference("team/old:1")], to: "a.tar").complains("1 image and 2 referrers exported")
    let inspected = try ferry.run(["inspect", "a.tar"], exits: 0)
    #expect(inspected.lines.contains { $0.contains("team/old:1") && $0.contains("2 referrers") })
    var options = RegistryProcess.Options()
    options.takesSchema1 = true
    let raw = try RegistryProcess(options)
    let to = ["--plain-http", "--to", raw.host, "--map", "team/old=team/old"]
    try ferry.run(["import", "a.tar", "--image", "team/old:1"] + to, exits: 0)
    #expect(raw.storage.digest(of: "team/old", Self.tag(digest)) == signatures[0])
    #expect(raw.storage.digest(of: "team/old", Self.tag(signatures[0])) == signatures[1])
    try ferry.run(["check", "a.tar"] + to, exits: 0)
    try ferry.run(["import", "a.tar", "--no-referrers", "--plain-http", "--to", "\(raw.host)/x"], exits: 0)
    #expect(raw.storage.tags(of: "x/old") == ["1"])
  }

  @Test func `leaves what is signed for its old digest, and a check misses none of it`() throws {
    let signatures = try sign()
    try ferry.export([old.reference("team/old:1"), old.reference("team/app:1")], to: "a.tar")
    let lines = [
      "not carried: cosign signature \(signatures[0]) of \(old.reference("team/old:1")): it belongs to \(digest), which is converted",
      "not carried: cosign signature \(signatures[1]) of \(old.reference("team/old:1")): it belongs to \(signatures[0]), which is not carried",
    ]
    let plan = try ferry.run(importing("a.tar", "--convert-schema1", "--dry-run"), exits: 0)
    plan.complains(lines[0], lines[1])
    #expect(!plan.standardOutput.contains(".sig"))
    let result = try ferry.run(
      importing("a.tar", "--convert-schema1", "-q", "--json", "--report", "r.html", "--receipt", "r.json"),
      exits: 0)
    result.complains(lines[0], lines[1])
    #expect(new.storage.tags(of: "new/old") == ["1"])
    let images = try Report(result).objects("images")
    let left = images.compactMap { $0["notCarried"] as? [[String: Any]] }.flatMap(\.self)
    #expect(left.compactMap { $0["reason"] as? String } == ["converted", "subject"])
    #expect(left.compactMap { $0["digest"] as? String } == signatures && images.count == 2)
    let page = try String(contentsOfFile: ferry.file("r.html"), encoding: .utf8)
    #expect(page.contains(lines[0]) && page.contains(lines[1]))

    let check = try ferry.run(
      checking("a.tar", "--read-back", "--report", "c.html", "--receipt", "c.json"), exits: 0)
    check.complains(lines[0], lines[1])
    #expect(check.lines.last?.hasPrefix("2 of 2 images of a.tar are at \(new.host)/new; read back") == true)
    #expect(try String(contentsOfFile: ferry.file("c.html"), encoding: .utf8).contains(lines[0]))
    let report = try Report(ferry.run(checking("a.tar", "--json"), exits: 0))
    #expect(report.objects("notCarried").compactMap { $0["digest"] as? String } == signatures)
    // What refers to an image that is not there in any form is missed with it.
    let nothing = try ferry.run(["check", "a.tar", "--plain-http", "--to", "\(new.host)/other"], exits: 4)
    #expect(nothing.lines.filter { $0.hasPrefix("missing  ") }.count == 4)
  }

  /// An archive of an image with a layer that is not compressed, of that by its digest, and of an index of it.
  private func plain() throws {
    let layer = [UInt8](repeating: 65, count: 40_000)
    let config =
      #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(BlobDigest.of(layer))"]}}"#
    let oci = "application/vnd.oci.image"
    let source = ScriptedRegistry()
    let manifest = """
      {"schemaVersion":2,"mediaType":"\(oci).manifest.v1+json","config":{"mediaType":"\(oci).config.v1+json",\
      "digest":"\(source.add(Array(config.utf8)))","size":\(config.utf8.count)},"layers":[{"mediaType":\
      "\(oci).layer.v1.tar","digest":"\(source.add(layer))","size":\(layer.count)}]}
      """
    let digest = source.add(manifest: manifest, as: "\(oci).manifest.v1+json", to: "team/app", tag: "1")
    let index =
      #"{"schemaVersion":2,"mediaType":"\#(oci).index.v1+json","manifests":[{"mediaType":"\#(oci).manifest.v1+json","#
      + #""digest":"\#(digest)","size":\#(manifest.utf8.count),"platform":{"os":"linux","architecture":"amd64"}}]}"#
    source.add(manifest: index, as: "\(oci).index.v1+json", to: "team/app", tag: "many")
    try ferry.export(
      ["\(source.host)/team/app:1", "\(source.host)/team/app:many", "\(source.host)/team/app@\(digest)"],
      to: "a.tar")
  }

  @Test func `by compressing its layers is recognised by doing that again`() throws {
    try plain()
    let done = try ferry.run(importing("a.tar", "--compress-layers", "--receipt", "r.json"), exits: 0)
    #expect(done.standardError.contains("compressed: "))
    let result = try ferry.run(checking("a.tar", "--read-back", "--receipt", "c.json"), exits: 0)
    #expect(result.lines.last?.hasPrefix("3 of 3 images of a.tar are at") == true)
    for receipt in ["r.json", "c.json"] {
      try ferry.run(["verify", "a.tar", "--receipt", receipt], exits: 0)
      try ferry.run(checking(receipt), exits: 0)
    }
  }

  /// What comes through a pipe cannot be read again, and another zlib may make another thing of it.
  @Test(arguments: [false, true]) func `in a way that cannot be done again says how to tell`(
    isConverted: Bool
  ) throws {
    if isConverted { try ferry.export([old.reference("team/old:1")], to: "a.tar") } else { try plain() }
    let name = isConverted ? "team/old:1" : "team/app:1"
    let target = "\(new.host)/new/\(name.dropFirst(5))"
    let image = ["--image", name]
    try ferry.run(importing("a.tar", "--convert-schema1", "--compress-layers") + image, exits: 0)
    var piped = ferry.command([])
    let arguments = (checking("-") + image).joined(separator: " ")
    (piped.program, piped.arguments) = ("sh", ["-c", "cat a.tar | \(ferry.executable) \(arguments)"])
    let result = try piped.run()
    #expect(result.status == 4, "\(result.standardError)")
    let line = try #require(result.lines.first)
    #expect(line.hasPrefix("differs  \(target) holds "))
    #expect(line.hasSuffix("compressed on the way, which a check of the import's receipt tells"))
    // Nobody takes another image for it.
    try new.storage.add(layers: [[9]], to: "new/\(isConverted ? "old" : "app")", tag: "1")
    let other = try ferry.run(checking("a.tar") + image, exits: 4)
    #expect(other.lines.first?.contains("on the way") == false)
  }
}
