import Digests
import Files
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
    try ArchiveWriter.open(plan: plan, path: scratch(name), replacing: replacing)
  }

  func fill(_ writer: ArchiveWriter) throws {
    for bytes in blobs { try writer.put(bytes) }
  }

  @Test func `writes the same file from many threads in any order as a stream does in one`() async throws {
    let writer = try writer()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for bytes in blobs.shuffled() {
        group.addTask { try writer.put(bytes, by: 97) }
      }
      try await group.waitForAll()
    }
    try writer.finish()
    #expect(try scratch.names == ["a.tar"])
    #expect(try scratch.read("a.tar").count == Int(plan.totalSize))

    let descriptor = open(scratch("stream.tar"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    let stream = try ArchiveStream.open(plan: plan, descriptor: descriptor, name: "a pipe")
    while let next = stream.nextBlob {
      let bytes = try #require(blobs.first { Digest(of: $0) == next.digest })
      // Cut in the middle and begun again.
      var entry = try stream.begin(next.digest)
      try entry.write(bytes.prefix(bytes.count / 2))
      entry.restart()
      try entry.write(bytes, by: 97)
      try entry.finish()
    }
    try stream.finish()
    #expect(try scratch.read("stream.tar") == scratch.read("a.tar"))
  }

  @Test func `does not finish without a proof for every blob`() throws {
    let writer = try writer()
    #expect(throws: LayoutError.incomplete(plan.blobs.map(\.digest))) { try writer.finish() }
    let all = blobs
    for bytes in all.dropLast() { try writer.put(bytes) }
    let last = try #require(all.last)
    #expect(throws: LayoutError.incomplete([Digest(of: last)])) { try writer.finish() }
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal"])
    try writer.put(last)
    try writer.finish()
    #expect(try scratch.names == ["a.tar"])
  }

  @Test func `leaves a partial file and no other when it goes away`() throws {
    _ = try writer()
    #expect(try scratch.names == ["a.tar.partial", "a.tar.partial.journal"])
    #expect(try scratch.read("a.tar.partial").count == Int(plan.totalSize))
  }

  /// What no journal speaks for is somebody's own, and so is what others own, name or can write.
  @Test(arguments: ["content", "content, journal", "names", "journal", "journal's names"])
  func `writes into no file that Ferry did not make, whatever it is told`(kind: String) throws {
    let content = [UInt8](repeating: 0xff, count: 1 << 16)
    let isJournal = kind.hasPrefix("journal")
    let name = isJournal ? "a.tar.partial.journal" : "a.tar.partial"
    if kind != "journal", kind.contains("journal") { try begun() }
    try? FileManager.default.removeItem(atPath: scratch(name))
    if kind.hasSuffix("names") {
      try scratch.write(content, to: "own")
      try FileManager.default.linkItem(atPath: scratch("own"), toPath: scratch(name))
    } else {
      try scratch.write(content, to: name)
    }
    let before = try scratch.names
    for replacing in [false, true] {
      try expectRefusal(of: name, replacing: replacing)
      #expect(try scratch.read(name) == content)
      #expect(try scratch.names == before)
    }
  }

  /// What Ferry began, and others own, name or can write by now.
  @Test(arguments: ["writable", "names", "journal's names"])
  func `goes on with nothing that is not its user's alone, and begins anew when told to`(kind: String) throws
  {
    try begun()
    let name = kind.hasPrefix("journal") ? "a.tar.partial.journal" : "a.tar.partial"
    let content = try scratch.read(name)
    if kind == "writable" {
      chmod(scratch(name), 0o666)
    } else {
      try FileManager.default.linkItem(atPath: scratch(name), toPath: scratch("own"))
    }
    try expectRefusal(of: name, replacing: false)
    let writer = try writer(replacing: true)
    try fill(writer)
    try writer.finish()
    #expect(try scratch.names.filter { $0 != "own" } == ["a.tar"])
    if kind.hasSuffix("names") { #expect(try scratch.read("own") == content) }
  }

  private func expectRefusal(of name: String, replacing: Bool) throws {
    for earlier in [ArchiveWriter.Earlier.discarded, .kept] {
      #expect {
        try ArchiveWriter.open(plan: plan, path: scratch("a.tar"), replacing: replacing, earlier: earlier)
      } throws: { error in
        if case LayoutError.archive(.foreign(scratch(name), _)) = error { true } else { false }
      }
    }
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

  /// What a power cut may leave of the first line.
  @Test(arguments: ["{", #"{"im"#, #"{"images":[{"na"#, #"{"rewri"#, "\0\0\0\0\0\0"])
  func `goes on with what a run left whose journal is torn in its first line`(_ journal: String) throws {
    try begun()
    try scratch.write(Array(journal.utf8), to: "a.tar.partial.journal")
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

  @Test func `never overwrites a finished archive unless told to, and nothing else`() throws {
    try scratch.write([1], to: "a.tar")
    #expect(throws: LayoutError.exists(path: scratch("a.tar"))) { try writer() }
    #expect(throws: LayoutError.archive(.foreign(path: scratch("a.tar"), .content))) {
      try writer(replacing: true)
    }
    #expect(try scratch.read("a.tar") == [1])
    #expect(try scratch.names == ["a.tar"])
    try FileManager.default.removeItem(atPath: scratch("a.tar"))
    try TestArchive.write([images[0]], to: scratch("a.tar"))
    #expect(throws: LayoutError.exists(path: scratch("a.tar"))) { try writer() }
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

  @Test func `looks again at what it takes the place of when it is finished`() throws {
    let late = try writer(replacing: true)
    try fill(late)
    try scratch.write([1], to: "a.tar")
    #expect(throws: LayoutError.archive(.foreign(path: scratch("a.tar"), .content))) { try late.finish() }
    #expect(try scratch.read("a.tar") == [1])
    try FileManager.default.removeItem(atPath: scratch("a.tar"))
    try TestArchive.write([images[0]], to: scratch("b.tar"))
    try FileManager.default.moveItem(atPath: scratch("b.tar"), toPath: scratch("a.tar"))
    try late.finish()
    #expect(try scratch.read("a.tar").count == Int(plan.totalSize))
  }

  @Test func `is alone on its output`() throws {
    let first = try writer()
    #expect(throws: LayoutError.locked(path: scratch("a.tar.partial"), pid: getpid())) { try writer() }
    try fill(first)
    try first.finish()
    #expect(throws: LayoutError.finished(path: scratch("a.tar"))) { try first.finish() }
    let bytes = try #require(blobs.first)
    #expect(throws: LayoutError.finished(path: scratch("a.tar"))) {
      try first.put(bytes)
    }
  }

  @Test func `writes nothing outside a blob's bounds, and no blob that is not its own`() throws {
    let writer = try writer()
    let before = try scratch.read("a.tar.partial")
    let blob = try #require(plan.blobs.first)
    var entry = try writer.begin(blob.digest)
    let bytes = [UInt8](repeating: 1, count: Int(blob.size) + 1)
    do {
      try entry.write(bytes)
      Issue.record("more than the blob was taken")
    } catch {
      #expect(error as? DigestError == .long(expected: blob.size))
    }
    entry.suspend()
    let stranger = Digest(of: [9])
    #expect(throws: LayoutError.notPlanned(stranger)) { try writer.put([9]) }
    let manifest = images[0].manifests[0]
    #expect(throws: LayoutError.notPlanned(manifest.digest), "a manifest is written beforehand") {
      try writer.put(manifest.bytes)
    }
    #expect(try scratch.read("a.tar.partial") == before)
  }

  @Test func `says what path and error keep it from writing`() throws {
    #expect(throws: LayoutError.archive(.file(.open, path: scratch("no/a.tar.partial"), code: ENOENT))) {
      try writer("no/a.tar")
    }
    #expect {
      try ArchiveWriter.open(plan: plan, path: "/sys/a.tar", replacing: false)
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
      try ArchiveWriter.open(plan: plan, path: scratch("a.tar"), replacing: false)
    } throws: { error in
      guard case LayoutError.archive(.noSpace(scratch("a.tar.partial"), let needed, .some, ENOSPC)) = error
      else { return false }
      return needed == plan.totalSize
    }
    #expect(try scratch.names == [])

    let place = ArchivePlace(scratch("a.tar"), volumeSize: 1 << 43)
    #expect {
      try VolumeWriter.open(plan: plan, place: place, numbers: [2, 3], replacing: false)
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
    let stream = try ArchiveStream.open(plan: plan, descriptor: descriptor, name: "a pipe")
    let blob = plan.blobs[0]
    let bytes = try #require(images.flatMap(\.blobs).first { Digest(of: $0) == blob.digest })
    let second = try #require(images.flatMap(\.blobs).first { Digest(of: $0) == plan.blobs[1].digest })
    #expect(throws: LayoutError.outOfOrder(plan.blobs[1].digest)) { try stream.put(second) }
    #expect(throws: LayoutError.notPlanned(Digest(of: [9]))) { try stream.put([9]) }
    #expect(throws: LayoutError.incomplete(plan.blobs.map(\.digest))) { try stream.finish() }
    // A wrong byte went out: the right ones afterwards do not mend it.
    let wrong: [UInt8] = [bytes[0] ^ 1]
    var entry = try stream.begin(blob.digest)
    try entry.write(wrong)
    entry.restart()
    do {
      try entry.write(bytes)
      Issue.record("a wrong byte was taken for the right one")
    } catch {
      let fault = DigestError.mismatch(expected: Digest(of: [bytes[0]]), actual: Digest(of: wrong))
      #expect(error as? LayoutError == .wrongContent(blob.digest, fault))
    }
    entry.suspend()
    #expect(throws: LayoutError.outOfOrder(blob.digest)) { try stream.put(bytes) }
    #expect(throws: LayoutError.incomplete(plan.blobs.map(\.digest))) { try stream.finish() }
  }

  @Test func `names its output when nobody reads it`() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    #expect(throws: LayoutError.archive(.file(.write, path: "a pipe", code: EPIPE))) {
      try ArchiveStream.open(plan: ArchivePlan(TestArchive.images()), descriptor: ends[1], name: "a pipe")
    }
  }
}
