import Foundation
import TestSupport
import Testing

/// What an archive leaves out on purpose is asked for where its images are imported, and each answer is told.
@Suite(.waiting) struct `What an archive leaves out` {
  private static let oci = "application/vnd.oci.image"
  private static let foreignType = "\(oci).layer.nondistributable.v1.tar+gzip"
  private static let urls = #","urls":["https://layers.example/base.tgz"]"#
  private static let base: [UInt8] = [9, 9, 9]

  private let ferry: FerryProcess
  private let old: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    old = try RegistryProcess()
  }

  /// An image `old/app:1` whose base its registry does not hold, as `type`, with `more` in its descriptor.
  private func addForeign(more: String = urls) throws {
    let whole = try old.storage.add(layers: [Self.base, [1]], to: "old/app", tag: "whole")
    let digest = BlobDigest.of(Self.base)
    let text = String(decoding: try #require(old.storage.bytes(of: whole)), as: UTF8.self).replacing(
      #""\#(Self.oci).layer.v1.tar+gzip","digest":"\#(digest)","size":3"#,
      with: #""\#(Self.foreignType)","digest":"\#(digest)","size":3\#(more)"#)
    try old.storage.add(manifest: text, to: "old/app", tag: "1")
    try old.storage.unlink(blob: digest, from: "old/app")
    try old.storage.remove(digest)
  }

  private func imported(to host: String, _ options: String...) throws -> (CommandResult, [String: Any]) {
    let arguments = ["import", "a.tar", "--plain-http", "--to", "\(host)/new", "--report", "r.json"]
    let result = try ferry.run(arguments + options, exits: 0)
    let left = try Report(file: ferry.file("r.json")).objects("leftOut")
    #expect(left.count == 1)
    return (result, try #require(left.first))
  }

  @Test func `as a foreign layer is asked for in the image's own repository`() throws {
    try addForeign()
    try ferry.export([old.reference("old/app:1")], to: "a.tar")
      .complains("left out (foreign): \(BlobDigest.of(Self.base))")
    let new = try RegistryProcess()
    // Another repository's blob is nothing to whoever pulls the image.
    try new.storage.add(layers: [Self.base], to: "new/other", tag: "1")
    let absent = "not at the destination: foreign layer \(BlobDigest.of(Self.base))"
    let (planned, plan) = try imported(to: new.host, "--dry-run")
    #expect(planned.standardOutput.contains(absent))
    #expect(plan["isThere"] as? Bool == false)
    let (result, left) = try imported(to: new.host, "--quiet")
    result.complains(absent)
    #expect(left["isThere"] as? Bool == false)
    #expect(left["reason"] as? String == "foreign")
    #expect(left["digest"] as? String == BlobDigest.of(Self.base))
    #expect(left["repository"] as? String == "new/app")
    #expect(left["images"] as? [String] == [old.reference("old/app:1")])

    try new.storage.add(layers: [Self.base], to: "new/app", tag: "base")
    let (again, found) = try imported(to: new.host)
    again.complains("there already: foreign layer \(BlobDigest.of(Self.base))")
    #expect(found["isThere"] as? Bool == true)
  }

  @Test func `for its platform is asked for as the manifest it is`() throws {
    var children: [String] = []
    var entries: [String] = []
    for (number, name) in ["amd64", "arm64", "s390x"].enumerated() {
      let digest = try old.storage.add(layers: [[UInt8(number)]], to: "old/app", tag: name)
      let size = try #require(old.storage.bytes(of: digest)).count
      children.append(digest)
      entries.append(
        #"{"mediaType":"\#(Self.oci).manifest.v1+json","digest":"\#(digest)","size":\#(size),"#
          + #""platform":{"os":"linux","architecture":"\#(name)"}}"#)
    }
    let index =
      #"{"schemaVersion":2,"mediaType":"\#(Self.oci).index.v1+json","manifests":[\#(entries.joined(separator: ","))]}"#
    try old.storage.add(manifest: index, to: "old/app", tag: "1")
    try ferry.export(
      [old.reference("old/app:1")], to: "a.tar", "--platform", "linux/amd64", "--platform", "linux/arm64",
      "--keep-index")

    let new = ScriptedRegistry()
    let (result, left) = try imported(to: new.host)
    result.complains("not at the destination: manifest for another platform \(children[2])")
    #expect(left["isThere"] as? Bool == false)
    #expect(left["reason"] as? String == "platform")
    #expect(left["digest"] as? String == children[2])

    let text = String(decoding: try #require(old.storage.bytes(of: children[2])), as: UTF8.self)
    new.add(manifest: text, as: "\(Self.oci).manifest.v1+json", to: "new/app")
    let (again, found) = try imported(to: new.host)
    again.complains("there already: manifest for another platform \(children[2])")
    #expect(found["isThere"] as? Bool == true)
  }

  /// What names no other place to be had from is the registry's to give, whatever it is called.
  @Test(arguments: ["", #","urls":[]"#]) func `is no layer without urls`(more: String) throws {
    try addForeign(more: more)
    try failsAlone(BlobDigest.of(Self.base))
  }

  @Test func `is no config, though its type is a foreign layer's`() throws {
    let whole = try old.storage.add(layers: [[1]], to: "old/app", tag: "whole")
    let text = String(decoding: try #require(old.storage.bytes(of: whole)), as: UTF8.self)
    let match = try #require(text.firstMatch(of: /"config":\{.*?"digest":"(sha256:[0-9a-f]{64})".*?\}/))
    let config = String(match.1)
    let entry = String(match.0.dropLast()).replacing(
      "\(Self.oci).config.v1+json", with: Self.foreignType)
    try old.storage.add(
      manifest: text.replacing(match.0, with: "\(entry)\(Self.urls)}"), to: "old/app", tag: "1")
    try old.storage.remove(config)
    try old.storage.unlink(blob: config, from: "old/app")
    try failsAlone(config)
  }

  /// `old/app:1` cannot be exported for `digest`, and another image can.
  private func failsAlone(_ digest: String) throws {
    try old.storage.add(layers: [[7, 7]], to: "old/good", tag: "1")
    let arguments = ["export", "--plain-http", "-o", "a.tar"]
    try ferry.run(arguments + [old.reference("old/app:1")], exits: 12).complains(digest)
    #expect(!FileManager.default.fileExists(atPath: ferry.file("a.tar")))
    let both = [old.reference("old/app:1"), old.reference("old/good:1")]
    try ferry.run(arguments + both + ["--keep-going"], exits: 3).complains(
      "failed: \(old.reference("old/app:1"))", digest)
    let verified = try ferry.run(["verify", "a.tar"], exits: 0)
    #expect(verified.standardOutput.contains("whole  1 image"))
    #expect(verified.standardOutput.contains("lacks \(old.reference("old/app:1"))"))
  }
}
