import Archives
import Digests
import Dispatch
import Synchronization

/// Keeps the disk close behind the transfers, so that a power cut costs little: what they note is made durable
/// in a thread of its own while they go on, all that was noted before one sync began by that sync.
///
/// Beyond ``allowance`` for each running transfer, whoever notes more waits for the disk.
final class GroupCommit: Sendable {
  private struct State {
    /// Blobs of which a part was noted, and more is to come.
    var running: Set<Digest> = []
    /// Noted since the last sync began, in bytes.
    var waiting: Int64 = 0
    /// What the sync at work makes durable, in bytes; nil when none is.
    var syncing: Int64?
    /// Of the first sync that failed. The system tells of lost bytes once: no later sync would.
    var failure: ArchiveError?
    /// Whoever waits for a sync to end.
    var sleepers: [DispatchSemaphore] = []

    var unsettled: Int64 { waiting + (syncing ?? 0) }
    var mostUnsettled: Int64 { allowance * Int64(max(1, running.count)) }

    /// Whether a sync is to begin, which is so from `least` bytes on when none is at work.
    mutating func begin(from least: Int64) -> Bool {
      guard syncing == nil, failure == nil, waiting >= least else { return false }
      syncing = waiting
      waiting = 0
      return true
    }

    /// Ends a sync. Returns who waited for it.
    mutating func end(_ failure: ArchiveError?) -> [DispatchSemaphore] {
      self.failure = self.failure ?? failure
      syncing = nil
      defer { sleepers = [] }
      return sleepers
    }
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "ferry.journal")
  private let synchronize: @Sendable () throws(ArchiveError) -> Void

  /// How much of each running transfer may be noted and not yet be on the disk, in bytes.
  static let allowance: Int64 = 8 << 20
  /// How much is noted before it is worth a sync, in bytes.
  private static let worthwhile: Int64 = 4 << 20

  /// Data first: what the journal says is then there, or was lost with what said so.
  convenience init(_ files: ArchiveFiles, _ journal: ArchiveJournal) {
    self.init { () throws(ArchiveError) in
      try files.synchronizeWritten()
      try journal.synchronize()
    }
  }

  /// `synchronize` returns when all that was noted before it was called is on the disk.
  init(_ synchronize: @escaping @Sendable () throws(ArchiveError) -> Void) {
    self.synchronize = synchronize
  }

  /// Hears that `count` more bytes of a blob are noted; with them it `isWhole`, or more is to come. Waits while
  /// too much else is not yet on the disk, unless the task is cancelled. Throws what a sync threw.
  func noted(_ count: Int64, of blob: Digest, isWhole: Bool) throws(ArchiveError) {
    state.withLock { _ = $0.running.insert(blob) }
    while let sleeper = try sleeper(before: count) {
      while sleeper.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
        if Task.isCancelled { return leave(blob) }
      }
    }
    let isDue = state.withLock { state in
      state.waiting += count
      if isWhole { state.running.remove(blob) }
      return state.begin(from: Self.worthwhile)
    }
    if isDue { run() }
  }

  /// Hears that nothing more comes of a blob.
  func leave(_ blob: Digest) {
    state.withLock { _ = $0.running.remove(blob) }
  }

  /// Throws what a sync threw, whenever that was.
  func check() throws(ArchiveError) {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// What to wait for before `count` more bytes are noted; nil when there is room for them.
  private func sleeper(before count: Int64) throws(ArchiveError) -> DispatchSemaphore? {
    try check()
    let (sleeper, isDue) = state.withLock { state -> (DispatchSemaphore?, Bool) in
      guard state.unsettled > 0, state.unsettled + count > state.mostUnsettled else { return (nil, false) }
      let sleeper = DispatchSemaphore(value: 0)
      state.sleepers.append(sleeper)
      return (sleeper, state.begin(from: 1))
    }
    if isDue { run() }
    return sleeper
  }

  private func run() {
    queue.async { [self] in
      var failure: ArchiveError?
      do throws(ArchiveError) { try synchronize() } catch { failure = error }
      let (sleepers, isDue) = state.withLock { [failure] state in
        let sleepers = state.end(failure)
        return (sleepers, state.begin(from: sleepers.isEmpty ? Self.worthwhile : 1))
      }
      for sleeper in sleepers { sleeper.signal() }
      if isDue { run() }
    }
  }
}
