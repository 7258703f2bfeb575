import Digests
import Files
import Foundation
import Images
import Synchronization
import TestSupport
import Testing
@testable import Layouts

/// What an archive being written hands out for a blob: whoever places its bytes hashes them.
struct `A blob's entry` {
  /// What is written.
  enum Output: String, CaseIterable {
    case file, volumes, someVolumes, stream
  }

  private let scratch: ScratchDirectory
  private let images: [TestImage]
  private let plan: ArchivePlan
  private static let volumeSize: Int64 = 2000

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
    plan = try ArchivePlan(images)
  }

  private func bytes(_ digest: Digest) throws -> [UInt8] {
    try #require(images.flatMap(\.blobs).first { Digest(of: $0) == digest })
  }

  /// Something that hands out entries, in the archive's order, and ends.
  private struct Writing {
    let blobs: [PlannedBlob]
    let begin: (Digest) throws -> BlobEntry
    let finish: () throws -> Void
    /// The bytes at the end.
    let result: () throws -> [UInt8]
  }

  private func writing(_ output: Output) throws -> Writing {
    switch output {
    case .file, .volumes:
      let place = ArchivePlace(scratch("a.tar"), volumeSize: output == .volumes ? Self.volumeSize : nil)
      let writer = try ArchiveWriter.open(plan: plan, to: place, replacing: false, earlier: .kept)
      return Writing(
        blobs: plan.blobs, begin: { try writer.begin($0) }, finish: { try writer.finish() },
        result: { try place.existing.flatMap(TestVolumes.bytes) })
    case .someVolumes:
      let place = ArchivePlace(scratch("s.tar"), volumeSize: Self.volumeSize)
      let numbers = Array(1...place.count(for: plan.totalSize))
      let writer = try VolumeWriter.open(plan: plan, place: place, numbers: numbers, replacing: false)
      return Writing(
        blobs: writer.blobs, begin: { try writer.begin($0) }, finish: { try writer.finish() },
        result: { try place.existing.flatMap(TestVolumes.bytes) })
    case .stream:
      let descriptor = open(scratch("stream.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
      let stream = try ArchiveStream.open(plan: plan, descriptor: descriptor, name: "a pipe")
      return Writing(
        blobs: plan.blobs, begin: { try stream.begin($0) },
        finish: {
          try stream.finish()
          close(descriptor)
        }, result: { try scratch.read("stream.tar") })
    }
  }

  private func undisturbed() throws -> [UInt8] {
    try TestArchive.write(images, to: scratch("undisturbed.tar"))
    return try scratch.read("undisturbed.tar")
  }

  @Test(arguments: Output.allCases) func `ends a blob only when all of it is there and right`(
    _ output: Output
  )
    throws
  {
    let writing = try writing(output)
    for (index, blob) in writing.blobs.enumerated() {
      let bytes = try bytes(blob.digest)
      var entry = try writing.begin(blob.digest)
      #expect(throws: LayoutError.outOfOrder(blob.digest), "two would write one blob") {
        _ = try writing.begin(blob.digest)
      }
      // Whatever came before a restart has no part in the proof.
      if output != .stream {
        try entry.write(bytes.map { $0 ^ 1 })
        let whole = Result { try entry.check() }
        #expect(throws: DigestError.self) { try whole.get() }
        entry.restart()
        #expect(entry.position == 0)
      }
      for piece in [bytes.prefix(bytes.count / 3), bytes.dropFirst(bytes.count / 3)] {
        let early = Result { try entry.check() }
        #expect(throws: DigestError.short(expected: blob.size, received: entry.position)) { try early.get() }
        try entry.write(piece, by: 1 + index * 50)
      }
      try entry.finish()
    }
    try writing.finish()
    #expect(try writing.result() == undisturbed())
  }

  @Test(arguments: Output.allCases) func `that is wrong to the end leaves nothing finished`(_ output: Output)
    throws
  {
    let writing = try writing(output)
    let blob = try #require(writing.blobs.first)
    var wrong = try bytes(blob.digest)
    wrong[wrong.count - 1] ^= 1
    var entry = try writing.begin(blob.digest)
    try entry.write(wrong)
    do {
      try entry.finish()
      Issue.record("a wrong blob was taken")
    } catch {
      #expect(error as? DigestError == .mismatch(expected: blob.digest, actual: Digest(of: wrong)))
    }
    #expect(throws: LayoutError.self) { try writing.finish() }
    // Nor does a later run take it for anything.
    guard output == .file || output == .volumes else { return }
    let place = ArchivePlace(scratch("a.tar"), volumeSize: output == .volumes ? Self.volumeSize : nil)
    _ = consume writing
    let next = try ArchiveWriter.open(plan: plan, to: place, replacing: false, earlier: .kept)
    #expect(try next.have(blob.digest) == 0)
  }

  @Test(arguments: [Output.file, .volumes]) func `goes on in a later run where it was suspended`(
    _ output: Output
  )
    throws
  {
    var random = SeededGenerator(seed: 7)
    var sent = 0
    for run in 0..<4 {
      let writing = try writing(output)
      for blob in writing.blobs.shuffled(using: &random) {
        let bytes = try bytes(blob.digest)
        var entry = try writing.begin(blob.digest)
        let rest = bytes[Int(entry.position)...]
        let part = run == 3 ? rest : rest.prefix(Int.random(in: 0...rest.count, using: &random))
        try entry.write(part)
        sent += part.count
        if run == 3 { try entry.finish() } else { entry.suspend() }
      }
      if run == 3 {
        try writing.finish()
        #expect(try writing.result() == undisturbed())
      }
    }
    #expect(sent == plan.blobs.reduce(0) { $0 + Int($1.size) }, "no byte came twice")
  }

  @Test func `of a stream that starts over sends nothing twice, and no other byte`() throws {
    for isWrong in [false, true] {
      let scratch = try ScratchDirectory()
      let descriptor = open(scratch("a.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
      defer { close(descriptor) }
      let stream = try ArchiveStream.open(plan: plan, descriptor: descriptor, name: "a pipe")
      let blob = try #require(plan.blobs.max { $0.size < $1.size })
      for earlier in plan.blobs.prefix(while: { $0.digest != blob.digest }) {
        try stream.put(bytes(earlier.digest))
      }
      let before = try scratch.read("a.tar").count
      let bytes = try bytes(blob.digest)
      var entry = try stream.begin(blob.digest)
      // Each start comes further, or less far, than the one before.
      for count in [500, 200, 900, 100] {
        try entry.write(bytes.prefix(count), by: 70)
        entry.restart()
      }
      #expect(try scratch.read("a.tar").count - before == 900)
      let rest = isWrong ? [bytes[0] ^ 1] + bytes.dropFirst() : bytes
      let outcome = Result { try entry.write(rest, by: 70) }
      if isWrong {
        #expect(throws: LayoutError.self) { try outcome.get() }
        #expect(try scratch.read("a.tar").count - before == 900)
        entry.suspend()
      } else {
        try entry.finish()
        #expect(try scratch.read("a.tar")[before..<before + bytes.count].elementsEqual(bytes))
      }
    }
  }

  /// A place that does not take its first piece.
  private final class Refusing: BlobExtentWriter {
    let isRewritable: Bool
    let checkpointInterval: Int64? = nil
    private let state = Mutex((hasRefused: false, isFinished: false, notes: 0))

    init(isRewritable: Bool) { self.isRewritable = isRewritable }

    var isFinished: Bool { state.withLock { $0.isFinished } }
    var notes: Int { state.withLock { $0.notes } }

    func put(_ bytes: RawSpan, at offset: Int64) throws(LayoutError) {
      let isFirst = state.withLock { state in
        defer { state.hasRefused = true }
        return !state.hasRefused
      }
      if isFirst { throw .finished(path: "refused") }
    }

    func checkpoint(at position: Int64, content: Digest, after noted: Int64) {}
    func forget() {}
    func finish(after noted: Int64) { state.withLock { $0.isFinished = true } }

    func suspend(at checkpoint: (position: Int64, content: Digest, after: Int64)?) {
      state.withLock { $0.notes += checkpoint == nil ? 0 : 1 }
    }
  }

  @Test(arguments: [true, false]) func `is not ended, nor noted, behind a piece that was not written`(
    isRewritable: Bool
  ) throws {
    // More than is gathered, so that each piece goes straight to its place.
    let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let descriptor = Descriptor(
      mediaType: .ociLayer, digest: Digest(of: bytes), size: Int64(bytes.count))
    let extent = Refusing(isRewritable: isRewritable)
    var entry = BlobEntry(
      PlannedBlob(descriptor: descriptor, offset: 0), in: extent,
      behind: BlobVerifier(digest: descriptor.digest, size: descriptor.size), progress: { _ in })
    let refused = Result { try entry.write(bytes.prefix(350_000)) }
    #expect(throws: LayoutError.self) { try refused.get() }
    try entry.write(bytes.dropFirst(350_000))
    try entry.check()
    do {
      try entry.finish()
      Issue.record("a blob was ended of which half was not written")
    } catch {
      #expect(error as? LayoutError == .incomplete([descriptor.digest]))
    }
    #expect(!extent.isFinished && extent.notes == 0)
  }
}
