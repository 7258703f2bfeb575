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
  /// it was: then nothing behind `start` is claimed. Throws only what writing throws.
  func copy(
    _ blob: PlannedBlob, after start: borrowing BlobVerifier, into writer: ArchiveWriter,
    progress: (Int64) -> Void
  ) throws -> Proof? {
    guard let place = places.withLock({ $0[blob.digest] }), let file = try? place.archive.content()
    else { return nil }
    var verifier = start.copy()
    if let proof = try copy(blob, from: file, at: place.offset, &verifier, into: writer, progress) {
      return proof
    }
    if verifier.received > start.received { try writer.goBack(to: start) }
    progress(start.received)
    return nil
  }

  /// Copies on behind what `verifier` has seen; nil when the file cannot be read or holds something else.
  private func copy(
    _ blob: PlannedBlob, from file: any RandomAccess, at offset: Int64, _ verifier: inout BlobVerifier,
    into writer: ArchiveWriter, _ progress: (Int64) -> Void
  ) throws -> Proof? {
    var noted = verifier.received
    while verifier.received < blob.size {
      try Task.checkCancellation()
      let count = Int(min(1 << 20, blob.size - verifier.received))
      let at = verifier.received
      guard let bytes = try? file.read(count, at: offset + at), !bytes.isEmpty else { return nil }
      try unsafe verifier.update(bytes.span.bytes)
      try unsafe writer.write(bytes.span.bytes, of: blob.digest, at: at)
      progress(verifier.received)
      if verifier.received - noted >= ArchiveWriter.noteInterval {
        noted = verifier.received
        try writer.note(verifier)
      }
    }
    return try? verifier.check()
  }
}
