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
  /// Whether what is wrong with it stops no other archive.
  private let keepGoing: Bool

  init(
    _ stream: StreamedLayout, _ blobs: [ImportBlob], through pusher: BlobPusher, _ settings: TransferSettings
  ) {
    self.stream = stream
    wanted = Dictionary(blobs.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    self.pusher = pusher
    observer = settings.observer
    keepGoing = settings.keepGoing
  }

  /// What the destination has, and what no image needs, is read and proved all the same. Returns only when every blob
  /// was proved or, with `keepGoing`, has failed, and the archive ended as it has to, or there are others. Blocks.
  func push() throws {
    do { try pushAll() } catch  where pusher.fallback.hasOthers && error.isOfOneArchive {
      guard keepGoing, !Task.isCancelled else { throw OneArchiveFault(error: error) }
      try makeUp(for: error)
    }
  }

  /// Sees to what images need and has not come when the archive broke off for `error`. Where it did more than end too early nothing
  /// of it is trusted but what other archives have too.
  private func makeUp(for error: any Error) throws {
    let layout = stream.front
    var (error, isCut) = (error, false)
    if case LayoutError.brokenStream(_, let problems) = error {
      isCut = problems.allSatisfy(\.isAbsence)
      error = TransferError.damaged(
        archive: layout.path, try ArchiveDamage(of: layout).findings(adding: problems), way: nil)
    }
    if !isCut {
      pusher.noteBroken(ImageFailure(image: layout.path, error: error))
      for blob in pusher.fallback.only(in: stream) { try pusher.noteFailure(of: blob.digest, error) }
    }
    var found = 0
    for blob in pusher.fallback.outstanding(Array(wanted.values), of: stream) {
      try Task.checkCancellation()
      let (digest, descriptor) = (blob.descriptor.digest, blob.descriptor)
      guard !pusher.hasFailed(digest) else { continue }
      switch pusher.fallback.next(
        for: descriptor, wanted: blob, notOutOf: stream, isTold: false, LayoutError.missing(digest))
      {
      case .elsewhere(let other):
        try pusher.push(blob, from: other, insteadOf: stream)
        found += 1
      case .seenTo: found += 1
      case .nowhere:
        let missing = TransferError.imageNotWhole(
          archive: layout.path, problems: [.missing(descriptor)], volumes: [])
        try pusher.noteFailure(of: digest, isCut ? missing : error)
      }
    }
    if found > 0 { observer.note(.restElsewhere(archive: layout.path, blobs: found)) }
  }

  private func pushAll() throws {
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
      if let proof {
        try stream.complete(proof)
        pusher.fallback.cameRight(due.digest, outOf: stream)
      } else {
        try stream.skip()
      }
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
