import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Transfers

@Suite struct `A check's journal` {
  private let directory = TemporaryDirectory()
  private var path: String { directory.file("journal") }
  private let blobs = (1...3).map { number in
    Descriptor(mediaType: .ociConfig, digest: Digest(of: [UInt8(number)]), size: Int64(number))
  }

  private func note(_ blobs: [Descriptor]) throws {
    let journal = try ReadBackJournal.open(at: path)
    for blob in blobs { journal.note(blob, in: "new/app", of: "r:5000") }
    journal.finish(isComplete: false)
  }

  private func read(_ journal: ReadBackJournal) -> [Bool] {
    blobs.map { journal.hasRead($0, in: "new/app", of: "r:5000") }
  }

  @Test func `tells the next run what was read, of what and where`() throws {
    try note(Array(blobs.prefix(2)))
    let journal = try ReadBackJournal.open(at: path)
    #expect(read(journal) == [true, true, false])
    #expect(!journal.hasRead(blobs[0], in: "new/other", of: "r:5000"))
    #expect(!journal.hasRead(blobs[0], in: "new/app", of: "s:5000"))
    let larger = Descriptor(mediaType: .ociConfig, digest: blobs[0].digest, size: 7)
    #expect(!journal.hasRead(larger, in: "new/app", of: "r:5000"))
    journal.finish(isComplete: true)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `keeps what a sample is drawn by`() throws {
    let first = try ReadBackJournal.open(at: path)
    first.note(blobs[0], in: "a", of: "r")
    let seed = first.seed
    first.finish(isComplete: false)
    withExtendedLifetime(first) {}
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let content = try #require(ReadBackText([UInt8](bytes)))
    #expect(content.seed == seed && content.entries.count == 1)
  }

  @Test func `believes entries for a week`() throws {
    try note(blobs)
    for (later, isBelieved) in [(0.0, true), (6 * 86_400, true), (8 * 86_400, false), (-86_400, false)] {
      let journal = try ReadBackJournal.open(at: path, now: Date() + later)
      #expect(read(journal) == blobs.map { _ in isBelieved })
    }
  }

  @Test func `may end anywhere, and its last line is then not there`() throws {
    try note(blobs)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    for count in 0...bytes.count {
      for zeros in [0, 40] where zeros == 0 || count % 7 == 0 {
        try Data(bytes[..<count] + [UInt8](repeating: 0, count: zeros)).write(to: URL(fileURLWithPath: path))
        chmod(path, 0o600)
        let journal = try ReadBackJournal.open(at: path)
        let whole = bytes[..<count].filter { $0 == UInt8(ascii: "\n") }.count - 1
        #expect(read(journal) == blobs.indices.map { $0 < whole }, "\(count)")
        // What comes behind is read by the next one.
        journal.note(blobs[2], in: "new/app", of: "r:5000")
        journal.finish(isComplete: false)
        let again = ReadBackText([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        #expect(again != nil, "\(count)")
      }
    }
  }

  @Test(arguments: [
    "notes", "{}", #"{"schema":"ferry/check-journal/v2","seed":"0123456789abcdef"}"# + "\n",
    #"{"schema":"ferry/check-journal/v1","seed":"0123456789abcdef"}"# + "\nmy notes",
    #"{"schema":"ferry/check-journal/v1","seed":"0123456789abcdef"}"# + "\nmy notes\n",
    #"{"schema":"ferry/check-journal/v1","seed":"xyz"}"# + "\n",
  ])
  func `is no file of somebody else's, which stays`(content: String) throws {
    try Data(content.utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: FileError.self) { try ReadBackJournal.open(at: path) }
    #expect(throws: FileError.self) { try ReadBackJournal.check(at: path) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == content)
  }

  @Test func `chooses each blob for one part of all`() {
    let parts = (0..<200).map { number in
      let blob = Descriptor(mediaType: .ociConfig, digest: Digest(of: [UInt8(number)]), size: 10)
      return (
        index: number,
        part: CheckedPart(repository: "a/\(number % 3)", descriptor: blob, isManifest: false)
      )
    }
    var chosen: [Int] = []
    for part in 1...7 {
      guard let shard = Shard("\(part)/7") else { continue }
      chosen += ReadBackChoice(of: .part(shard), seed: "\(part)").choose(among: parts)
    }
    #expect(chosen.sorted() == Array(0..<200))
    let one = ReadBackChoice(of: .percent(5), seed: "1").choose(among: parts)
    #expect(one.count == 10 && one == ReadBackChoice(of: .percent(5), seed: "1").choose(among: parts))
    #expect(one != ReadBackChoice(of: .percent(5), seed: "2").choose(among: parts))
    #expect(ReadBackChoice(of: .bytes(95), seed: "1").choose(among: parts).count == 10)
    #expect(ReadBackChoice(of: .bytes(1), seed: "1").choose(among: []).isEmpty)
  }
}
