import Archives
import Digests
public import Images
import Layouts

/// A layer that is compressed with gzip on its way.
public struct CompressedLayer: Sendable {
  /// As it lies in the archive.
  public let original: Descriptor
  /// What becomes of it.
  public let descriptor: Descriptor
  let layout: Layout

  private static let pieceSize = 256 << 10

  /// Compresses the layer once, to learn what it becomes, and proves what it is. Nothing is kept of it: it is
  /// compressed again when it is sent. Throws ``TransferError/damagedBlob(archive:digest:_:)``.
  init(_ original: Descriptor, in layout: Layout, progress: (Int64) -> Void) throws {
    let pass = try CompressionPass(of: original, in: layout)
    var hasher = ContentHasher()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
    defer { unsafe buffer.deallocate() }
    do {
      while case let count = try unsafe pass.next(into: buffer), count > 0 {
        hasher.update(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
        progress(pass.consumed)
      }
      try pass.check()
    } catch let error as DigestError {
      throw TransferError.damagedBlob(archive: layout.path, digest: original.digest, error)
    }
    self.original = original
    self.layout = layout
    descriptor = Descriptor(
      mediaType: original.mediaType.compressedLayer ?? original.mediaType, digest: hasher.digest(),
      size: pass.produced)
  }

  /// What manifests have to say of it.
  var replacement: DescriptorChanges.Replacement {
    DescriptorChanges.Replacement(digest: descriptor.digest, size: descriptor.size)
  }
}

/// One pass of compressing a layer, from its first byte on. Used by one thread at a time.
final class CompressionPass: @unchecked Sendable {
  private let layout: Layout
  private let compressor: GzipCompressor
  private var verifier: BlobVerifier
  /// How many compressed bytes there were so far.
  private(set) var produced: Int64 = 0

  init(of original: Descriptor, in layout: Layout) throws {
    self.layout = layout
    compressor = try GzipCompressor()
    verifier = BlobVerifier(digest: original.digest, size: original.size)
  }

  /// How many bytes of the layer were read.
  var consumed: Int64 { verifier.received }

  /// The next compressed bytes; 0 at the end.
  func next(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = unsafe try compressor.next(into: buffer) { input in
      try Task.checkCancellation()
      let count = unsafe try layout.read(verifier.digest, into: input, at: verifier.received)
      try verifier.update(unsafe UnsafeRawBufferPointer(rebasing: input[..<count]).bytes)
      return count
    }
    produced += Int64(count)
    return count
  }

  /// Throws ``DigestError`` unless the layer that was read is the one it should be.
  func check() throws(DigestError) { _ = try verifier.check() }
}
