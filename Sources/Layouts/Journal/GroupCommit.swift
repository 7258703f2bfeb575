import Digests
import Dispatch
import Files
import Synchronization
import Tar

/// Keeps the disk close behind the transfers, so that a power cut costs little: what they note is made durable
/// in a thread of its own while they run, all that was noted before one sync began by that sync.
///
/// Beyond ``allowance`` for each running transfer, whoever notes more waits for the disk.
final class GroupCommit: Sendable {
  /// What is noted and what is on the disk, as a value.
  struct State {
    /// Blobs of which a part was noted, and more is to come.
    private(set) var running: Set<Digest> = []
    /// Noted since the last sync began, in bytes.
    private(set) var waiting: Int64 = 0
    /// What the sync at work makes durable, in bytes; nil when none is.
    private(set) var syncing: Int64?
    /// Of the first sync that failed. The system tells of lost bytes once: no later sync would.
    private(set) var failure: FileError?
    /// Whoever waits for a sync to end.
    private(set) var sleepers: [DispatchSemaphore] = []

    /// What becomes of a note.
    enum Answer {
      /// It is taken; with `isDue` a sync is to begin.
      case taken(isDue: Bool)
      /// There is no room for it before a sync has ended.
      case wait(DispatchSemaphore, isDue: Bool)
      case failed(FileError)
    }

    mutating func note(_ count: Int64, of blob: Digest, isWhole: Bool) -> Answer {
      if let failure { return .failed(failure) }
      if isWhole { running.remove(blob) } else { running.insert(blob) }
      let unsettled = waiting + (syncing ?? 0)
      if unsettled > 0, unsettled + count > allowance * Int64(max(1, running.count)) {
        // When none is at work one begins: what waits is signalled at its end.
        let isDue = begin(from: 1)
        return .wait(sleeper(), isDue: isDue)
      }
      waiting += count
      return .taken(isDue: begin(from: worthwhile))
    }

    mutating func leave(_ blob: Digest, after count: Int64) {
      running.remove(blob)
      waiting += count
    }

    /// The first failure stays.
    mutating func fail(_ error: FileError) { failure = failure ?? error }

    /// Signalled when the sync at work ends.
    mutating func sleeper() -> DispatchSemaphore {
      let sleeper = DispatchSemaphore(value: 0)
      sleepers.append(sleeper)
      return sleeper
    }

    /// Whether a sync is to begin, which is so from `least` bytes on when none is at work.
    private mutating func begin(from least: Int64) -> Bool {
      guard syncing == nil, failure == nil, waiting >= least else { return false }
      syncing = waiting
      waiting = 0
      return true
    }

    /// Ends a sync. Returns who waited for it, and whether the next is to begin.
    mutating func end(_ failure: FileError?) -> (sleepers: [DispatchSemaphore], isDue: Bool) {
      if let failure { fail(failure) }
      syncing = nil
      defer { sleepers = [] }
      return (sleepers, begin(from: sleepers.isEmpty ? worthwhile : 1))
    }
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "ferry.journal")
  private let synchronize: @Sendable () throws(FileError) -> Void

  /// How much of each running transfer may be noted and not yet be on the disk, in bytes.
  static let allowance: Int64 = 8 << 20
  /// How much is noted before it is worth a sync, in bytes.
  private static let worthwhile: Int64 = 4 << 20

  /// Data first: what was noted before is then there. A line that got ahead is found out by its hash.
  convenience init(_ files: ArchiveFiles, _ journal: ArchiveJournal) {
    self.init { () throws(FileError) in
      try files.synchronizeWritten()
      try journal.synchronize()
    }
  }

  /// `synchronize` returns when all that was noted before it was called is on the disk.
  init(_ synchronize: @escaping @Sendable () throws(FileError) -> Void) {
    self.synchronize = synchronize
  }

  /// Hears that `count` more bytes of a blob are noted; with them it `isWhole`, or more is to come. Waits while
  /// too much else is not yet on the disk, unless the task is cancelled. Throws what a sync threw.
  func noted(_ count: Int64, of blob: Digest, isWhole: Bool) throws(FileError) {
    while true {
      switch state.withLock({ $0.note(count, of: blob, isWhole: isWhole) }) {
      case .failed(let error): throw error
      case .taken(let isDue):
        if isDue { run() }
        return
      case .wait(let sleeper, let isDue):
        if isDue { run() }
        while sleeper.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
          if Task.isCancelled { return left(blob, after: count) }
        }
      }
    }
  }

  /// Hears that nothing more comes of a blob, and that `count` bytes of it were noted last.
  func left(_ blob: Digest, after count: Int64 = 0) {
    state.withLock { $0.leave(blob, after: count) }
  }

  /// Returns when no sync is at work, and none needed for what was noted before. Throws what one threw, whenever
  /// that was.
  func drain() throws(FileError) {
    while let sleeper = state.withLock({ $0.syncing == nil ? nil : $0.sleeper() }) { sleeper.wait() }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Hears that a sync by somebody else failed.
  func failed(_ error: FileError) {
    state.withLock { $0.fail(error) }
  }

  private func run() {
    queue.async { [self] in
      var failure: FileError?
      do throws(FileError) { try synchronize() } catch { failure = error }
      let (sleepers, isDue) = state.withLock { [failure] in $0.end(failure) }
      if isDue { run() }
      for sleeper in sleepers { sleeper.signal() }
    }
  }
}
