import Digests
import Images
import Layouts
import Registry
import Synchronization

/// Blobs that pass by once.
extension Import {
  /// Takes an archive that passes by to its end. `blobs`, those of its blobs that images need, are pushed as they
  /// come; what the destination has, and what no image needs, is read and proved all the same. Returns only when
  /// every blob was proved or, with `keepGoing`, has failed in `tally`, and the archive ended as it has to.
  func place(_ blobs: [PreparedImport.Blob], from stream: StreamedLayout, _ tally: Tally) throws {
    let wanted = Dictionary(blobs.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    let surplus = stream.blobs.filter { wanted[$0.digest] == nil }
    settings.observer.expect(bytes: surplus.map(\.size).saturatingSum())
    try expectSound(stream)
    while let due = stream.blob {
      let proof: Proof?
      do {
        proof = try take(due, wanted[due.digest], from: stream, tally)
      } catch {
        guard settings.keepGoing, !Task.isCancelled, !error.isOfTheStream else { throw error }
        tally.state.withLock { $0.failed[due.digest] = error }
        proof = nil
      }
      if let proof { try stream.complete(proof) } else { try stream.skip() }
      try expectSound(stream)
    }
  }

  /// What can be passed over when an archive is only read is too much here: nothing of it is to be trusted.
  private func expectSound(_ stream: StreamedLayout) throws {
    let problems = stream.problems
    guard problems.isEmpty else { throw LayoutError.brokenStream(path: stream.front.path, problems) }
  }

  /// Takes the blob that is due, pushed where it is needed, proved in any case.
  private func take(
    _ due: PlannedBlob, _ blob: PreparedImport.Blob?, from stream: StreamedLayout, _ tally: Tally
  ) throws -> Proof {
    let meter = TransferMeter(due.descriptor, observer: settings.observer)
    do {
      guard let blob else { return try prove(due, in: stream, progress: meter.advance) }
      let places = try whereabouts(of: blob)
      guard !places.lacking.isEmpty else {
        tally.state.withLock { $0.present += due.size }
        return try prove(due, in: stream, progress: meter.advance)
      }
      let source = StreamBlobSource(stream: stream, digest: due.digest, progress: meter.advance)
      let proof = try push(blob, to: places, from: source, tally: tally, nil)
      return try proof ?? prove(due, in: stream, progress: meter.advance)
    } catch LayoutError.passed(let digest, _) {
      throw TransferError.cannotRepeat(archive: stream.front.path, digest: digest, size: due.size)
    } catch let error as DigestError {
      throw TransferError.damagedBlob(archive: stream.front.path, digest: due.digest, error)
    }
  }

  /// Reads a blob of which nothing was read, and lets it go.
  private func prove(
    _ due: PlannedBlob, in stream: StreamedLayout, progress: (Int64) -> Void
  ) throws -> Proof {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var verifier = BlobVerifier(digest: due.digest, size: due.size)
    while verifier.received < due.size {
      try Task.checkCancellation()
      let count = try unsafe stream.read(due.digest, into: buffer, at: verifier.received)
      try verifier.update(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
      progress(verifier.received)
    }
    return try verifier.finish()
  }
}

extension Error {
  /// Whether nothing more can be had from the stream, so that no image may be trusted to be whole.
  fileprivate var isOfTheStream: Bool { self is LayoutError }
}
