import Digests
import Foundation
import Images
import Tar
import TestSupport
import Testing

@testable import Layouts

/// What Ferry writes Ferry reads, however much there is to list.
struct `An archive whose lists are large` {
  private let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  private static let layerType = "application/vnd.oci.image.layer.v1.tar"

  /// An image with a config of its own and layers described by `layers`.
  private func image(_ number: Int, _ layers: String, _ blobs: [[UInt8]]) throws -> TestImage {
    let config = Array(#"{"architecture":"amd64","os":"linux","number":\#(number)}"#.utf8)
    let type = "application/vnd.oci.image.config.v1+json"
    let text = #"{"schemaVersion":2,"config":\#(TestImage.descriptor(type, config)),"layers":[\#(layers)]}"#
    return try TestImage(
      "old.example/team/app:\(number)",
      manifest: Manifest(bytes: Array(text.utf8), mediaType: .ociManifest), blobs: [config] + blobs)
  }

  @Test func `is whole though docker's list is larger than any other tool's may be`() throws {
    let layer: [UInt8] = [1, 2, 3]
    let layers = Array(repeating: TestImage.descriptor(Self.layerType, layer), count: 20_000)
      .joined(separator: ",")
    let images = try (0..<11).map { try image($0, layers, [layer]) }
    try TestArchive.write(images, to: scratch("a.tar"))
    let layout = try Layout.open(scratch("a.tar"))
    #expect(layout.problems == [])
    #expect(layout.images.count == images.count)
    let listed = try Peer.run("tar", "xOf", scratch("a.tar"), DockerManifestFile.path)
    #expect(listed.count > Int(DockerManifestFile.sizeLimit))
    // Every byte of it is looked at all the same.
    var bytes = try scratch.read("a.tar")
    let place = try #require(bytes.firstRange(of: Array(#""RepoTags""#.utf8)))
    bytes[place.lowerBound + 1] = UInt8(ascii: "r")
    try scratch.write(bytes, to: "a.tar")
    #expect(
      try Layout.open(scratch("a.tar")).problems
        == [.notCanonical(path: DockerManifestFile.path, part: .content)])
  }

  @Test func `is read as it was written though it leaves out thousands of blobs`() throws {
    let layers = (0..<7000).map { Array("layer \($0)".utf8) }
    let image = try image(
      0, layers.map { TestImage.descriptor(Self.layerType, $0) }.joined(separator: ","), layers)
    let omissions = image.manifests[0].blobs.dropFirst().map { Omission($0, reason: .known) }
    try TestArchive.write([image], to: scratch("a.tar"), omissions: omissions)
    let layout = try Layout.open(scratch("a.tar"))
    #expect(layout.problems == [])
    #expect(Set(layout.omissions.values) == Set(omissions))
    #expect(try Peer.run("tar", "xOf", scratch("a.tar"), FerryFile.path).count > 1 << 20)
  }

  @Test func `is read as it was written though it lists thousands of images`() throws {
    let image = try image(0, "", [])
    let images = try (1...4000).map { try TestImage("old.example/team/app:\($0)", same: image) }
    try TestArchive.write(images, to: scratch("a.tar"))
    let layout = try Layout.open(scratch("a.tar"))
    #expect(layout.problems == [])
    #expect(Set(layout.images.map(\.name)) == Set(images.map(\.reference.description)))
    #expect(try Peer.run("tar", "xOf", scratch("a.tar"), IndexFile.path).count > 1 << 20)
  }
}
