import Foundation
import TestSupport
import Testing

/// `verify --deep` holds layers against what the configs say of their content.
@Suite(.waiting) struct `Verifying deeply` {
  private let ferry: FerryProcess

  init() throws { ferry = try FerryProcess() }

  @Test func `finds every layer of every kind as its config says`() throws {
    let report = try Report(ferry.run(["verify", "--deep", "--json", FixtureArchive.everything()], exits: 0))
    let archive = try #require(report.objects("archives").first)
    #expect(archive["whole"] as? Bool == true)
    #expect(archive["layersUnpacked"] as? Int ?? 0 >= 20)
  }

  @Test func `names a layer whose content is not what the config says, and the image`() throws {
    let registry = ScriptedRegistry()
    let good: [UInt8] = Array("good".utf8)
    registry.add(image: [good], diffIDs: [BlobDigest.of(good)], to: "a/good", tag: "1")
    registry.add(image: [Array("bad".utf8)], diffIDs: [BlobDigest.of(good)], to: "a/bad", tag: "1")
    registry.add(image: [good, good], diffIDs: [BlobDigest.of(good)], to: "a/short", tag: "1")
    let images = ["a/good:1", "a/bad:1", "a/short:1"].map(registry.reference)
    // What contradicts itself by its manifest and its config alone is not even exported.
    try ferry.run(["export", "--plain-http", "-o", "a.tar"] + images, exits: 14).complains(images[2])
    try ferry.export(Array(images.prefix(2)), to: "a.tar")

    // Every digest agrees: only the content disagrees with what its image says.
    let result = try ferry.run(["verify", "--deep", "a.tar"], exits: 14).standardOutput
    let bad = BlobDigest.of(Array("bad".utf8))
    #expect(result.contains("layer \(bad) unpacks to \(bad); its config says \(BlobDigest.of(good))"))
    #expect(result.contains("hurts \(images[1])\n") && !result.contains("hurts \(images[0])"))
  }

  @Test func `names a config whose word for a layer's content Ferry cannot compare`() throws {
    let registry = ScriptedRegistry()
    let odd = "blake3:" + String(repeating: "b", count: 64)
    registry.add(
      image: [Array("a".utf8), Array("b".utf8)], diffIDs: [BlobDigest.of([1]), odd], to: "a/a", tag: "1")
    try ferry.export([registry.reference("a/a:1")], to: "a.tar")
    let result = try ferry.run(["verify", "--deep", "a.tar"], exits: 14).standardOutput
    #expect(result.contains("'rootfs.diff_ids[1]' is no digest that can be computed"))
    // What can be compared is.
    #expect(result.contains("layer \(BlobDigest.of(Array("a".utf8))) unpacks to"))
  }

  @Test func `names a layer that cannot be decompressed`() throws {
    let registry = ScriptedRegistry()
    let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF]
    let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xFF, 0xFF, 0xFF]
    for (name, layer) in [("gzip", gzip), ("zstd", zstd)] {
      registry.add(image: [layer], diffIDs: [BlobDigest.of([1])], to: "a/\(name)", tag: "1")
      try ferry.export([registry.reference("a/\(name):1")], to: "\(name).tar")
      let result = try ferry.run(["verify", "--deep", "\(name).tar"], exits: 14)
      #expect(result.standardOutput.contains("layer \(BlobDigest.of(layer)) cannot be decompressed"))
      try ferry.run(["verify", "\(name).tar"], exits: 0)
    }
  }

  @Test(arguments: [
    "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "application/vnd.oci.image.layer.nydus.blob.v1",
    "application/vnd.oci.image.layer.v1.something", "application/vnd.example.layer.v1",
  ])
  func `counts a layer whose content it cannot get at, and compares the others`(type: String) throws {
    let made = try MadeArchive(
      """
      i = plain('i')
      i.document['layers'][1]['mediaType'] = '\(type)'
      i.manifest = text(i.document)
      i.blobs[0] = i.manifest
      write(layout([i.entry('i:1')], i.blobs[:3] + [i.layers[1]]))
      """)
    let result = try ferry.run(["verify", "--deep", made.path], exits: 0)
    #expect(result.standardOutput.contains("1 layer unpacked and compared, 1 not compared"))
    let report = try Report(ferry.run(["verify", "--deep", "--json", made.path], exits: 0))
    #expect(report.objects("archives").first?["layersNotCompared"] as? Int == 1)
  }
}
