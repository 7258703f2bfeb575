import Foundation
import TestSupport
import Testing

/// What images of other tools' archives are called, and how one is chosen.
@Suite(.waiting) struct `The names in an archive of another tool` {
  private let ferry: FerryProcess
  private let registry: RegistryProcess

  init() throws {
    ferry = try FerryProcess()
    registry = try RegistryProcess()
  }

  /// A manifest of one layer that is `name`, and its blobs.
  private struct Image {
    let manifest: [UInt8]
    let blobs: [[UInt8]]
    var digest: String { BlobDigest.of(manifest) }

    init(_ name: String, more: String = "", layerType: String = "application/x.test") {
      let layer = Array(name.utf8)
      let type = "application/vnd.oci.image"
      let config = Array(
        #"{"architecture":"amd64","os":"linux","author":"\#(name.filter { $0 != "\"" })"}"#.utf8)
      manifest = Array(
        """
        {"schemaVersion":2,"mediaType":"\(type).manifest.v1+json",\
        "config":\(Self.descriptor("\(type).config.v1+json", config)),\
        "layers":[\(Self.descriptor(layerType, layer))]\(more)}
        """.utf8)
      blobs = [manifest, config, layer]
    }

    /// What cosign makes of a signature of the manifest `digest`.
    init(signing digest: String) {
      let payload = #"{"critical":{"image":{"docker-manifest-digest":"\#(digest)"}},"optional":null}"#
      self.init(payload, layerType: "application/vnd.dev.cosign.simplesigning.v1+json")
    }

    init(index images: [Image]) {
      let listed = images.map { $0.entry().dropLast() + #","platform":{"os":"linux","architecture":"a"}}"# }
      manifest = Array(
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[\#(listed.joined(separator: ","))]}"#
          .utf8)
      blobs = images.flatMap(\.blobs) + [manifest]
    }

    static func descriptor(_ type: String, _ bytes: [UInt8]) -> String {
      #"{"mediaType":"\#(type)","digest":"\#(BlobDigest.of(bytes))","size":\#(bytes.count)}"#
    }

    /// Its entry in an `index.json`.
    func entry(_ annotations: [String: String] = [:]) throws -> String {
      let text = String(decoding: try JSONEncoder().encode(annotations), as: UTF8.self)
      return entry().dropLast() + #","annotations":\#(text)}"#
    }

    func entry() -> String {
      let isIndex = String(decoding: manifest, as: UTF8.self).contains("image.index.v1")
      return Self.descriptor("application/vnd.oci.image.\(isIndex ? "index" : "manifest").v1+json", manifest)
    }
  }

  private func write(_ name: String, _ entries: [String], of images: [Image]) throws {
    try FileManager.default.createDirectory(
      atPath: ferry.file("\(name)/blobs/sha256"), withIntermediateDirectories: true)
    try ferry.write(#"{"imageLayoutVersion":"1.0.0"}"#, to: "\(name)/oci-layout")
    try ferry.write(
      #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#, to: "\(name)/index.json")
    for blob in images.flatMap(\.blobs) {
      try ferry.write(
        String(decoding: blob, as: UTF8.self),
        to: "\(name)/blobs/sha256/\(BlobDigest.of(blob).dropFirst("sha256:".count))")
    }
  }

  @discardableResult
  private func `import`(_ archives: String..., options: [String] = [], exits status: Int32 = 0) throws
    -> CommandResult
  {
    try ferry.run(
      ["import", "--plain-http", "--to", "\(registry.host)/new"] + archives + options, exits: status)
  }

  private func digest(_ repository: String, _ tag: String) -> String? {
    registry.storage.digest(of: "new/\(repository)", tag)
  }

  private static let name = "org.opencontainers.image.ref.name"

  @Test(arguments: ["dev.cosignproject.cosign/", "dev.hauler/"], [true, false])
  func `tell signatures from their image by the kind`(vendor: String, isNamed: Bool) throws {
    let image = Image("image")
    let attached = ["sigs": Image("signature"), "atts": Image("attestation"), "sboms": Image("sbom")]
    let bundle = Image("bundle", more: #","subject":\#(image.entry())"#)
    func entry(_ image: Image, _ kind: String) throws -> String {
      try image.entry(
        ["kind": vendor + kind].merging(isNamed ? [Self.name: "x.example/old/app:1"] : [:]) { $1 })
    }
    let others = try attached.map { try entry($1, $0) } + [entry(bundle, "referrers/\(bundle.digest)")]
    try write("a", others + [entry(image, "image")], of: [image, bundle] + attached.values)
    let inspected = try ferry.run(["inspect", "a"], exits: 0)
    #expect(inspected.standardOutput.contains("1 image and 4 referrers"))
    try `import`("a", options: isNamed ? [] : ["--as", "app:1"])
    let tag = image.digest.replacing(":", with: "-")
    #expect(digest("app", "1") == image.digest)
    #expect(digest("app", "\(tag).sig") == attached["sigs"]?.digest)
    #expect(digest("app", "\(tag).att") == attached["atts"]?.digest)
    #expect(digest("app", "\(tag).sbom") == attached["sboms"]?.digest)
    #expect(registry.storage.digests.contains(bundle.digest))
  }

  /// Where no archive has the image nobody would find the signature.
  @Test(arguments: ["dev.cosignproject.cosign/", "dev.hauler/"])
  func `tell signatures from their image in another archive`(vendor: String) throws {
    let (image, signature, other) = (Image("image"), Image("signature"), Image("other"))
    func entry(_ image: Image, _ kind: String, _ name: String = "x.example/old/app:1") throws -> String {
      try image.entry(["kind": vendor + kind, Self.name: name])
    }
    try write("image", [entry(image, "image")], of: [image])
    try write("signature", [entry(signature, "sigs")], of: [signature])
    let mixed = try [entry(signature, "sigs"), entry(other, "image", "x.example/old/other:1")]
    try write("mixed", mixed, of: [signature, other])
    let tag = "\(image.digest.replacing(":", with: "-")).sig"
    let alone = try `import`("signature", exits: 12).standardError
    #expect(alone.contains("what belongs to x.example/old/app:1"))
    #expect(alone.contains("--no-referrers"))
    #expect(try `import`("mixed", exits: 12).standardError.contains("--keep-going"))
    #expect(!registry.storage.digests.contains(signature.digest))
    try `import`("mixed", options: ["--keep-going"], exits: 3)
    try `import`("mixed", "image", options: ["--no-referrers"])
    #expect(digest("app", "1") == image.digest && digest("other", "1") == other.digest)
    #expect(!registry.storage.digests.contains(signature.digest))
    try `import`("signature", "image")
    #expect(digest("app", tag) == signature.digest)
    try ferry.run(
      ["check", "--plain-http", "--to", "\(registry.host)/new", "image", "signature"], exits: 0)
  }

  /// The name that a signature shares may be a newer image's, or an index's of which it signs a child.
  @Test(arguments: [["mixed"], ["new", "signature"]])
  func `give a signature to the image that it signs alone`(archives: [String]) throws {
    let (old, new) = (Image("old"), Image("new"))
    let (of, kind) = (Image(signing: old.digest), "dev.cosignproject.cosign/")
    func entry(_ image: Image, _ what: String) throws -> String {
      try image.entry(["kind": kind + what, Self.name: "x.example/old/app:1"])
    }
    try write("mixed", [entry(new, "image"), entry(of, "sigs")], of: [new, of])
    try write("new", [entry(new, "image")], of: [new])
    try write("signature", [entry(of, "sigs")], of: [of])
    try write("old", [old.entry([Self.name: "x.example/old/app:0"])], of: [old])
    try write("elsewhere", [old.entry([Self.name: "x.example/old/other:0"])], of: [old])
    func `import`(_ options: String..., exits status: Int32) throws -> String {
      try ferry.run(
        ["import", "--plain-http", "--to", "\(registry.host)/new"] + archives + options, exits: status
      ).standardError
    }
    #expect(try `import`(exits: 12).contains("no archive here tells which image that is"))
    #expect(!registry.storage.digests.contains(of.digest))
    try _ = `import`("--keep-going", exits: 3)
    #expect(digest("app", "1") == new.digest && !registry.storage.digests.contains(of.digest))
    // Of what lies in another repository nobody would look for it here.
    #expect(try `import`("elsewhere", exits: 12).contains("no archive here tells which image that is"))
    // The image that it signs is there, by another tag.
    try _ = `import`("old", exits: 0)
    #expect(digest("app", "0") == old.digest)
    #expect(digest("app", "\(old.digest.replacing(":", with: "-")).sig") == of.digest)
    #expect(digest("app", "\(new.digest.replacing(":", with: "-")).sig") == nil)
  }

  @Test func `give an index no signature of its child, and a chosen one its own`() throws {
    let (one, two) = (Image("one"), Image("two"))
    let index = Image(index: [one, two])
    let (of, other) = (Image(signing: two.digest), Image("other"))
    func entry(_ image: Image, _ what: String) throws -> String {
      try image.entry(["kind": "dev.hauler/" + what, Self.name: "x.example/old/app:1"])
    }
    try write("index", [entry(index, "imageIndex"), entry(of, "sigs")], of: [index, of])
    try `import`("index")
    #expect(digest("app", "1") == index.digest)
    #expect(digest("app", "\(two.digest.replacing(":", with: "-")).sig") == of.digest)
    #expect(digest("app", "\(index.digest.replacing(":", with: "-")).sig") == nil)
    // Two images have the name, and nothing tells to which of them an SBOM belongs.
    try write("one", [entry(one, "image")], of: [one])
    try write("two", [entry(two, "image")], of: [two])
    try write("sbom", [entry(other, "sboms")], of: [other])
    try `import`("one", "two", "sbom", options: ["--image", one.digest, "--overwrite"], exits: 12)
      .complains("no archive here tells which image that is", "--no-referrers")
  }

  /// `index.json` is one image for both: the digest of either stands in it.
  @Test func `are those of an image, chosen by its digest, that is listed for one of several platforms`()
    throws
  {
    let made = try MadeArchive(
      """
      a, b = Image('amd'), Image('arm', arch='arm64')
      f = layout([i.entry('app:1', platform=i.platform) for i in (a, b)], a.blobs + b.blobs)
      write(f)
      for i in (a, b): print(digest(i.manifest))
      """)
    let (amd, arm) = (made.printed[0], made.printed[1])
    try `import`(made.path, options: ["--image", amd])
    #expect(digest("app", "1") == amd)
    try `import`(made.path, options: ["--image", arm, "--overwrite"])
    #expect(digest("app", "1") == arm)
    try `import`(made.path, options: ["--image", "*/app:1", "--overwrite"])
    #expect(![amd, arm, nil].contains(digest("app", "1")))
  }

  @Test func `are a tag of the image's repository where a signature has nothing else`() throws {
    let (image, signature) = (Image("image"), Image("signature"))
    let tag = "\(image.digest.replacing(":", with: "-")).sig"
    try write(
      "a", [image.entry([Self.name: "x.example/old/app:1"]), signature.entry([Self.name: tag])],
      of: [image, signature])
    try `import`("a")
    #expect(digest("app", "1") == image.digest && digest("app", tag) == signature.digest)
  }

  @Test func `that are no names are shown as they stand, fit to be printed`() throws {
    let (one, two) = (Image("one"), Image("two"))
    try write(
      "a", [one.entry([Self.name: "Bad Name\n\u{1B}[2J"]), two.entry([Self.name: two.digest])],
      of: [one, two])
    let inspected = try ferry.run(["inspect", "a"], exits: 0)
    #expect(inspected.standardOutput.contains(#"'Bad Name\n\u{1B}[2J' (no name)"#))
    #expect(inspected.standardOutput.contains("'\(two.digest)' (no name)"))
    try `import`("a", exits: 64).complains("gives no names to 2 images", "--image sha256:")
    #expect(registry.storage.digests.isEmpty)
    try `import`("a", options: ["--image", two.digest, "--as", "two:1"])
    #expect(digest("two", "1") == two.digest)
  }

  @Test func `that are no names are shown where docker's list alone gives them, too`() throws {
    let made = try MadeArchive(
      #"""
      i = Image('i'); f = layout([i.entry('app:1')], i.blobs); print(digest(i.manifest))
      f['manifest.json'] = text([i.listed(['old.example/team/app:1', 'old.example/Team/App:1\n\x1b[2J'])]); write(f)
      """#)
    let shown = #"'old.example/Team/App:1\n\u{1B}[2J'"#
    let inspected = try ferry.run(["inspect", made.path], exits: 0)
    #expect(inspected.standardOutput.contains("\(shown) (no name)"))
    try `import`(made.path, exits: 64).complains(
      "gives no name to its image \(made.printed[0]); \(shown) is none")
    #expect(registry.storage.digests.isEmpty)
    try `import`(made.path, options: ["--image", "*/app:1"])
    #expect(digest("app", "1") == made.printed[0])
  }

  @Test func `mean the latest where they have no tag, and it is said`() throws {
    let image = Image("image")
    try write("a", [image.entry([Self.name: "x.example/old/app"])], of: [image])
    #expect(try `import`("a").standardOutput.contains("\(registry.host)/new/app:latest"))
    #expect(digest("app", "latest") == image.digest)
  }

  @Test func `leave the digest by which a saved image was known, and keep the repository`() throws {
    let unknown = BlobDigest.of(Array("another registry's manifest".utf8))
    try DockerSave([
      .init(["x.example/old/app@\(unknown)"], layers: [try DockerSave.layer("a")]),
      .init(["x.example/old/tagged:1@\(unknown)"], layers: [try DockerSave.layer("b")]),
    ]).write(to: ferry.file("a.tar"))
    let result = try `import`("a.tar")
    let pushed = try #require(result.standardOutput.firstMatch(of: /new\/app@(sha256:[0-9a-f]{64})/))
    #expect(registry.storage.digests.contains(String(pushed.1)) && pushed.1 != unknown)
    #expect(digest("tagged", "1") != nil)
  }

  @Test func `are needed by an index, and not by its parts that are listed beside it`() throws {
    let (one, two) = (Image("one"), Image("two"))
    let index = Image(index: [one, two])
    try write("a", [index.entry([Self.name: "v1"]), one.entry(), two.entry()], of: [index])
    #expect(try ferry.run(["inspect", "a"], exits: 0).standardOutput.contains("  1 image, "))
    try `import`("a", options: ["--as", "app"])
    #expect(digest("app", "v1") == index.digest)
    // One of them may be taken by itself.
    try `import`("a", options: ["--as", "part:1", "--image", two.digest])
    #expect(digest("part", "1") == two.digest)
  }

  @Test func `may be one for two images of two archives, and a digest chooses`() throws {
    let (one, two) = (Image("one"), Image("two"))
    for (name, image) in [("a", one), ("b", two)] {
      try write(name, [image.entry([Self.name: "x.example/old/app:1"])], of: [image])
    }
    let refused = try `import`("a", "b", exits: 15)
    refused.complains("\(one.digest) in a", "\(two.digest) in b", "x.example/old/app:1", "--image sha256:")
    try `import`("a", "b", options: ["--image", two.digest])
    #expect(digest("app", "1") == two.digest)
  }
}
