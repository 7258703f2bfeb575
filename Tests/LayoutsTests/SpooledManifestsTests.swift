import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing

@testable import Layouts

/// The manifests of a large export are in a file of which nobody else knows: what is read back of them is proved again.
struct `Manifests that are not kept in memory` {
  private let scratch: ScratchDirectory
  private let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  /// Content with one wrong byte.
  private struct Flipped: RandomAccess {
    let bytes: [UInt8]
    let path = "spool"

    func size() -> Int64 { Int64(bytes.count) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
      let part = bytes[min(Int(offset), bytes.count)...].prefix(buffer.count)
      buffer.copyBytes(from: part)
      return part.count
    }
  }

  private func plan(_ manifests: [ManifestBytes]) throws -> ArchivePlan {
    let all = Dictionary(images.flatMap(\.blobs).map { (Digest(of: $0), $0) }) { first, _ in first }
    return try ArchivePlan(
      images: images.map { ($0.reference, $0.root) }, referrers: [], encoded: manifests,
      sharing: SharedDescriptors(),
      blobs: all.map { Descriptor(mediaType: .ociConfig, digest: $0, size: Int64($1.count)) }, omissions: [],
      knownSources: [], extraFiles: [], missingImages: [])
  }

  private func pieces(of plan: ArchivePlan) throws -> [KnownPiece] {
    var pieces: [KnownPiece] = []
    try plan.forEachKnownPiece { pieces.append($0) }
    return pieces
  }

  @Test(arguments: [0, 1000, 1 << 20])
  func `make the same archive`(memory: Int) throws {
    let content = SpooledContent(called: "spool", memory: memory, spoolingIn: scratch.path)
    let descriptors = SharedDescriptors()
    let manifests = images.flatMap(\.manifests).map(ManifestBytes.init)
    let moved = try manifests.map { try $0.moved(to: content, share: descriptors.shared) }
    let size = manifests.map(\.descriptor.size).reduce(into: 0) { $0 += $1 }
    #expect(content.count == size && (content.spooled > 0) == (Int64(memory) < size))
    let expected = try ArchivePlan(images)
    for plan in try [plan(manifests), plan(moved)] {
      #expect(plan.archiveDigest == expected.archiveDigest && plan.totalSize == expected.totalSize)
      #expect(try pieces(of: plan) == pieces(of: expected))
    }
    #expect(try scratch.names == [])
  }

  @Test func `are an error where they are read back and another byte stands there`() throws {
    let manifest = try #require(images.first?.manifests.first)
    var bytes = manifest.bytes
    bytes[bytes.count / 2] ^= 1
    let archive = ManifestBytes.Archive(Flipped(bytes: [0, 0, 0] + bytes))
    let kept = ManifestBytes(manifest, as: manifest.descriptor, at: 3, of: archive)
    let mismatch = DigestError.mismatch(expected: manifest.digest, actual: Digest(of: bytes))
    #expect(throws: LayoutError.wrongContent(manifest.digest, mismatch)) { try kept.bytes() }
    #expect(throws: LayoutError.notAManifest(manifest.digest, .wrongContent(mismatch))) { try kept.decoded() }
    // Where the archive is written, too, whatever planning it has read.
    let section = try ArchiveSection(.blob(manifest.digest), content: .manifest(kept), headerOffset: 0)
    #expect(throws: LayoutError.wrongContent(manifest.digest, mismatch)) {
      try section.forEachKnownPiece { piece in
        #expect(piece.part == .header)
      }
    }
  }

  @Test func `are an error where the file has been cut`() throws {
    let manifest = try #require(images.first?.manifests.first)
    let archive = ManifestBytes.Archive(Flipped(bytes: Array(manifest.bytes.dropLast())))
    let kept = ManifestBytes(manifest, as: manifest.descriptor, at: 0, of: archive)
    let short = DigestError.short(
      expected: manifest.descriptor.size, received: manifest.descriptor.size - 1)
    #expect(throws: LayoutError.wrongContent(manifest.digest, short)) { try kept.bytes() }
  }

  @Test func `are listed for docker image by image, in the form of all JSON here`() throws {
    let image = images[0]
    let all = try (0..<400).map { try TestImage("old.example/team/app:t\($0)", same: image) } + images
    let manifests = PlannedManifests(all.flatMap(\.manifests))
    let listed = all.map { LayoutImage($0.reference, root: $0.root) }
    let file = try #require(try DockerManifestFile(images: listed, manifests: manifests) { _ in true })
    var pieces: [[UInt8]] = []
    try file.forEachPiece { pieces.append($0) }
    let text = pieces.flatMap(\.self)
    #expect(Int64(text.count) == file.size)
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(text))
    #expect(value.bytes == text)
  }
}
