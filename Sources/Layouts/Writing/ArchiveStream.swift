public import Digests
import Files
import Synchronization
import Tar

/// Writes a planned archive to a pipe, in order: the same bytes as ``ArchiveWriter``.
///
/// What was sent cannot be taken back: a blob of which a wrong byte left ends the archive.
public final class ArchiveStream: Sendable {
  public let plan: ArchivePlan
  private let output: OutputStream
  private let state = Mutex(State())

  private struct State {
    /// Into the plan's blobs: the one that is being sent, or next.
    var next = 0
    /// Whether an entry has it, or had it and did not finish it.
    var isOpen = false
    var isFinished = false
  }

  /// Sends all that stands before the first blob. `descriptor` stays the caller's; `name` is what errors call
  /// it.
  public static func open(
    plan: ArchivePlan, descriptor: Int32, name: String
  ) throws(LayoutError) -> ArchiveStream {
    let output = OutputStream(descriptor: descriptor, name: name)
    let front = plan.sections.prefix { !$0.isBlob }
    for section in front {
      try section.forEachKnownPiece { piece throws(LayoutError) in try send(piece, to: output) }
    }
    if let first = plan.sections.dropFirst(front.count).first { try sendHeader(of: first, to: output) }
    return ArchiveStream(plan, output)
  }

  private init(_ plan: ArchivePlan, _ output: OutputStream) {
    self.plan = plan
    self.output = output
  }

  /// The blob whose bytes are due; nil when all are sent.
  public var nextBlob: PlannedBlob? {
    state.withLock { plan.blobs.indices.contains($0.next) ? plan.blobs[$0.next] : nil }
  }

  /// The entry of the blob that is due; `progress` hears how far it is. Bytes that were sent before are passed over, so
  /// a transfer may start over. Throws ``LayoutError/notPlanned(_:)``, and ``LayoutError/outOfOrder(_:)`` for another
  /// blob, and for one that was begun before.
  public func begin(
    _ digest: Digest, progress: @escaping (Int64) -> Void = { _ in }
  ) throws(LayoutError) -> BlobEntry {
    guard let blob = plan.blob(digest) else { throw .notPlanned(digest) }
    let index = try state.withLock { state throws(LayoutError) in
      guard !state.isOpen, plan.blobs.indices.contains(state.next), plan.blobs[state.next].digest == digest
      else { throw .outOfOrder(digest) }
      state.isOpen = true
      return state.next
    }
    return BlobEntry(
      blob, in: Extent(stream: self, index: index),
      behind: BlobVerifier(digest: digest, size: blob.size), progress: progress)
  }

  /// The place of the blob that is due.
  private struct Extent: BlobExtentWriter {
    let stream: ArchiveStream
    /// Into the plan's blobs.
    let index: Int

    var isRewritable: Bool { false }
    var checkpointInterval: Int64? { nil }

    func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError) {
      do { try stream.output.write(bytes) } catch { throw LayoutError(error) }
    }

    func finish(after noted: Int64) throws(LayoutError) {
      let sections = stream.plan.sections
      let section = sections.count - stream.plan.blobs.count + index
      if let padding = sections[section].padding { try ArchiveStream.send(padding, to: stream.output) }
      if sections.indices.contains(section + 1) {
        try ArchiveStream.sendHeader(of: sections[section + 1], to: stream.output)
      }
      stream.state.withLock { state in
        state.next = index + 1
        state.isOpen = false
      }
    }

    func checkpoint(at position: Int64, content: Digest, after noted: Int64) {}
    func forget() {}
    /// The stream ends there.
    func suspend(at checkpoint: (position: Int64, content: Digest, after: Int64)?) {}
  }

  /// Sends the end marker. Throws ``LayoutError/incomplete(_:)`` when blobs are still due.
  public func finish() throws(LayoutError) {
    try state.withLock { (state) throws(LayoutError) in
      guard state.next == plan.blobs.count else {
        throw .incomplete(plan.blobs[state.next...].map(\.digest))
      }
      guard !state.isFinished else { throw .finished(path: output.name) }
      try Self.send(plan.endMarker, to: output)
      state.isFinished = true
    }
  }

  private static func sendHeader(of section: ArchiveSection, to output: OutputStream) throws(LayoutError) {
    try send(section.header(), to: output)
  }

  private static func send(_ piece: KnownPiece, to output: OutputStream) throws(LayoutError) {
    do throws(FileError) { try unsafe output.write(piece.bytes.span.bytes) } catch {
      throw LayoutError(error)
    }
  }
}
