import Digests
import Files
import Foundation
import Images
import Synchronization
import TestSupport
import Testing
@testable import Layouts

/// The checksum that an archive's writer computes on the way, held against what is in the file in the end.
@Suite struct `A running checksum` {
  let scratch: ScratchDirectory
  let images: [TestImage]
  let plan: ArchivePlan

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
    plan = try ArchivePlan(images)
  }

  /// The archive's file, as it is written.
  private final class GrowingFile: RandomAccess {
    let path = "a.tar"
    private let bytes: Mutex<[UInt8]>

    init(_ plan: ArchivePlan) throws {
      var all = [UInt8](repeating: 0, count: Int(plan.totalSize))
      try plan.forEachKnownPiece { piece in
        all.replaceSubrange(Int(piece.offset)..<Int(piece.offset) + piece.bytes.count, with: piece.bytes)
      }
      bytes = Mutex(all)
    }

    private var now: [UInt8] { bytes.withLock { $0 } }

    var digest: Digest { Digest(of: now) }

    func write(_ piece: [UInt8], at offset: Int) {
      bytes.withLock { $0.replaceSubrange(offset..<offset + piece.count, with: piece) }
    }

    func size() -> Int64 { Int64(now.count) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
      let piece = now[Int(offset)...].prefix(buffer.count)
      buffer.copyBytes(from: piece)
      return piece.count
    }
  }

  /// A blob being written, piece by piece.
  private struct Lane {
    let bytes: [UInt8]
    var done = 0
    var digest: Digest { Digest(of: bytes) }
  }

  /// Blobs in any order, in lanes that take turns, in pieces of any size; some begin again from zero, some only
  /// after all their bytes, which then were wrong ones.
  @Test(arguments: 0..<40) func `is that of the file, in whatever order the blobs came`(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let file = try GrowingFile(plan)
    let checksum = RunningChecksum(plan, of: file)
    var waiting = Set(images.flatMap(\.blobs)).sorted { $0.count < $1.count }.shuffled(using: &generator)
    var lanes: [Lane] = []
    while !waiting.isEmpty || !lanes.isEmpty {
      if lanes.count < 3, let next = waiting.popLast() { lanes.append(Lane(bytes: next)) }
      let index = Int.random(in: lanes.indices, using: &generator)
      var lane = lanes[index]
      if Int.random(in: 0..<8, using: &generator) == 0 { lane.done = 0 }
      let count = min(lane.bytes.count - lane.done, Int.random(in: 0...400, using: &generator))
      // Until its last piece is there, a line may have brought anything.
      let isWrong = Int.random(in: 0..<8, using: &generator) == 0
      var piece = Array(lane.bytes[lane.done..<lane.done + count])
      if isWrong, !piece.isEmpty { piece[0] ^= 1 }
      let offset = Int(try #require(plan.extent(of: lane.digest)).offset) + lane.done
      file.write(piece, at: offset)
      checksum.wrote(from: Int64(offset), to: Int64(offset + piece.count))
      lane.done = isWrong ? 0 : lane.done + count
      lanes[index] = lane
      if lane.done == lane.bytes.count, !isWrong {
        checksum.proved(lane.digest)
        lanes.remove(at: index)
      }
    }
    #expect(try checksum.finish() == [file.digest])
  }

  @Test func `is that of the file that a writer makes`() throws {
    let writer = try ArchiveWriter.open(
      plan: plan, path: scratch("a.tar"), replacing: false, checksums: true)
    for bytes in Set(images.flatMap(\.blobs)).shuffled() { try writer.put(bytes, by: 700) }
    try writer.finish()
    #expect(try writer.checksums() == [Digest(of: scratch.read("a.tar"))])
  }

  @Test func `is not computed unless it was asked for`() throws {
    let writer = try ArchiveWriter.open(plan: plan, path: scratch("a.tar"), replacing: false)
    #expect(try writer.checksums() == nil)
  }
}
