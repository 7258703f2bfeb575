import Digests
import Files
import Synchronization
import Tar

/// The sha256 of each file of an archive, computed while the archive is written: its blobs arrive in any order, so
/// this hashes what is complete from the front on, soon after it was written and while the system still has it in
/// memory. What is left when the last blob is there is hashed then.
///
/// Bytes of a blob that is not proved yet may turn out wrong and come again: then it goes back to where that blob
/// begins.
final class RunningChecksum: Sendable {
  private struct Progress {
    var hasher = ContentHasher()
    var position: Int64 = 0
    /// Of the files that are done.
    var digests: [Digest] = []
  }

  private struct State {
    var progress = Progress()
    /// How it was at the beginning of the front blob, once that is passed.
    var beforeFront = Progress()
    /// The first blob without a proof, in the archive's order.
    var front = 0
    var proven: Set<Digest> = []
  }

  private let blobs: [PlannedBlob]
  private let totalSize: Int64
  /// Each file's size but for the last one's, in bytes.
  private let fileSize: Int64
  private let content: any RandomAccess
  private let state = Mutex(State())
  /// The front blob's bounds: what is written elsewhere need not wait for the lock.
  private let frontStart: Atomic<Int64>
  private let frontEnd: Atomic<Int64>

  /// How much a single write may catch up on, in bytes, lest one transfer wait while it hashes for all.
  private static let mostAtOnce: Int64 = 4 << 20

  /// `fileSize` is where the archive is cut into files; nil: it is one.
  init(_ plan: ArchivePlan, of content: any RandomAccess, fileSize: Int64? = nil) {
    blobs = plan.blobs.sorted { $0.offset < $1.offset }
    totalSize = plan.totalSize
    self.fileSize = max(1, fileSize ?? plan.totalSize)
    self.content = content
    let first = blobs.first
    frontStart = Atomic(first?.offset ?? totalSize)
    frontEnd = Atomic(first.map { $0.offset + $0.size } ?? totalSize)
  }

  /// Hears that bytes up to `end` are written, from `offset` on; in a blob each time further on, or from its
  /// beginning again.
  func wrote(from offset: Int64, to end: Int64) {
    guard offset >= frontStart.load(ordering: .relaxed), end <= frontEnd.load(ordering: .relaxed) else {
      return
    }
    state.withLock { state in
      guard state.front < blobs.count, offset >= blobs[state.front].offset else { return }
      if state.progress.position > offset { state.progress = state.beforeFront }
      // What cannot be read now is read in the end, and complained of there.
      try? advance(&state, to: min(end, state.progress.position + Self.mostAtOnce))
    }
  }

  /// Hears that a blob is whole: its bytes are final.
  func proved(_ digest: Digest) {
    state.withLock { state in
      state.proven.insert(digest)
      while state.front < blobs.count, state.proven.contains(blobs[state.front].digest) { state.front += 1 }
      let front = state.front < blobs.count ? blobs[state.front] : nil
      frontStart.store(front?.offset ?? totalSize, ordering: .relaxed)
      frontEnd.store(front.map { $0.offset + $0.size } ?? totalSize, ordering: .relaxed)
    }
  }

  /// The digests of the files, in order, when every blob is proved. Throws what reading throws.
  func finish() throws -> [Digest] {
    try state.withLock { state in
      try advance(&state, to: totalSize)
      return state.progress.digests
        + (state.progress.position % fileSize == 0 ? [] : [state.progress.hasher.digest()])
    }
  }

  /// Hashes on up to `end`, noting how it was where the front blob begins.
  private func advance(_ state: inout State, to end: Int64) throws {
    let start = state.front < blobs.count ? blobs[state.front].offset : totalSize
    if state.progress.position <= start {
      try hash(&state.progress, to: min(start, end))
      if state.progress.position == start { state.beforeFront = state.progress }
    }
    try hash(&state.progress, to: end)
  }

  private func hash(_ progress: inout Progress, to end: Int64) throws {
    guard progress.position < end else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    defer { unsafe buffer.deallocate() }
    while progress.position < end {
      try Task.checkCancellation()
      let cut = (progress.position / fileSize + 1) * fileSize
      let wanted = Int(min(Int64(buffer.count), min(end, cut) - progress.position))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
      guard try unsafe content.read(into: part, at: progress.position) == wanted else {
        throw FileError.shrunk(path: content.path)
      }
      unsafe progress.hasher.update(UnsafeRawBufferPointer(part).bytes)
      progress.position += Int64(wanted)
      if progress.position == cut {
        progress.digests.append(progress.hasher.digest())
        progress.hasher = ContentHasher()
      }
    }
  }
}
