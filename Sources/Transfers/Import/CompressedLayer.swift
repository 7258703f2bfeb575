import Tar
import Digests
public import Images
import Layouts
import Registry
import Synchronization

/// How much is compressed or skipped at once, in bytes.
private let pieceSize = 256 << 10

/// A layer that is compressed with gzip on its way.
public struct CompressedLayer: Sendable {
  /// As it lies in the archive.
  public let original: Descriptor
  /// What becomes of it.
  public let descriptor: Descriptor
  let layout: Layout

  private init(original: Descriptor, descriptor: Descriptor, layout: Layout) {
    self.original = original
    self.descriptor = descriptor
    self.layout = layout
  }

  /// Compresses the layer once, to learn what it becomes, and proves what it is. Nothing is kept of it: it is
  /// compressed again when it is sent. Throws ``TransferError/damagedBlob(archive:digest:_:)``. Blocks.
  static func measure(
    _ original: Descriptor, in layout: Layout, progress: (Int64) -> Void
  ) throws -> CompressedLayer {
    let pass = try CompressionPass(of: original, in: layout)
    var hasher = ContentHasher(original.digest.algorithm)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
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
    let descriptor = Descriptor(
      mediaType: original.mediaType.compressedLayer ?? original.mediaType, digest: hasher.digest(),
      size: pass.produced)
    return CompressedLayer(original: original, descriptor: descriptor, layout: layout)
  }

  /// What manifests have to say of it.
  var replacement: DescriptorChanges.Replacement {
    DescriptorChanges.Replacement(digest: descriptor.digest, size: descriptor.size)
  }
}

/// One pass of compressing a layer, from its first byte on. Used by one thread at a time.
private final class CompressionPass: @unchecked Sendable {
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

/// A layer compressed while it is sent, with its progress. Going back means compressing again from the start:
/// no copy is kept, in memory or on disk.
final class CompressedLayerSource: BlobSource {
  private let layer: CompressedLayer
  private let progress: @Sendable (Int64) -> Void
  private let pass = Mutex<CompressionPass?>(nil)

  init(_ layer: CompressedLayer, progress: @escaping @Sendable (Int64) -> Void) {
    self.layer = layer
    self.progress = progress
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    let count = try pass.withLock { current in
      var pass: CompressionPass
      if let earlier = current, earlier.produced <= offset {
        pass = earlier
      } else {
        pass = try CompressionPass(of: layer.original, in: layer.layout)
      }
      // A pass that broke off has lost what it had made of the bytes it read.
      current = nil
      var scratch = [UInt8](repeating: 0, count: offset > pass.produced ? pieceSize : 0)
      while pass.produced < offset {
        let wanted = min(scratch.count, Int(clamping: offset - pass.produced))
        let skipped = try unsafe scratch.withUnsafeMutableBytes { scratch in
          unsafe try pass.next(into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<wanted]))
        }
        guard skipped > 0 else { return 0 }
      }
      let count = unsafe try pass.next(into: buffer)
      current = pass
      return count
    }
    progress(offset + Int64(count))
    return count
  }
}
