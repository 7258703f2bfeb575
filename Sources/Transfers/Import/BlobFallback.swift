import Digests
import Images
import Layouts
import Synchronization

/// Where else a blob is had that is damaged where it was read, or has not come out of a stream.
final class BlobFallback: Sendable {
  /// What becomes of such a blob.
  enum Next {
    /// It is to be read from there, in place.
    case elsewhere(Layout)
    /// It came right out of an earlier stream, or a later one will bring it.
    case seenTo
    case nowhere
  }

  private let archives: ImportedArchives
  private let observer: any TransferObserver
  /// Of blobs that are damaged in one archive, the one that they are read from instead.
  private let moved = Mutex<[Digest: Layout]>([:])
  /// By the stream, blobs that are damaged in every archive before it.
  private let handedOn = Mutex<[ObjectIdentifier: [Digest: ImportBlob]]>([:])
  /// Blobs that came right out of a stream, with its archive.
  private let proved = Mutex<[Digest: Layout]>([:])

  init(among archives: ImportedArchives, observer: any TransferObserver) {
    self.archives = archives
    self.observer = observer
  }

  /// Whether there are archives that may have what another lacks.
  var hasOthers: Bool { archives.layouts.count > 1 }

  /// Where a blob is read from instead of its archive; nil where it is read there.
  func place(of digest: Digest) -> Layout? { moved.withLock { $0[digest] } }

  /// Notes that a blob was read from `layout`, and is to be from now on.
  func move(_ digest: Digest, to layout: Layout) { moved.withLock { $0[digest] = layout } }

  /// Notes that a blob came right out of a stream, for those to come that have it too.
  func cameRight(_ digest: Digest, outOf stream: StreamedLayout) {
    guard hasOthers else { return }
    proved.withLock { $0[digest] = $0[digest] ?? stream.front }
  }

  /// What is left to `stream` of other archives' blobs.
  func left(to stream: StreamedLayout) -> [Digest: ImportBlob] {
    handedOn.withLock { $0[ObjectIdentifier(stream.front)] } ?? [:]
  }

  /// Leaves a blob that is damaged wherever it was read to a stream that has it and has not come yet, of those behind `passed`.
  /// `isTold`: with a note.
  func handOn(
    _ blob: ImportBlob, behind passed: StreamedLayout? = nil, isTold: Bool = true, _ error: any Error
  ) -> Bool {
    guard error.isOfOneCopy, let stream = stream(with: blob.descriptor, behind: passed) else { return false }
    let digest = blob.descriptor.digest
    if isTold { note(digest, error, takenFrom: stream.front) }
    var blob = blob
    blob.layout = stream.front
    handedOn.withLock { $0[ObjectIdentifier(stream.front), default: [:]][digest] = blob }
    return true
  }

  /// What becomes of a blob that did not come right out of `stream`; `wanted` is what images need of it from there, nil where they
  /// do not. `isTold`: with a note.
  func next(
    for descriptor: Descriptor, wanted: ImportBlob?, notOutOf stream: StreamedLayout, isTold: Bool = true,
    _ error: any Error
  ) -> Next {
    let digest = descriptor.digest
    guard error.isOfOneCopy else { return .nowhere }
    // What was left to this stream is damaged in whatever can be read in place.
    let isLast = left(to: stream)[digest] != nil
    if !isLast, let other = archives.copy(of: descriptor, besides: [stream.front]) {
      if isTold { note(digest, error, takenFrom: other) }
      return .elsewhere(other)
    }
    if let wanted { return handOn(wanted, behind: stream, isTold: isTold, error) ? .seenTo : .nowhere }
    // One that is still to come is proved then.
    guard
      let other = proved.withLock({ $0[digest] }) ?? self.stream(with: descriptor, behind: stream)?.front
    else { return .nowhere }
    if isTold { note(digest, error, takenFrom: other) }
    return .seenTo
  }

  /// Those of `blobs`, which were to come out of `stream`, that have not, and that nothing else was done about.
  func outstanding(_ blobs: [ImportBlob], of stream: StreamedLayout) -> [ImportBlob] {
    let behind = archives.streams.drop { $0 !== stream }.dropFirst()
    let later = behind.reduce(into: Set<Digest>()) { $0.formUnion(left(to: $1).keys) }
    let came = proved.withLock { Set($0.keys) }.union(moved.withLock { Set($0.keys) })
    return blobs.filter { blob in
      !came.contains(blob.descriptor.digest) && !later.contains(blob.descriptor.digest)
    }
  }

  /// Those of the blobs of `stream` that no other archive has.
  func only(in stream: StreamedLayout) -> [PlannedBlob] {
    stream.blobs.filter { blob in
      !archives.layouts.contains { $0 !== stream.front && $0.holds(blob.descriptor) }
    }
  }

  /// The next stream that has `blob` and has not come yet, of those behind `passed`.
  private func stream(with blob: Descriptor, behind passed: StreamedLayout?) -> StreamedLayout? {
    let streams = archives.streams
    let next = passed.flatMap { passed in streams.firstIndex { $0 === passed } }.map { $0 + 1 } ?? 0
    return streams[next...].first { $0.front.holds(blob) }
  }

  private func note(_ blob: Digest, _ error: any Error, takenFrom layout: Layout) {
    observer.note(.blobElsewhere(blob: blob, error: error, taken: layout.path))
  }
}
