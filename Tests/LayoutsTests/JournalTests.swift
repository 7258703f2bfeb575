import Digests
import Foundation
import TestSupport
import Testing

@testable import Layouts

struct `A journal` {
  static let images = [JournalImage(name: "h.example/a:1", digest: Digest(of: [1]))]
  static let plan = JournalRecord.plan(archive: Digest(of: [0]), images: images)

  static func claim(_ blob: UInt8, size: Int64 = 100, offset: Int64 = 512, have: Int64) -> JournalRecord {
    let claim = JournalClaim(
      blob: Digest(of: [blob]), size: size, offset: offset, have: have, content: Digest(of: [blob, 1]))
    return claim.map { .progress($0) } ?? .forgotten(Digest(of: [blob]))
  }

  static let records: [JournalRecord] = [
    plan, claim(1, have: 40), claim(2, offset: 700, have: 100),
    .moved(Digest(of: [1]), first: 0, count: 40, offset: 2000), claim(3, have: 7),
    .forgotten(Digest(of: [3])), claim(1, offset: 2000, have: 60),
  ]

  func read(_ bytes: [UInt8], block: Int = 1000) -> JournalReader {
    var reader = JournalReader()
    for start in stride(from: 0, to: bytes.count, by: block) {
      reader.take(Array(bytes[start..<min(start + block, bytes.count)]))
    }
    return reader
  }

  @Test(arguments: records) func `says what it was told`(record: JournalRecord) throws {
    #expect(JournalRecord(line: record.line.dropLast()) == record)
    #expect(record.line.last == 10)
    #expect(record.line.count { $0 == 10 } == 1)
  }

  @Test(arguments: [1, 7, 64, 100_000]) func `is read in blocks of any size`(block: Int) throws {
    let bytes = Self.records.flatMap(\.line)
    let reader = read(bytes, block: block)
    let state = try #require(reader.state)
    #expect(reader.wholeLines == bytes.count)
    #expect(state.images == Self.images)
    #expect(Set(state.blobs.keys) == [Digest(of: [1]), Digest(of: [2])])
    let first = try #require(state.blobs[Digest(of: [1])])
    #expect(first.pieces.map { [$0.first, $0.count, $0.offset] } == [[0, 60, 2000]])
    #expect(first.checkpoints.map(\.have) == [40, 60])
  }

  @Test func `ignores a line that was cut short, wherever it was cut`() throws {
    let bytes = Self.records.flatMap(\.line)
    let whole = try #require(read(bytes).state)
    let last = try #require(Self.records.last).line.count
    var before = JournalState(archive: Digest(of: [0]), images: Self.images)
    for record in Self.records.dropFirst().dropLast() { before.apply(record) }
    for cut in 1...last {
      let reader = read(Array(bytes.dropLast(cut)))
      #expect(reader.state?.blobs.mapValues(\.pieces) == before.blobs.mapValues(\.pieces))
      #expect(reader.wholeLines == bytes.count - last)
    }
    // In the middle too: what was added after a torn line follows on it.
    var torn = Array(bytes.dropLast(last))
    torn += Array(#"{"blob":"sha256:12"#.utf8) + [10]
    torn += bytes.suffix(last)
    #expect(read(torn).state?.blobs.mapValues(\.pieces) == whole.blobs.mapValues(\.pieces))
  }

  @Test(arguments: [
    "", "\n", "nonsense\n", #"{"version":2}"# + "\n",
    #"{"images":[],"plan":"sha256:\#(String(repeating: "0", count: 64))","version":2}"# + "\n",
  ])
  func `says nothing when it does not begin with a plan of this version`(_ start: String) {
    #expect(read(Array(start.utf8) + Self.claim(1, have: 40).line + Self.plan.line).state == nil)
  }

  @Test(arguments: [
    (size: Int64(0), offset: Int64(0), have: Int64(0)), (10, 0, 11), (10, 0, 0), (10, 0, -1), (10, -1, 5),
    (.max, 0, 5), (10, .max, 5), (-5, 0, -5),
  ])
  func `passes over claims that make no sense`(size: Int64, offset: Int64, have: Int64) throws {
    let digest = Digest(of: [1])
    let line =
      #"{"blob":"\#(digest)","content":"\#(digest)","have":\#(have),"offset":\#(offset),"size":\#(size)}"#
    #expect(JournalRecord(line: Array(line.utf8)) == nil)
    for (first, count) in [(-1, 5), (0, 0), (Int64.max, 5), (5, Int64.max)] {
      let line = #"{"moved":"\#(digest)","first":\#(first),"count":\#(count),"offset":0}"#
      #expect(JournalRecord(line: Array(line.utf8)) == nil)
    }
  }

  @Test func `bears any damage`() throws {
    let bytes = Self.records.flatMap(\.line)
    var random = SeededGenerator(seed: 4)
    for _ in 0..<2000 {
      let reader = read(random.mutate(bytes, edits: 8))
      for blob in reader.state?.blobs.values.map(\.self) ?? [] {
        var end: Int64 = 0
        for piece in blob.pieces {
          #expect(piece.first >= end && piece.count > 0 && piece.end <= blob.size)
          end = piece.end
        }
      }
    }
  }

  @Test func `passes over a line without end, in little memory`() throws {
    var reader = JournalReader()
    reader.take(Self.plan.line)
    let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    for _ in 0..<40 { reader.take(block) }
    reader.take([10] + Self.claim(1, have: 40).line)
    #expect(reader.state?.blobs.count == 1)
    #expect(reader.wholeLines == Self.plan.line.count + 40 << 20 + 1 + Self.claim(1, have: 40).line.count)
  }

  @Test func `keeps a bounded number of checkpoints, the last among them`() throws {
    var state = JournalState(archive: Digest(of: [0]), images: [])
    for have in 1...5000 { state.apply(Self.claim(1, size: 5000, have: Int64(have))) }
    let blob = try #require(state.blobs[Digest(of: [1])])
    #expect(blob.checkpoints.count <= WrittenBlob.mostCheckpoints)
    #expect(blob.checkpoints.last?.have == 5000)
    #expect(blob.covered == 5000)
  }
}
