import Digests
import Layouts
import Registry

/// A blob uploaded as it comes out of an archive that passes by, with its progress.
struct StreamBlobSource: BlobSource {
  let stream: StreamedLayout
  let digest: Digest
  let progress: @Sendable (Int64) -> Void

  var reach: Int64? { StreamedLayout.reach }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
    let count = unsafe try stream.read(digest, into: buffer, at: offset)
    progress(offset + Int64(count))
    return count
  }
}
