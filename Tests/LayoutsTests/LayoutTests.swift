import Digests
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

@Suite struct `An archive of Ferry's` {
  let scratch: ScratchDirectory
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  @Test func `is read back as what was planned`() throws {
    let files: [(path: String, bytes: [UInt8])] = [
      ("ferry/descriptions/old.example_team_app.md", Array("# App\n".utf8)), ("ferry/empty", []),
      ("ferry/descriptions/" + String(repeating: "long", count: 60) + ".md", [1]),
    ]
    try TestArchive.write(images, to: scratch("a.tar"), extraFiles: files)
    let plan = try ArchivePlan(images, extraFiles: files)
    let layout = try Layout.open(scratch("a.tar"))
    #expect(layout.problems == [] && layout.remarks == [])
    #expect(layout.isWrittenByFerry)
    #expect(layout.archiveDigest == plan.archiveDigest)
    #expect(layout.totalSize == plan.totalSize)
    #expect(layout.images.map(\.reference) == plan.images.map(\.reference))
    #expect(layout.images.map(\.root.digest) == plan.images.map(\.root.digest))
    #expect(layout.blobs.count == plan.manifests.count + plan.blobs.count)
    for (digest, extent) in layout.blobs { #expect(extent == plan.extent(of: digest)) }

    #expect(layout.files.map(\.path) == files.map(\.path).sorted())
    for (path, bytes) in files {
      let file = try #require(layout.files.first { $0.path == path })
      #expect(try layout.bytes(of: file) == bytes)
    }
    for image in layout.images {
      let original = try #require(images.first { $0.reference == image.reference })
      let tree = try layout.tree(of: image)
      #expect(Set(tree.manifests.map(\.digest)) == Set(original.manifests.map(\.digest)))
      for blob in tree.blobs {
        let bytes = try layout.bytes(of: blob, limit: 1 << 20)
        #expect(original.blobs.contains(bytes))
        var some = [UInt8](repeating: 0, count: 20)
        let count = try some.withUnsafeMutableBytes {
          try layout.read(blob.digest, into: $0, at: blob.size - 7)
        }
        #expect(count == 7 && some.prefix(7).elementsEqual(bytes.suffix(7)))
        #expect(
          try some.withUnsafeMutableBytes { try layout.read(blob.digest, into: $0, at: blob.size) } == 0)
      }
    }
  }

  @Test func `says what was left out on purpose`() throws {
    let omissions = [
      Omission(images[3].manifests[0].blobs[1], reason: .known),
      Omission(images[0].manifests[0].blobs[1], reason: .known),
    ]
    try TestArchive.write(images, to: scratch("a.tar"), omissions: omissions)
    let layout = try Layout.open(scratch("a.tar"))
    #expect(layout.problems == [])
    #expect(Set(layout.omissions.values) == Set(omissions))
    #expect(throws: LayoutError.missing(omissions[0].descriptor.digest)) {
      try layout.bytes(of: omissions[0].descriptor, limit: 1 << 20)
    }
    let tree = try layout.tree(of: #require(layout.images.first))
    #expect(tree.omitted.map(\.digest) == [omissions[0].descriptor.digest])
  }

  @Test func `that holds nothing is none`() throws {
    try TestArchive.write([], to: scratch("a.tar"))
    #expect(throws: LayoutError.noImage(path: scratch("a.tar"), others: [])) {
      try Layout.open(scratch("a.tar"))
    }
  }

  @Test func `proves what it hands out whole`() throws {
    try TestArchive.write(images, to: scratch("a.tar"))
    let config = images[0].manifests[0].blobs[0]
    var bytes = try scratch.read("a.tar")
    let extent = try #require(Layout.open(scratch("a.tar")).blobs[config.digest])
    bytes[Int(extent.offset) + 2] ^= 1
    let layout = try Layout.open(scratch.write(bytes, to: "b.tar"))
    let actual = Digest(of: Array(bytes[Int(extent.offset)..<Int(extent.offset + extent.size)]))
    #expect(
      throws: LayoutError.wrongContent(config.digest, .mismatch(expected: config.digest, actual: actual))
    ) {
      try layout.bytes(of: config, limit: 1 << 20)
    }
    #expect(
      throws: LayoutError.oversized(
        path: scratch("b.tar"), entry: BlobPath.path(of: config.digest), size: config.size, limit: 3)
    ) { try layout.bytes(of: config, limit: 3) }
  }

  @Test func `of a newer format is refused by its version`() throws {
    let ferry = Array(#"{"formatVersion":7,"imagesDigest":7}"#.utf8)
    let index = IndexFile(images: [], ferryFileDigest: Digest(of: ferry)).bytes
    let path = try TestArchive.tar(
      [
        .init(name: "oci-layout", bytes: LayoutFile.bytes), .init(name: "index.json", bytes: index),
        .init(name: "ferry.json", bytes: ferry),
      ], to: scratch, "a.tar")
    #expect(
      throws: LayoutError.unsupportedVersion(path: path, entry: "ferry.json", found: "7", supported: "6")
    ) { try Layout.open(path) }
  }
}
