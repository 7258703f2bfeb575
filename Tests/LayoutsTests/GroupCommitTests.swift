import Digests
import Files
import Foundation
import Synchronization
import Tar
import TestSupport
import Testing
@testable import Layouts

/// A disk that syncs when it is told to, one after the other.
private final class SlowDisk: Sendable {
  private let ended = Mutex(0)
  /// Each sync takes one, and waits for it.
  private let permits = DispatchSemaphore(value: 0)
  /// Gets one for each sync that begins.
  private let beginnings = DispatchSemaphore(value: 0)
  let failure: FileError?

  init(failure: FileError? = nil) { self.failure = failure }

  /// How many have ended.
  var syncs: Int { ended.withLock { $0 } }

  func permit(_ count: Int = 1) { for _ in 0..<count { permits.signal() } }
  func waitForBeginning() -> Bool { beginnings.wait(timeout: .now() + 120) == .success }

  func synchronize() throws(FileError) {
    beginnings.signal()
    permits.wait()
    ended.withLock { $0 += 1 }
    if let failure { throw failure }
  }
}

@Suite(.waiting) struct `Notes on their way to the disk` {
  private static let mebibyte: Int64 = 1 << 20
  private let blobs = (0..<8).map { Digest(of: [UInt8($0)]) }

  /// Runs `body` on a thread of its own; the gate opens when it is done.
  private func apart(_ body: @escaping @Sendable () -> Void) -> Gate {
    let done = Gate()
    Thread.detachNewThread {
      body()
      done.open()
    }
    return done
  }

  @Test func `wait for the disk when a transfer is too far ahead of it, and not before`() throws {
    let disk = SlowDisk()
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    try commit.noted(7 * Self.mebibyte, of: blobs[0], isWhole: false)
    #expect(disk.waitForBeginning())
    let blob = blobs[0]
    let done = apart { try? commit.noted(7 << 20, of: blob, isWhole: false) }
    #expect(!done.wait(seconds: 0.2))
    disk.permit()
    #expect(done.wait(seconds: 120))
    disk.permit()
  }

  @Test func `of several transfers go to the disk together`() throws {
    let disk = SlowDisk()
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    for blob in blobs.prefix(4) { try commit.noted(7 * Self.mebibyte, of: blob, isWhole: false) }
    #expect(disk.waitForBeginning())
    disk.permit()
    // All that was noted during the first sync is the second one's: so much more has to wait for that alone.
    #expect(disk.waitForBeginning())
    disk.permit()
    try commit.noted(64 * Self.mebibyte, of: blobs[4], isWhole: true)
    #expect(disk.syncs == 2)
    disk.permit()
  }

  @Test func `of small blobs wait too, once they sum up`() throws {
    let disk = SlowDisk()
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    for blob in blobs { try commit.noted(Self.mebibyte, of: blob, isWhole: true) }
    #expect(disk.waitForBeginning())
    let blob = blobs[0]
    let done = apart { try? commit.noted(1 << 20, of: blob, isWhole: true) }
    #expect(!done.wait(seconds: 0.2))
    disk.permit(2)
    #expect(done.wait(seconds: 120))
    disk.permit(8)
  }

  @Test func `are told what the disk did not take, once and for all`() throws {
    let error = FileError.file(.synchronize, path: "a.tar.partial", code: EIO)
    let disk = SlowDisk(failure: error)
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    disk.permit()
    try commit.noted(7 * Self.mebibyte, of: blobs[0], isWhole: false)
    #expect(throws: error) { try commit.noted(7 << 20, of: blobs[0], isWhole: false) }
    #expect(throws: error) { try commit.noted(1, of: blobs[1], isWhole: true) }
    #expect(throws: error) { try commit.drain() }
    #expect(disk.syncs == 1)
  }

  @Test func `are all on the disk once that is waited for`() throws {
    let disk = SlowDisk()
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    try commit.noted(7 * Self.mebibyte, of: blobs[0], isWhole: false)
    #expect(disk.waitForBeginning())
    try commit.noted(Self.mebibyte, of: blobs[1], isWhole: true)
    let done = apart { try? commit.drain() }
    #expect(!done.wait(seconds: 0.2))
    disk.permit()
    // What was noted while that one was at work.
    #expect(disk.waitForBeginning())
    #expect(!done.wait(seconds: 0.2))
    disk.permit()
    #expect(done.wait(seconds: 120))
    #expect(disk.syncs == 2)
  }

  @Test(arguments: 0..<20) func `of many transfers are never too far ahead of the disk`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var state = GroupCommit.State()
    var (settled, taken, syncing) = (Int64(0), Int64(0), Int64?.none)
    for _ in 0..<2000 {
      if let end = syncing, Int.random(in: 0..<3, using: &random) == 0 {
        settled = end
        syncing = state.end(nil).isDue ? taken : nil
      }
      let blob = try #require(blobs.randomElement(using: &random))
      let count = Int64.random(in: 1...8 * Self.mebibyte, using: &random)
      switch state.note(count, of: blob, isWhole: Bool.random(using: &random)) {
      case .failed: Issue.record("nothing failed")
      case .taken(let isDue):
        taken += count
        let transfers = Int64(max(1, state.running.count))
        #expect(taken - settled <= max(count, transfers * GroupCommit.allowance))
        if isDue { syncing = taken }
      case .wait(_, let isDue):
        if isDue { syncing = taken }
        // Whoever waits is woken.
        #expect(syncing != nil)
      }
    }
    #expect(settled > 0)
  }

  @Test func `are not waited for by a cancelled task`() async throws {
    let disk = SlowDisk()
    let commit = GroupCommit { () throws(FileError) in try disk.synchronize() }
    let blob = blobs[0]
    try commit.noted(7 * Self.mebibyte, of: blob, isWhole: false)
    let (begun, done) = (Gate(), Gate())
    // Other tests may hold all of the pool's threads for long: only once it runs does its time count.
    let task = Task.detached {
      begun.open()
      try? commit.noted(7 << 20, of: blob, isWhole: false)
      done.open()
    }
    task.cancel()
    Thread.detachNewThread {
      begun.wait(seconds: 86_400)
      if !done.wait() { disk.permit(8) }
    }
    await task.value
    #expect(disk.syncs == 0)
    disk.permit(8)
  }
}
