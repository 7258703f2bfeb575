import Digests
import Layouts
import Registry

/// A blob read where it lies in an archive, with its progress.
struct LayoutBlobSource: BlobSource {
  let layout: Layout
  let digest: Digest
  let progress: @Sendable (Int64) -> Void

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    let count = unsafe try layout.read(digest, into: buffer, at: offset)
    progress(offset + Int64(count))
    return count
  }
}
