import Digests
import Foundation
import Images
import Layouts
import TestSupport
import Testing

/// An image of schema 2 that was made of one of schema 1, which lies beside it.
@Suite struct `An archive with a converted image` {
  private let scratch: ScratchDirectory
  private let layer: TestImage.Layer
  private let original: Schema1Manifest
  private let made: Schema1Conversion

  init() throws {
    scratch = try ScratchDirectory()
    layer = try TestImage.Layer("old")
    let digest = Digest(of: layer.bytes)
    original = try Schema1Manifest(
      bytes: Array(
        #"{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[{"blobSum":"\#(digest)"}],"history":[{"v1Compatibility":"{\"id\":\"x\",\"os\":\"linux\",\"architecture\":\"amd64\"}"}]}"#
          .utf8))
    let blob = Descriptor(mediaType: .dockerGzipLayer, digest: digest, size: Int64(layer.bytes.count))
    made = try Schema1Conversion(of: original, blobs: [blob], diffIDs: [digest: layer.diffID])
  }

  private func write(_ manifest: Manifest, config: [UInt8], beside file: [UInt8]?) throws -> Layout {
    let path = "\(scratch.path)/a.tar"
    try TestArchive.write(
      [try TestImage("old.example/a:b", manifest: manifest, blobs: [config, layer.bytes])], to: path,
      extraFiles: file.map { [(ConvertedImage.path(of: original.digest), $0)] } ?? [])
    return try Layout.open(path)
  }

  @Test func `tells what it was made of, where that is there`() throws {
    let layout = try write(made.manifest, config: made.config, beside: original.signed)
    #expect(layout.problems.isEmpty && layout.images.map(\.convertedFrom) == [original.digest])
  }

  @Test func `takes an image that was converted elsewhere for what it is`() throws {
    let layout = try write(made.manifest, config: made.config, beside: nil)
    #expect(layout.problems.isEmpty && layout.images.map(\.convertedFrom) == [nil])
  }

  @Test func `is damaged when the image is not what becomes of that`() throws {
    let config = Array(String(decoding: made.config, as: UTF8.self).replacing("amd64", with: "arm64").utf8)
    let text = String(decoding: made.manifest.bytes, as: UTF8.self)
      .replacing("\(Digest(of: made.config))", with: "\(Digest(of: config))")
    let forged = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    let layout = try write(forged, config: config, beside: original.signed)
    #expect(layout.problems == [.notAManifest(forged.digest, .malformed(.convertedOtherwise))])
  }

  @Test func `is damaged when what lies beside the image is something else`() throws {
    let layout = try write(made.manifest, config: made.config, beside: original.signed + [0x20])
    #expect(layout.problems == [.notAManifest(made.manifest.digest, .malformed(.convertedOtherwise))])
  }
}
