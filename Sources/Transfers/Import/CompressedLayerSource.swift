import Digests
import Images
import Layouts
import Registry
import Synchronization

/// A layer compressed while it is sent, with its progress. Going back means compressing again from the start:
/// no copy is kept, in memory or on disk.
final class CompressedLayerSource: BlobSource {
  private let layer: CompressedLayer
  private let progress: @Sendable (Int64) -> Void
  private let pass = Mutex<CompressionPass?>(nil)

  private static let pieceSize = 256 << 10

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
      var scratch = [UInt8](repeating: 0, count: offset > pass.produced ? Self.pieceSize : 0)
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
