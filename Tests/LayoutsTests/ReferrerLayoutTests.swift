import Digests
import Foundation
import Images
import Layouts
import TestSupport
import Testing

/// Archives with referrers, and with content that the other side is known to have.
@Suite struct `An archive with more than images` {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  /// An image, a signature of it by cosign's tag, and one that only its manifest tells of.
  private func images() throws -> (image: TestImage, tagged: TestImage, listed: TestImage) {
    let image = try TestImage("nvcr.io/team/app:1", layers: [.init("app")])
    let tag = ReferrerTag(.signature, of: image.root.digest).tag
    let tagged = try TestImage("nvcr.io/team/app:\(tag)", layers: [.init("sig")])
    let config = Array("{}".utf8)
    let text = """
      {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
      "artifactType":"example/sbom","config":\
      \(TestImage.descriptor("application/vnd.oci.empty.v1+json", config)),"layers":[],\
      "subject":\(TestImage.descriptor(image.root.mediaType.rawValue, image.manifests[0].bytes))}
      """
    let manifest = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    let listed = try TestImage("nvcr.io/team/app@\(manifest.digest)", manifest: manifest, blobs: [config])
    return (image, tagged, listed)
  }

  private func plan(_ all: (image: TestImage, tagged: TestImage, listed: TestImage)) throws -> ArchivePlan {
    let parts = [all.image, all.tagged, all.listed]
    let blobs = Set(
      parts.flatMap(\.blobs).map {
        Descriptor(mediaType: .ociConfig, digest: Digest(of: $0), size: Int64($0.count))
      })
    return try ArchivePlan(
      images: [(all.tagged.reference, all.tagged.root), (all.image.reference, all.image.root)],
      referrers: [(all.listed.reference, all.listed.root)], manifests: parts.flatMap(\.manifests),
      blobs: Array(blobs))
  }

  private func write(_ plan: ArchivePlan, _ images: [TestImage], to path: String) throws {
    let writer = try ArchiveWriter.open(plan: plan, path: path, replacing: false)
    for bytes in Set(images.flatMap(\.blobs)) where plan.extent(of: Digest(of: bytes)) != nil {
      try writer.put(bytes)
    }
    try writer.finish()
  }

  @Test func `lists what only refers without a name, behind all that has one`() throws {
    let all = try images()
    let path = scratch("a.tar")
    try write(try plan(all), [all.image, all.tagged, all.listed], to: path)
    let layout = try Layout.open(path)
    #expect(layout.problems.isEmpty)
    #expect(layout.images.map(\.reference) == [all.image, all.tagged, all.listed].map(\.reference))
    #expect(layout.images.map(\.isReferrer) == [false, false, true])
    #expect(layout.images.map(\.looksLikeReferrer) == [false, true, true])

    let json = try Peer.run("tar", "-xOf", path, "index.json", in: scratch.path)
    let index = try #require(JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    let entries = try #require(index["manifests"] as? [[String: Any]])
    #expect(entries.map { $0["artifactType"] as? String } == [nil, nil, "example/sbom"])
    let annotations = try #require(entries[2]["annotations"] as? [String: String])
    #expect(annotations == ["org.ferry.referrer.name": all.listed.reference.description])
    // Its version keeps a Ferry that does not know of referrers from calling it damaged.
    let ledger = try Peer.run("tar", "-xOf", path, "ferry.json", in: scratch.path)
    #expect(String(decoding: ledger, as: UTF8.self).contains(#""formatVersion":2"#))
  }

  @Test func `is one with its images when a referrer is also asked for by its digest`() throws {
    let all = try images()
    let parts = [all.image, all.listed]
    let blobs = Set(
      parts.flatMap(\.blobs).map {
        Descriptor(mediaType: .ociConfig, digest: Digest(of: $0), size: Int64($0.count))
      })
    let plan = try ArchivePlan(
      images: parts.map { ($0.reference, $0.root) }, referrers: [(all.listed.reference, all.listed.root)],
      manifests: parts.flatMap(\.manifests), blobs: Array(blobs))
    #expect(plan.images.count == 2 && !plan.images.contains(where: \.isReferrer))
  }

  @Test func `names no referrer but by its own digest`() throws {
    let all = try images()
    #expect(throws: LayoutError.unwritableReference(all.image.reference.description)) {
      try ArchivePlan(
        images: [], referrers: [(all.image.reference, all.listed.root)],
        manifests: all.listed.manifests, blobs: [])
    }
  }

  @Test func `shows a changed name of a referrer`() throws {
    let all = try images()
    let path = scratch("a.tar")
    try write(try plan(all), [all.image, all.tagged, all.listed], to: path)
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    let name = Array("nvcr.io/team/app@".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
    bytes[place + 8] = UInt8(ascii: "x")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(try !Layout.open(path).problems.isEmpty)
  }

  @Test func `says by what it is known that the other side has something`() throws {
    let image = try TestImage("nvcr.io/team/app:1", layers: [.init("app"), .init("base")])
    let layers = Array(image.manifests[0].blobs.dropFirst())
    let source = KnownSource(kind: .archive, name: "base.tar", digest: Digest(of: [1]))
    let unused = KnownSource(kind: .receipt, name: "receipt.json", digest: Digest(of: [2]))
    let omission = Omission(layers[1], reason: .known, source: source.digest, repository: "nvcr.io/team/base")
    let carried = image.manifests[0].blobs.filter { $0.digest != layers[1].digest }
    let plan = try ArchivePlan(
      images: [(image.reference, image.root)], manifests: image.manifests, blobs: carried,
      omissions: [omission], knownSources: [unused, source, source])
    #expect(plan.knownSources == [source])
    let path = scratch("delta.tar")
    try write(plan, [image], to: path)
    let layout = try Layout.open(path)
    #expect(layout.problems.isEmpty)
    #expect(layout.knownSources == [source])
    #expect(layout.omissions == [layers[1].digest: omission])
    #expect(try !layout.tree(of: layout.images[0]).blobs.contains { $0.digest == layers[1].digest })
    #expect(
      try layout.tree(of: layout.images[0], withKnown: true).blobs.map(\.digest)
        == image.manifests[0].blobs.map(\.digest))
  }

  @Test func `stays what it was where there is neither`() throws {
    let image = try TestImage("nvcr.io/team/app:1", layers: [.init("app")])
    let path = scratch("a.tar")
    try TestArchive.write([image], to: path)
    let ledger = try Peer.run("tar", "-xOf", path, "ferry.json", in: scratch.path)
    let text = String(decoding: ledger, as: UTF8.self)
    #expect(text.contains(#""formatVersion":1"#) && !text.contains("known") && !text.contains("referrer"))
  }
}
