import Digests
import Foundation
import Glibc
import Images
import Layouts
import TestSupport
import Testing

struct `An archive writer that goes on` {
  let scratch: ScratchDirectory
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
  }

  func blob(_ digest: Digest) throws -> [UInt8] {
    try #require(images.flatMap(\.blobs).first { Digest(of: $0) == digest })
  }

  func writer(_ images: [TestImage], earlier: ArchiveWriter.Earlier = .kept) throws -> ArchiveWriter {
    try ArchiveWriter.open(
      plan: ArchivePlan(images), path: scratch("a.tar"), replacing: false, earlier: earlier)
  }

  /// Writes and notes the first bytes of each blob: all of every third, half of the next, none of the last.
  func begin(_ writer: ArchiveWriter) throws {
    for (index, planned) in writer.plan.blobs.enumerated() where index % 3 < 2 {
      let bytes = try blob(planned.digest)
      let part = Array(bytes.prefix(index % 3 == 0 ? bytes.count : bytes.count / 2))
      var entry = try writer.begin(planned.digest)
      if entry.position > 0 { entry.restart() }
      try entry.write(part)
      entry.suspend()
    }
  }

  /// Writes what is missing of each blob and returns how many bytes that were.
  func complete(_ writer: ArchiveWriter) throws -> Int {
    var fetched = 0
    for planned in writer.plan.blobs {
      var entry = try writer.begin(planned.digest)
      let rest = try blob(planned.digest)[Int(entry.position)...]
      try entry.write(rest)
      fetched += rest.count
      try entry.finish()
    }
    return fetched
  }

  func undisturbed(_ images: [TestImage]) throws -> [UInt8] {
    try TestArchive.write(images, to: scratch("undisturbed.tar"))
    return try scratch.read("undisturbed.tar")
  }

  @Test func `fetches only what is missing, and ends as if undisturbed`() throws {
    try begin(writer(images))
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal"])
    let second = try writer(images)
    let continuation = try #require(second.continuation)
    let total = second.plan.blobs.reduce(0) { $0 + Int($1.size) }
    #expect(continuation.claimed > 0)
    #expect(continuation.moved == 0)
    #expect(try complete(second) == total - Int(continuation.claimed))
    try second.finish()
    #expect(try scratch.names == ["a.tar"])
    #expect(try scratch.read("a.tar") == undisturbed(images))
  }

  @Test func `keeps what is wanted when images are added, dropped and moved`() throws {
    let some = Array(images.dropFirst())
    try begin(writer(some))
    let unfinished = try #require(UnfinishedArchive.find(scratch("a.tar")))
    #expect(Set(unfinished.images.map(\.name)) == Set(some.map(\.reference.description)))
    for set in [images, some, Array(images.dropLast()), images] {
      let writer = try writer(set)
      let continuation = try #require(writer.continuation)
      for (digest, claim) in continuation.claims {
        #expect(try writer.have(digest) == claim.have)
      }
      if set.count < images.count { try begin(writer) }
    }
    let last = try writer(images)
    _ = try complete(last)
    try last.finish()
    #expect(try scratch.read("a.tar") == undisturbed(images))
  }

  @Test func `goes on with another plan in the same run`() throws {
    let first = try writer(images, earlier: .discarded)
    try begin(first)
    let rest = Array(images.dropFirst(2))
    let second = try ArchiveWriter.open(continuing: first, as: ArchivePlan(rest))
    #expect(throws: LayoutError.locked(path: scratch("a.tar.partial"), pid: getpid())) { try writer(rest) }
    #expect(try #require(second.continuation).claimed > 0)
    _ = try complete(second)
    try second.finish()
    #expect(try scratch.read("a.tar") == undisturbed(rest))
  }

  @Test func `trusts no byte that changed, and every checkpoint before it`() throws {
    let plan = try ArchivePlan(images)
    let large = try #require(plan.blobs.max { $0.size < $1.size })
    let bytes = try blob(large.digest)
    // Each run leaves a checkpoint.
    for start in stride(from: 0, to: bytes.count, by: 100) {
      var entry = try writer(images).begin(large.digest)
      #expect(entry.position == Int64(start))
      try entry.write(bytes[start..<min(start + 100, bytes.count)])
      entry.suspend()
    }
    for damaged in [0, 99, 100, 1234, bytes.count - 1] {
      let path = scratch("a.tar.partial")
      let descriptor = open(path, O_RDWR | O_CLOEXEC)
      var wrong = bytes[damaged] ^ 1
      pwrite(descriptor, &wrong, 1, off_t(large.offset) + off_t(damaged))
      let received = try writer(images).have(large.digest)
      #expect(received == damaged / 100 * 100)
      wrong ^= 1
      pwrite(descriptor, &wrong, 1, off_t(large.offset) + off_t(damaged))
      close(descriptor)
    }
    #expect(try writer(images).have(large.digest) == large.size)
  }

  @Test func `starts over without a journal that can be read, when it is told to`() throws {
    for journal in [nil, "nonsense\n"] {
      try begin(writer(images))
      if let journal {
        try scratch.write(Array(journal.utf8), to: "a.tar.partial.journal")
      } else {
        try FileManager.default.removeItem(atPath: scratch("a.tar.partial.journal"))
      }
      #expect(UnfinishedArchive.find(scratch("a.tar")) == nil)
      #expect(throws: LayoutError.self, "that may be somebody's own") { try writer(images) }
      let path = scratch("a.tar")
      if journal != nil {
        #expect(throws: LayoutError.self, "that is somebody's own") {
          try ArchiveWriter.open(plan: ArchivePlan(images), path: path, replacing: true)
        }
        try FileManager.default.removeItem(atPath: scratch("a.tar.partial.journal"))
      }
      let anew = try ArchiveWriter.open(
        plan: ArchivePlan(images), path: path, replacing: true, earlier: .kept)
      #expect(anew.continuation == nil)
    }
  }

  @Test func `forgets what it is told to forget, and all when told to discard`() throws {
    let digest = try ArchivePlan(images).blobs[0].digest
    do {
      let first = try writer(images)
      try begin(first)
      var entry = try ArchiveWriter.open(continuing: first, as: first.plan).begin(digest)
      #expect(entry.position > 0)
      entry.restart()
      entry.suspend()
    }
    do {
      let second = try writer(images)
      #expect(second.continuation?.claims[digest] == nil)
      #expect(second.continuation?.claims.isEmpty == false)
    }
    #expect(throws: Never.self) { try writer(images, earlier: .discarded) }
    #expect(try writer(images).continuation == nil)
  }

  @Test func `claims nothing behind the end of a file that was cut`() throws {
    try begin(writer(images))
    let plan = try ArchivePlan(images)
    truncate(scratch("a.tar.partial"), off_t(plan.blobs[0].offset + 1))
    let second = try writer(images)
    #expect(second.continuation == nil)
    _ = try complete(second)
    try second.finish()
    #expect(try scratch.read("a.tar") == undisturbed(images))
  }

  @Test func `removes a journal that a finished archive left, but not one in use`() throws {
    try TestArchive.write(images, to: scratch("b.tar"))
    try scratch.write([], to: "b.tar.partial.journal")
    UnfinishedArchive.removeLeftovers(of: scratch("b.tar"))
    #expect(try scratch.names == ["b.tar"])
    try scratch.write([1], to: "b.tar.partial.journal")
    UnfinishedArchive.removeLeftovers(of: scratch("b.tar"))
    #expect(try scratch.read("b.tar.partial.journal") == [1], "somebody's own")
    try FileManager.default.removeItem(atPath: scratch("b.tar.partial.journal"))
    try begin(writer(images))
    UnfinishedArchive.removeLeftovers(of: scratch("a.tar"))
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal", "b.tar"])
  }

  @Test func `says inside what it lacks, and is canonical with it`() throws {
    let lacking = [
      MissingImage(image: "h.example/z:1", reason: .network),
      MissingImage(image: "h.example/b \u{1B}[2J", reason: .notFound),
      MissingImage(image: "h.example/z:1", reason: .integrity),
    ]
    let image = images[0]
    let plans = try [lacking, lacking.reversed()].map { lacking in
      try ArchivePlan(
        images: [(image.reference, image.root)], manifests: image.manifests,
        blobs: image.manifests.flatMap(\.blobs), missingImages: lacking)
    }
    #expect(plans[0].archiveDigest == plans[1].archiveDigest)
    #expect(try plans[0].archiveDigest != ArchivePlan([image]).archiveDigest)
    let writer = try ArchiveWriter.open(plan: plans[0], path: scratch("l.tar"), replacing: false)
    _ = try complete(writer)
    try writer.finish()
    let layout = try Layout.open(scratch("l.tar"))
    #expect(layout.problems == [])
    #expect(layout.missingImages == [lacking[1], MissingImage(image: "h.example/z:1", reason: .integrity)])
  }
}
