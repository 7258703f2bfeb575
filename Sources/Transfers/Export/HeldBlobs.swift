import Archives
import Digests
import Layouts
import Synchronization

/// Where the blobs of archives that this run has finished lie: one that several archives hold is fetched
/// once and copied, with proof, from there.
final class HeldBlobs: Sendable {
  private struct Place {
    let archive: ArchiveInput
    let offset: Int64
  }

  private let places = Mutex<[Digest: Place]>([:])

  func add(_ archive: PreparedExport.Archive) {
    guard archive.onlyVolumes.isEmpty, let place = archive.place,
      let input = try? ArchiveInput(writtenTo: place)
    else { return }
    places.withLock { places in
      for blob in archive.plan.blobs {
        places[blob.digest] = Place(archive: input, offset: blob.offset)
      }
    }
  }

  /// Copies what `entry` lacks into it; false when the blob is not held or no longer what it was. Throws only what
  /// writing throws.
  func copy(into entry: inout BlobEntry) throws -> Bool {
    guard let place = places.withLock({ $0[entry.blob.digest] }), let file = try? place.archive.content()
    else { return false }
    while entry.position < entry.blob.size {
      try Task.checkCancellation()
      let count = Int(min(1 << 20, entry.blob.size - entry.position))
      guard let bytes = try? file.read(count, at: place.offset + entry.position), !bytes.isEmpty else {
        break
      }
      try unsafe entry.write(bytes.span.bytes)
    }
    if (try? entry.check()) != nil { return true }
    // What was copied may be the wrong part of it.
    entry.restart()
    return false
  }
}
