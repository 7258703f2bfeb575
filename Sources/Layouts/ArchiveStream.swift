import Archives
public import Digests
import Synchronization

/// Writes a planned archive to a pipe, in order: the same bytes as ``ArchiveWriter``, for `-o -`.
///
/// What was sent cannot be taken back, so the stream hashes what it sends: a blob of which a wrong byte left
/// ends the archive.
public final class ArchiveStream: Sendable {
  public let plan: ArchivePlan
  private let output: OutputStream
  private let state: Mutex<State>

  private struct State: ~Copyable {
    /// Into the plan's blobs: the one that is being sent, or next.
    var next = 0
    var verifier: BlobVerifier
    var isFinished = false
  }

  /// Sends all that stands before the first blob. `descriptor` stays the caller's; `name` is what errors call
  /// it.
  public init(plan: ArchivePlan, descriptor: Int32, name: String = "-") throws(LayoutError) {
    self.plan = plan
    output = OutputStream(descriptor: descriptor, name: name)
    state = Mutex(State(verifier: Self.verifier(plan, 0)))
    let front = plan.sections.prefix { $0.content != nil }
    for section in front {
      for piece in try LayoutError.wrapping(section.knownPieces) { try Self.send(piece, to: output) }
    }
    if let first = plan.sections.dropFirst(front.count).first { try Self.sendHeader(of: first, to: output) }
  }

  /// The blob whose bytes are due; nil when all are sent.
  public var nextBlob: PlannedBlob? {
    state.withLock { plan.blobs.indices.contains($0.next) ? plan.blobs[$0.next] : nil }
  }

  /// Sends bytes of the blob that is due. Bytes that were sent before are passed over, so a transfer may start
  /// again. Throws ``LayoutError/outOfOrder(_:)`` for another blob or a gap.
  public func write(_ bytes: RawSpan, of digest: Digest, at offset: Int64) throws(LayoutError) {
    try withState { (state) throws(LayoutError) in
      guard plan.blobs.indices.contains(state.next), plan.blobs[state.next].digest == digest else {
        throw plan.extent(of: digest) == nil ? .notPlanned(digest) : .outOfOrder(digest)
      }
      let size = plan.blobs[state.next].size
      guard (0...size).contains(offset), Int64(bytes.byteCount) <= size - offset else {
        throw .outOfBounds(digest, offset: offset, count: bytes.byteCount, size: size)
      }
      guard offset <= state.verifier.received else { throw .outOfOrder(digest) }
      let sent = min(Int(state.verifier.received - offset), bytes.byteCount)
      let fresh = bytes.extracting(droppingFirst: sent)
      do throws(DigestError) { try state.verifier.update(fresh) } catch { throw .wrongContent(digest, error) }
      do throws(ArchiveError) { try output.write(fresh) } catch { throw LayoutError(error) }
    }
  }

  /// Ends the blob that is due. Throws ``LayoutError/wrongContent(_:_:)`` when what was sent is not it.
  public func complete(_ proof: Proof) throws(LayoutError) {
    try withState { (state) throws(LayoutError) in
      guard plan.blobs.indices.contains(state.next), plan.blobs[state.next].digest == proof.digest else {
        throw plan.extent(of: proof.digest) == nil ? .notPlanned(proof.digest) : .outOfOrder(proof.digest)
      }
      do throws(DigestError) { _ = try state.verifier.check() } catch {
        throw .wrongContent(proof.digest, error)
      }
      let index = plan.sections.count - plan.blobs.count + state.next
      let padding = try LayoutError.wrapping(plan.sections[index].knownPieces).filter { $0.part == .padding }
      for piece in padding { try Self.send(piece, to: output) }
      if plan.sections.indices.contains(index + 1) {
        try Self.sendHeader(of: plan.sections[index + 1], to: output)
      }
      state.next += 1
      state.verifier = Self.verifier(plan, state.next)
    }
  }

  /// Sends the end marker. Throws ``LayoutError/incomplete(_:)`` when blobs are still due.
  public func finish() throws(LayoutError) {
    try withState { (state) throws(LayoutError) in
      guard state.next == plan.blobs.count else {
        throw .incomplete(plan.blobs[state.next...].map(\.digest))
      }
      guard !state.isFinished else { throw .finished(path: output.name) }
      try Self.send(plan.endMarker, to: output)
      state.isFinished = true
    }
  }

  private func withState(_ body: (inout State) throws(LayoutError) -> Void) throws(LayoutError) {
    try state.withLock { (state) throws(LayoutError) in try body(&state) }
  }

  private static func verifier(_ plan: ArchivePlan, _ index: Int) -> BlobVerifier {
    guard plan.blobs.indices.contains(index) else { return BlobVerifier(digest: plan.archiveDigest, size: 0) }
    return BlobVerifier(digest: plan.blobs[index].digest, size: plan.blobs[index].size)
  }

  private static func sendHeader(of section: ArchiveSection, to output: OutputStream) throws(LayoutError) {
    for piece in try LayoutError.wrapping(section.knownPieces) where piece.part == .header {
      try send(piece, to: output)
    }
  }

  private static func send(_ piece: KnownPiece, to output: OutputStream) throws(LayoutError) {
    do throws(ArchiveError) { try unsafe output.write(piece.bytes.span.bytes) } catch {
      throw LayoutError(error)
    }
  }
}
