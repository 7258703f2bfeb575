import Digests
import Foundation
import Images
import Layouts
import TestSupport
import Testing

@testable import Transfers

@Suite(.waiting) struct `A layer that is compressed on its way` {
  private let layer: CompressedLayer
  private let content: [UInt8]

  init() throws {
    let directory = TemporaryDirectory()
    content = try DockerSave.layer("a", size: 400_000)
    try DockerSave([.init(["a.example/b:1"], layers: [content])]).write(to: directory.file("a.tar"))
    let layout = try Layout.open(directory.file("a.tar"))
    let original = try #require(try layout.tree(of: layout.images[0]).blobs.last)
    layer = try CompressedLayer.measure(original, in: layout) { _ in }
  }

  /// Up to `count` bytes from `offset` on, as an upload asks for them.
  private func read(_ count: Int, at offset: Int, from source: CompressedLayerSource) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: count)
    while bytes.count < count {
      let read = try buffer.withUnsafeMutableBytes { buffer in
        try source.read(
          into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count - bytes.count)]),
          at: Int64(offset + bytes.count))
      }
      guard read > 0 else { break }
      bytes += buffer[..<read]
    }
    return bytes
  }

  @Test func `is what was promised, and unpacks to the layer`() throws {
    let bytes = try read(1 << 20, at: 0, from: CompressedLayerSource(layer) { _ in })
    #expect(Digest(of: bytes) == layer.descriptor.digest && Int64(bytes.count) == layer.descriptor.size)
    var gzip = Command("gzip", ["-dc"])
    gzip.input = bytes
    #expect(try gzip.run().output == content)
    #expect(layer.descriptor.mediaType == .ociGzipLayer && layer.original.mediaType == .ociLayer)
  }

  @Test func `can be read from any place, back and forth`() throws {
    let source = CompressedLayerSource(layer) { _ in }
    let whole = try read(1 << 20, at: 0, from: source)
    var random = SeededGenerator(seed: 11)
    for _ in 0..<40 {
      let offset = Int.random(in: 0...whole.count, using: &random)
      let count = Int.random(in: 1...90_000, using: &random)
      #expect(try read(count, at: offset, from: source) == Array(whole[offset...].prefix(count)))
    }
  }
}
