import Digests
import Images
import Layouts
import Registry

/// Takes an archive that is streamed to its end: its blobs are pushed as they come.
struct StreamPusher: Sendable {
  private let stream: StreamedLayout
  /// Those that images need.
  private let wanted: [Digest: ImportBlob]
  private let pusher: BlobPusher
  private let observer: any TransferObserver

  init(
    _ stream: StreamedLayout, _ blobs: [ImportBlob], through pusher: BlobPusher,
    observer: any TransferObserver
  ) {
    self.stream = stream
    wanted = Dictionary(blobs.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    self.pusher = pusher
    self.observer = observer
  }

  /// What the destination has, and what no image needs, is read and proved all the same. Returns only when every blob
  /// was proved or, with `keepGoing`, has failed, and the archive ended as it has to. Blocks.
  func push() throws {
    let surplus = stream.blobs.filter { wanted[$0.digest] == nil }
    observer.expect(bytes: surplus.map(\.size).saturatingSum())
    try expectSound()
    while let due = stream.blob {
      let proof: Proof?
      do {
        proof = try push(due)
      } catch {
        guard !error.isOfTheStream else { throw error }
        try pusher.replace(due.descriptor, wanted: wanted[due.digest], cameDamagedOutOf: stream, error)
        proof = nil
      }
      if let proof { try stream.complete(proof) } else { try stream.skip() }
      try expectSound()
    }
    if stream.isRearranged { observer.note(.repacked(path: stream.front.path)) }
  }

  /// What can be passed over when an archive is only read is too much here: nothing of it is to be trusted.
  private func expectSound() throws {
    let problems = stream.problems
    guard problems.isEmpty else { throw LayoutError.brokenStream(path: stream.front.path, problems) }
  }

  /// Takes the blob that is due, pushed where it is needed, proved in any case.
  private func push(_ due: PlannedBlob) throws -> Proof {
    let meter = TransferMeter(due.descriptor, observer: observer)
    do {
      guard let blob = wanted[due.digest] else { return try prove(due, progress: meter.advance) }
      let placement = try pusher.placement(of: blob)
      guard !placement.missing.isEmpty else {
        pusher.notePresent(due.size)
        return try prove(due, progress: meter.advance)
      }
      let source = StreamBlobSource(stream: stream, digest: due.digest, progress: meter.advance)
      let proof = try pusher.upload(blob, to: placement, from: source, nil)
      return try proof ?? prove(due, progress: meter.advance)
    } catch LayoutError.passed(let digest, _) {
      throw TransferError.cannotRepeat(archive: stream.front.path, digest: digest, size: due.size)
    } catch let error as DigestError {
      throw TransferError.damagedBlob(archive: stream.front.path, digest: due.digest, error)
    }
  }

  /// Reads a blob of which nothing was read, and lets it go.
  private func prove(_ due: PlannedBlob, progress: (Int64) -> Void) throws -> Proof {
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

/// A blob uploaded as it comes out of a stream, with its progress.
private struct StreamBlobSource: BlobSource {
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

extension Error {
  /// Whether nothing more can be had from the stream, so that no image may be trusted to be complete.
  fileprivate var isOfTheStream: Bool { self is LayoutError }
}
