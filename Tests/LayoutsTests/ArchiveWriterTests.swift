import Archives
import Digests
import Foundation
import Glibc
import Images
import Layouts
import TestSupport
import Testing

@Suite struct `An archive writer` {
  let scratch: ScratchDirectory
  let images: [TestImage]
  let plan: ArchivePlan

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
    plan = try ArchivePlan(images)
  }

  var blobs: [[UInt8]] { Array(Set(images.flatMap(\.blobs))) }

  func writer(_ name: String = "a.tar", replacing: Bool = false) throws -> ArchiveWriter {
    try ArchiveWriter(plan: plan, path: scratch(name), replacing: replacing)
  }

  func fill(_ writer: ArchiveWriter) throws {
    for bytes in blobs {
      try writer.write(bytes.span.bytes, of: Digest(of: bytes), at: 0)
      try writer.complete(Proof(of: bytes))
    }
  }

  @Test func `writes the same file from many threads in any order as a stream does in one`() async throws {
    let writer = try writer()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for bytes in blobs.shuffled() {
        group.addTask {
          let digest = Digest(of: bytes)
          for start in stride(from: 0, to: bytes.count, by: 97).shuffled() {
            let part = Array(bytes[start..<min(start + 97, bytes.count)])
            try writer.write(part.span.bytes, of: digest, at: Int64(start))
          }
          try writer.complete(Proof(of: bytes))
        }
      }
      try await group.waitForAll()
    }
    try writer.finish()
    #expect(try scratch.names == ["a.tar"])
    #expect(try scratch.read("a.tar").count == Int(plan.totalSize))

    let descriptor = open(scratch("stream.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    let stream = try ArchiveStream(plan: plan, descriptor: descriptor)
    while let next = stream.nextBlob {
      let bytes = try #require(blobs.first { Digest(of: $0) == next.digest })
      // Cut in the middle and begun again.
      let half = Array(bytes.prefix(bytes.count / 2))
      try stream.write(half.span.bytes, of: next.digest, at: 0)
      try stream.write(bytes.span.bytes, of: next.digest, at: 0)
      try stream.complete(Proof(of: bytes))
    }
    try stream.finish()
    #expect(try scratch.read("stream.tar") == scratch.read("a.tar"))
  }

  @Test func `takes no proof and no claim of other bytes than were written`() throws {
    let writer = try writer()
    let bytes = try #require(blobs.max { $0.count < $1.count })
    let (digest, size) = (Digest(of: bytes), Int64(bytes.count))
    func refuses(written: Int64, hashed: Int64, _ work: () throws -> Void) {
      #expect(throws: LayoutError.notAsWritten(digest, written: written, hashed: hashed), performing: work)
    }
    refuses(written: 0, hashed: size) { try writer.complete(Proof(of: bytes)) }
    let half = Array(bytes.prefix(bytes.count / 2))
    let rest = Array(bytes.dropFirst(half.count))
    var verifier = BlobVerifier(digest: digest, size: size)
    try verifier.update(half.span.bytes)
    do {
      try writer.note(verifier)
      Issue.record("a claim of bytes that nobody wrote was taken")
    } catch {
      #expect(error == .notAsWritten(digest, written: 0, hashed: Int64(half.count)))
    }
    try writer.write(half.span.bytes, of: digest, at: 0)
    try writer.note(verifier)
    // The position went back to the beginning, and the hash did not.
    try writer.write(rest.span.bytes, of: digest, at: 0)
    try verifier.update(rest.span.bytes)
    let proof = try verifier.check()
    refuses(written: Int64(rest.count), hashed: size) { try writer.complete(proof) }
    // A gap.
    writer.forget(digest)
    try writer.write(rest.span.bytes, of: digest, at: Int64(half.count))
    refuses(written: 0, hashed: size) { try writer.complete(proof) }
    try writer.write(half.span.bytes, of: digest, at: 0)
    try writer.complete(proof)
    try fill(writer)
    try writer.finish()
  }

  @Test func `does not finish without a proof for every blob`() throws {
    let writer = try writer()
    #expect(throws: LayoutError.incomplete(plan.blobs.map(\.digest))) { try writer.finish() }
    let all = blobs
    for bytes in all.dropLast() {
      try writer.write(bytes.span.bytes, of: Digest(of: bytes), at: 0)
      try writer.complete(Proof(of: bytes))
    }
    let last = try #require(all.last)
    #expect(throws: LayoutError.incomplete([Digest(of: last)])) { try writer.finish() }
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal"])
    try writer.write(last.span.bytes, of: Digest(of: last), at: 0)
    try writer.complete(Proof(of: last))
    try writer.finish()
    #expect(try scratch.names == ["a.tar"])
  }

  @Test func `leaves a partial file and no other when it goes away`() throws {
    _ = try writer()
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal"])
    #expect(try scratch.read("a.tar.partial").count == Int(plan.totalSize))
  }

  /// What no journal speaks for is somebody's own, and so is what others own, name or can write.
  @Test(arguments: ["content", "writable", "names", "journal", "journal's names"])
  func `writes into no file that Ferry did not make, unless told to`(kind: String) throws {
    let content = [UInt8](repeating: 0xff, count: 1 << 16)
    let isJournal = kind.hasPrefix("journal")
    let name = isJournal ? "a.tar.partial.journal" : "a.tar.partial"
    if kind.hasSuffix("names") {
      if isJournal { try begun() } else { try scratch.write(content, to: "a.tar.partial.journal") }
      try? FileManager.default.removeItem(atPath: scratch(name))
      try scratch.write(content, to: "own")
      try FileManager.default.linkItem(atPath: scratch("own"), toPath: scratch(name))
      if !isJournal { try FileManager.default.removeItem(atPath: scratch("a.tar.partial.journal")) }
    } else {
      if kind == "writable" { try begun() }
      try scratch.write(content, to: name)
      if kind == "writable" { chmod(scratch(name), 0o666) }
    }
    let before = try scratch.names
    for earlier in [ArchiveWriter.Earlier.discarded, .kept] {
      #expect {
        try ArchiveWriter(plan: plan, path: scratch("a.tar"), replacing: false, earlier: earlier)
      } throws: { error in
        if case LayoutError.archive(.foreign(scratch(name), _)) = error { true } else { false }
      }
    }
    #expect(try scratch.read(name) == content)
    #expect(try scratch.names == before)
    let writer = try writer(replacing: true)
    try fill(writer)
    try writer.finish()
    #expect(try scratch.names.filter { $0 != "own" } == ["a.tar"])
    if kind.hasSuffix("names") { #expect(try scratch.read("own") == content) }
  }

  /// Leaves what a run that was killed leaves.
  private func begun() throws { _ = try writer() }

  @Test func `goes on with what a run left that was killed before its journal said anything`() throws {
    try begun()
    try scratch.write([], to: "a.tar.partial.journal")
    let writer = try writer()
    try fill(writer)
    try writer.finish()
    #expect(try scratch.names == ["a.tar"])
  }

  @Test func `keeps its journal to itself`() throws {
    let writer = try writer()
    let mode =
      try FileManager.default.attributesOfItem(atPath: scratch("a.tar.partial.journal"))[
        .posixPermissions] as? Int
    #expect(mode == 0o600)
    withExtendedLifetime(writer) {}
  }

  @Test func `never overwrites a finished archive unless told to`() throws {
    try scratch.write([1], to: "a.tar")
    #expect(throws: LayoutError.exists(path: scratch("a.tar"))) { try writer() }
    #expect(try scratch.names == ["a.tar"])
    let replacing = try writer(replacing: true)
    try fill(replacing)
    try replacing.finish()
    #expect(try scratch.read("a.tar").count == Int(plan.totalSize))
    #expect(try scratch.names == ["a.tar"])

    let late = try writer("b.tar")
    try fill(late)
    try scratch.write([1], to: "b.tar")
    #expect(throws: LayoutError.exists(path: scratch("b.tar"))) { try late.finish() }
    #expect(try scratch.read("b.tar") == [1])
    // Out of the way, it can still be finished.
    try FileManager.default.removeItem(atPath: scratch("b.tar"))
    try late.finish()
    #expect(try scratch.read("b.tar").count == Int(plan.totalSize))
  }

  @Test func `is alone on its output`() throws {
    let first = try writer()
    #expect(throws: LayoutError.locked(path: scratch("a.tar.partial"), pid: getpid())) { try writer() }
    try fill(first)
    try first.finish()
    #expect(throws: LayoutError.finished(path: scratch("a.tar"))) { try first.finish() }
    let bytes = try #require(blobs.first)
    #expect(throws: LayoutError.finished(path: scratch("a.tar"))) {
      try first.write(bytes.span.bytes, of: Digest(of: bytes), at: 0)
    }
  }

  @Test func `writes nothing outside a blob's bounds`() throws {
    let writer = try writer()
    let before = try scratch.read("a.tar.partial")
    let blob = try #require(plan.blobs.first)
    let bytes = [UInt8](repeating: 1, count: 10)
    for offset in [-1, blob.size - 9, blob.size + 1, Int64.max] {
      #expect(throws: LayoutError.outOfBounds(blob.digest, offset: offset, count: 10, size: blob.size)) {
        try writer.write(bytes.span.bytes, of: blob.digest, at: offset)
      }
    }
    let stranger = Digest(of: [9])
    #expect(throws: LayoutError.notPlanned(stranger)) {
      try writer.write(bytes.span.bytes, of: stranger, at: 0)
    }
    #expect(throws: LayoutError.notPlanned(stranger)) { try writer.complete(Proof(of: [9])) }
    #expect(try scratch.read("a.tar.partial") == before)
  }

  @Test func `says what path and error keep it from writing`() throws {
    #expect(throws: LayoutError.archive(.file(.open, path: scratch("no/a.tar.partial"), code: ENOENT))) {
      try writer("no/a.tar")
    }
    #expect {
      try ArchiveWriter(plan: plan, path: "/sys/a.tar", replacing: false)
    } throws: { error in
      guard case LayoutError.archive(.file(.open, path: "/sys/a.tar.partial", let code)) = error else {
        return false
      }
      return [EACCES, EPERM, EROFS, ENOENT].contains(code)
    }
    try FileManager.default.createDirectory(
      atPath: scratch("a.tar.partial"), withIntermediateDirectories: true)
    #expect(throws: LayoutError.archive(.notAFile(path: scratch("a.tar.partial")))) { try writer() }
  }

  @Test func `asks for all its space at once, and leaves nothing when there is not enough`() throws {
    let size: Int64 = 1 << 50
    let text = """
      {"schemaVersion":2,"mediaType":"\(MediaType.ociManifest)","config":\
      {"mediaType":"\(MediaType.ociConfig)","digest":"\(Digest(of: [1]))","size":\(size)},"layers":[]}
      """
    let manifest = try Manifest(bytes: Array(text.utf8), mediaType: nil)
    let plan = try ArchivePlan(
      images: [(Reference("h.example/a:1"), manifest.descriptor)], manifests: [manifest],
      blobs: manifest.blobs)
    #expect {
      try ArchiveWriter(plan: plan, path: scratch("a.tar"), replacing: false)
    } throws: { error in
      guard case LayoutError.archive(.noSpace(scratch("a.tar.partial"), let needed, .some, ENOSPC)) = error
      else { return false }
      return needed == plan.totalSize
    }
    #expect(try scratch.names == [])

    let place = ArchivePlace(scratch("a.tar"), volumeSize: 1 << 43)
    #expect {
      try VolumeWriter(plan: plan, place: place, numbers: [2, 3], replacing: false)
    } throws: { error in
      guard case LayoutError.archive(.noSpace(place.partialPath(of: 2), 1 << 43, .some, ENOSPC)) = error
      else { return false }
      return true
    }
    #expect(try scratch.names == [])
  }
}

@Suite struct `An archive stream` {
  @Test func `takes blobs in archive order, whole and right`() throws {
    let scratch = try ScratchDirectory()
    let images = try TestArchive.images()
    let plan = try ArchivePlan(images)
    let descriptor = open(scratch("a.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    let stream = try ArchiveStream(plan: plan, descriptor: descriptor)
    let blob = plan.blobs[0]
    let bytes = try #require(images.flatMap(\.blobs).first { Digest(of: $0) == blob.digest })
    #expect(throws: LayoutError.outOfOrder(plan.blobs[1].digest)) {
      try stream.write(bytes.span.bytes, of: plan.blobs[1].digest, at: 0)
    }
    #expect(throws: LayoutError.notPlanned(Digest(of: [9]))) {
      try stream.write(bytes.span.bytes, of: Digest(of: [9]), at: 0)
    }
    let part = Array(bytes.prefix(3))
    #expect(throws: LayoutError.outOfOrder(blob.digest)) {
      try stream.write(part.span.bytes, of: blob.digest, at: 1)
    }
    #expect(throws: LayoutError.incomplete(plan.blobs.map(\.digest))) { try stream.finish() }
    // A wrong byte went out: the right ones afterwards do not mend it.
    let wrong: [UInt8] = [bytes[0] ^ 1]
    try stream.write(wrong.span.bytes, of: blob.digest, at: 0)
    #expect(throws: LayoutError.wrongContent(blob.digest, .short(expected: blob.size, received: 1))) {
      try stream.complete(Proof(of: bytes))
    }
    try stream.write(bytes.span.bytes, of: blob.digest, at: 0)
    let actual = Digest(of: wrong + bytes.dropFirst())
    #expect(throws: LayoutError.wrongContent(blob.digest, .mismatch(expected: blob.digest, actual: actual))) {
      try stream.complete(Proof(of: bytes))
    }
  }

  @Test func `names its output when nobody reads it`() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    #expect(throws: LayoutError.archive(.file(.write, path: "-", code: EPIPE))) {
      try ArchiveStream(plan: ArchivePlan(TestArchive.images()), descriptor: ends[1])
    }
  }
}
