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

  /// Copies what `start` has not seen of `blob` into `writer`, or returns nil when it is not held or no longer what
  /// it was. Throws only what writing throws.
  func copy(
    _ blob: PlannedBlob, after start: borrowing BlobVerifier, into writer: ArchiveWriter,
    progress: (Int64) -> Void
  ) throws -> Proof? {
    let (digest, size) = (blob.digest, blob.size)
    guard let place = places.withLock({ $0[digest] }), let file = try? place.archive.content()
    else { return nil }
    var verifier = start.copy()
    var noted = verifier.received
    while verifier.received < size {
      try Task.checkCancellation()
      let count = Int(min(1 << 20, size - verifier.received))
      let at = verifier.received
      guard let bytes = try? file.read(count, at: place.offset + at), !bytes.isEmpty else { return nil }
      try unsafe verifier.update(bytes.span.bytes)
      try unsafe writer.write(bytes.span.bytes, of: digest, at: at)
      progress(verifier.received)
      if verifier.received - noted >= ArchiveWriter.noteInterval {
        noted = verifier.received
        try writer.note(verifier)
      }
    }
    return try? verifier.finish()
  }
}
