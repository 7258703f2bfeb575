import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

/// Volumes that an earlier run began.
struct `Unfinished volumes` {
  let scratch: ScratchDirectory
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  private func writer(_ images: [TestImage], size: Int64, replacing: Bool = false) throws -> ArchiveWriter {
    try ArchiveWriter.open(
      plan: ArchivePlan(images), to: ArchivePlace(scratch("a.tar"), volumeSize: size), replacing: replacing,
      earlier: .kept)
  }

  /// Writes and notes some of every blob that is not there yet.
  private func advance(_ writer: ArchiveWriter, _ random: inout SeededGenerator, whole: Bool = false) throws
    -> Int
  {
    var fetched = 0
    for planned in writer.plan.blobs.shuffled(using: &random) {
      let bytes = try #require(images.flatMap(\.blobs).first { Digest(of: $0) == planned.digest })
      var entry = try writer.begin(planned.digest)
      let rest = bytes[Int(entry.position)...]
      let part = Array(whole ? rest : rest.prefix(Int.random(in: 0...rest.count, using: &random)))
      fetched += part.count
      try entry.write(part)
      if whole { try entry.finish() } else { entry.suspend() }
    }
    return fetched
  }

  @Test(arguments: 0..<12) func `are gone on with, whatever images are wanted by then`(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let size = Int64.random(in: 300...9000, using: &random)
    for _ in 0..<4 {
      let some = images.shuffled(using: &random).prefix(Int.random(in: 1...images.count, using: &random))
      let writer = try writer(Array(some), size: size)
      for (digest, claim) in writer.continuation?.claims ?? [:] {
        #expect(try writer.have(digest) == claim.have)
      }
      _ = try advance(writer, &random)
    }
    let last = try writer(images, size: size)
    let claimed = Int(last.continuation?.claimed ?? 0)
    let total = last.plan.blobs.reduce(0) { $0 + Int($1.size) }
    #expect(try advance(last, &random, whole: true) == total - claimed)
    try last.finish()
    try TestArchive.write(images, to: scratch("one.tar"))
    let names = TestVolumes.names(of: scratch("a.tar"))
    #expect(try names.flatMap { try TestVolumes.bytes($0) } == scratch.read("one.tar"))
    #expect(try scratch.names.count == names.count + 1)
  }

  @Test(arguments: [0, 1, 3, 6], [false, true])
  func `of which some have their names are finished`(named: Int, replacing: Bool) throws {
    let size: Int64 = 3000
    var random = SeededGenerator(seed: 1)
    // More volumes, all of which are to be replaced.
    if replacing { try TestVolumes.write([images[0]], to: scratch("a.tar"), size: 2000) }
    var count = 0
    do {
      let first = try writer(images, size: size, replacing: replacing)
      _ = try advance(first, &random, whole: true)
      count = first.place.count(for: first.plan.totalSize)
    }
    let journal = scratch("a.tar.partial.journal")
    let text = try String(contentsOfFile: journal, encoding: .utf8) + "{\"publishing\":\(count)}\n"
    try text.write(toFile: journal, atomically: true, encoding: .utf8)
    // Those go before the first gets its name.
    if replacing, named > 0 {
      for name in TestVolumes.names(of: scratch("a.tar")) { try FileManager.default.removeItem(atPath: name) }
    }
    for number in 1...max(1, named) where named > 0 {
      let name = scratch("a.tar.00\(number)")
      rename(name + ".partial", name)
    }
    let unfinished = try #require(UnfinishedArchive.find(scratch("a.tar")))
    #expect(unfinished.isProved)
    #expect(unfinished.volumeSize == size)
    let second = try writer(images, size: size, replacing: replacing)
    #expect(try advance(second, &random, whole: true) == 0)
    try second.finish()
    try TestArchive.write(images, to: scratch("one.tar"))
    let names = TestVolumes.names(of: scratch("a.tar"))
    #expect(names.count == count)
    #expect(try names.flatMap { try TestVolumes.bytes($0) } == scratch.read("one.tar"))
    #expect(try scratch.names.count == names.count + 1)
  }

  @Test func `are locked, also against a writer of one file`() throws {
    let first = try writer(images, size: 1000)
    let locked = LayoutError.locked(path: scratch("a.tar.partial"), pid: getpid())
    #expect(throws: locked) { try writer(images, size: 2000) }
    #expect(throws: locked) {
      try ArchiveWriter.open(plan: ArchivePlan(images), path: scratch("a.tar"), replacing: false)
    }
    withExtendedLifetime(first) {}
  }

  @Test func `have a journal that nobody takes for a leftover while somebody has it`() throws {
    do {
      let journal = try ArchiveJournal.open(of: scratch("a.tar"))
      UnfinishedArchive.removeLeftovers(of: scratch("a.tar"))
      #expect(try scratch.names == ["a.tar.partial.journal"])
      withExtendedLifetime(journal) {}
    }
    UnfinishedArchive.removeLeftovers(of: scratch("a.tar"))
    UnfinishedArchive.removeLeftovers(of: scratch("a.tar"))
    #expect(try scratch.names == [])
  }

  @Test func `cut otherwise are begun anew, and nothing of them stays`() throws {
    var random = SeededGenerator(seed: 1)
    for size in [1000, 700, nil, 1500] as [Int64?] {
      let writer = try ArchiveWriter.open(
        plan: ArchivePlan(images), to: ArchivePlace(scratch("a.tar"), volumeSize: size), replacing: false,
        earlier: .kept)
      #expect(writer.continuation == nil)
      _ = try advance(writer, &random)
      let count = writer.place.count(for: writer.plan.totalSize)
      #expect(try scratch.names.count { $0.hasSuffix(".partial") } == count)
    }
  }

  @Test func `of which one is gone are fetched again as far as it matters`() throws {
    var random = SeededGenerator(seed: 2)
    do { _ = try advance(try writer(images, size: 1000), &random, whole: true) }
    let names = ArchivePlace.partialVolumes(of: scratch("a.tar")).map(\.path)
    try FileManager.default.removeItem(atPath: names[names.count / 2])
    let second = try writer(images, size: 1000)
    let fetched = try advance(second, &random, whole: true)
    #expect(fetched > 0)
    #expect(fetched < second.plan.blobs.reduce(0) { $0 + Int($1.size) })
    try second.finish()
    #expect(try Layout.open(ArchiveInput.written(to: second.place)).problems == [])
  }
}
