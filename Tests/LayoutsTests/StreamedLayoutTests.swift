import Foundation
import Images
import Synchronization
import Tar
import TestSupport
import Testing
@testable import Digests
@testable import Layouts

/// Bytes that come in pieces, and an account of how many were asked for.
private final class Passage: Sendable {
  let bytes: [UInt8]
  let piece: Int
  private let position = Mutex(0)

  init(_ bytes: [UInt8], piece: Int = 1 << 20) {
    self.bytes = bytes
    self.piece = piece
  }

  /// How many bytes were taken.
  var taken: Int { position.withLock { $0 } }

  func content() throws -> StreamedContent {
    try StreamedContent("pipe") { [self] buffer in
      position.withLock { position in
        let part = bytes[position...].prefix(min(piece, buffer.count))
        buffer.copyBytes(from: part)
        position += part.count
        return part.count
      }
    }
  }

  func layout() throws -> StreamedLayout {
    try StreamedLayout.open(content(), keepingFrontIn: "/nonexistent")
  }
}

extension Proof {
  /// What the verifier says of a blob that is `bytes`.
  fileprivate init(of bytes: [UInt8]) { self.init(digest: Digest(of: bytes), size: Int64(bytes.count)) }
}

extension StreamedLayout {
  /// All bytes of the blob that is due, read `piece` bytes at a time.
  fileprivate func readBlob(piece: Int = 1000) throws -> [UInt8] {
    guard let due = blob else { return [] }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: piece)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try read(due.digest, into: $0, at: Int64(bytes.count)) }
      guard count > 0 else { return bytes }
      bytes += buffer.prefix(count)
    }
  }

  /// Reads to the end; whether nothing at all was wrong.
  fileprivate func isWhole() throws -> Bool {
    guard front.problems.isEmpty else { return false }
    while let due = blob {
      let bytes = try readBlob()
      guard Digest(of: bytes) == due.digest else { return false }
      try complete(Proof(of: bytes))
    }
    return problems.isEmpty
  }
}

@Suite struct `An archive that passes by` {
  let scratch: ScratchDirectory
  let images: [TestImage]
  let plan: ArchivePlan
  let bytes: [UInt8]

  init() throws {
    scratch = try ScratchDirectory()
    images = try TestArchive.images()
    let files: [(path: String, bytes: [UInt8])] = [
      ("ferry/note.md", Array("text".utf8)), ("ferry/" + String(repeating: "long", count: 60), [1]),
    ]
    plan = try ArchivePlan(images, extraFiles: files)
    try TestArchive.write(images, to: scratch("a.tar"), extraFiles: files)
    bytes = try scratch.read("a.tar")
  }

  @Test(arguments: [1, 511, 512, 10_000, 1 << 20])
  func `is read as one in a file, in whatever pieces it comes`(piece: Int) throws {
    let resting = try Layout.open(scratch("a.tar"))
    let stream = try Passage(bytes, piece: piece).layout()
    #expect(stream.front.problems == [])
    #expect(stream.front.archiveDigest == resting.archiveDigest)
    #expect(stream.front.images == resting.images)
    #expect(stream.front.files == resting.files)
    #expect(stream.front.blobs == resting.blobs)
    #expect(stream.front.totalSize == resting.totalSize)
    #expect(stream.blobs == plan.blobs)
    for image in stream.front.images {
      let tree = try stream.front.tree(of: image)
      for config in tree.configs {
        #expect(try !stream.front.bytes(of: config, limit: 1 << 20).isEmpty)
      }
    }
    #expect(try stream.isWhole())
    #expect(stream.blob == nil)
  }

  @Test(arguments: [["gzip", "-nc"], ["zstd", "-qc"], ["xz", "-c"]])
  func `may be compressed`(command: [String]) throws {
    let packed = try Peer.run(command[0], command[1], input: bytes)
    #expect(try Passage(packed, piece: 999).layout().isWhole())
    for other in [packed + [1], Array(packed.dropLast(1)), Array(packed.dropLast(9))] {
      #expect((try? Passage(other).layout().isWhole()) != true)
    }
    let path = try scratch.write(packed, to: "no-name-tells")
    let content = try #require(try StreamedContent.open(path))
    #expect(try StreamedLayout.open(content, keepingFrontIn: scratch.path).isWhole())
    #expect(throws: LayoutError.self) { try Layout.open(path) }
  }

  @Test func `may hold no layers, but not nothing`() throws {
    try TestArchive.write([], to: scratch("none.tar"))
    let none = Passage(try scratch.read("none.tar"))
    #expect(throws: LayoutError.noImage(path: "pipe", others: [])) { try none.layout() }
    try TestArchive.write([TestImage("h.example/a:1", layers: [])], to: scratch("bare.tar"))
    #expect(try Passage(scratch.read("bare.tar")).layout().isWhole())
  }

  @Test func `is read no farther than its front until it is asked for more`() throws {
    let last = try TestImage("h.example/big:1", layers: [TestImage.Layer("big", size: 200_000)])
    try TestArchive.write([last], to: scratch("b.tar"))
    let passage = Passage(try scratch.read("b.tar"), piece: 512)
    let stream = try passage.layout()
    let first = try #require(stream.blobs.last)
    #expect(passage.taken < first.offset + 9000)
  }

  @Test func `gives its last bytes again, and no others`() throws {
    let size = StreamWindow.size + 100_000
    let layer = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    var window = StreamWindow()
    window.restart(for: Int64(size))
    layer.withUnsafeBytes { whole in
      for start in stride(from: 0, to: size, by: 77_777) {
        window.append(UnsafeRawBufferPointer(rebasing: whole[start..<min(size, start + 77_777)]))
      }
    }
    #expect(window.start == Int64(size - StreamWindow.size) && window.end == Int64(size))
    var buffer = [UInt8](repeating: 0, count: 50_000)
    for offset in [window.start, window.start + 1, window.end - 50_000, window.end - 3] {
      let count = buffer.withUnsafeMutableBytes { window.copy(into: $0, at: offset) }
      #expect(count > 0 && buffer.prefix(count) == layer[Int(offset)..<(Int(offset) + count)])
    }

    let stream = try Passage(bytes).layout()
    let due = try #require(stream.blob)
    let other = try #require(stream.blobs.last).digest
    func read(_ digest: Digest, at offset: Int64) throws -> Int {
      try buffer.withUnsafeMutableBytes {
        try stream.read(digest, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<10]), at: offset)
      }
    }
    #expect(throws: LayoutError.outOfOrder(other)) { _ = try read(other, at: 0) }
    #expect(throws: LayoutError.outOfOrder(due.digest)) { _ = try read(due.digest, at: 1) }
    #expect(try read(due.digest, at: 0) == 10)
    #expect(try read(due.digest, at: 10) == 10)
    #expect(try read(due.digest, at: 3) > 0)
    #expect(throws: LayoutError.self) { try stream.complete(Proof(of: [])) }
    let whole = try stream.readBlob()
    #expect(Digest(of: whole) == due.digest)
    try stream.complete(Proof(of: whole))
    #expect(throws: LayoutError.outOfOrder(due.digest)) { try stream.complete(Proof(of: whole)) }
    #expect(throws: LayoutError.outOfOrder(due.digest)) { _ = try read(due.digest, at: 0) }
  }

  @Test func `is not begun when its order does not allow it, or another tool wrote it`() throws {
    try TestArchive.write(images, to: scratch("plain.tar"))
    let entries = try TestArchive.entries(of: scratch("plain.tar"))
    let reversed = try TestArchive.tar(Array(entries.reversed()), to: scratch, "reversed.tar")
    #expect(
      throws: LayoutError.notStreamable(path: "pipe", .order(entry: entries[entries.count - 1].name))
    ) { try Passage(scratch.read("reversed.tar")).layout() }
    #expect(try Layout.open(reversed).images.count == images.count)
    var foreign = entries.filter { !$0.name.hasPrefix("ferry") }
    foreign[1].bytes = Array(#"{"schemaVersion":2,"manifests":[]}"#.utf8)
    _ = try TestArchive.tar(foreign, to: scratch, "foreign.tar")
    #expect(throws: LayoutError.notStreamable(path: "pipe", .foreign)) {
      try Passage(scratch.read("foreign.tar")).layout()
    }
    let save = [
      TestArchive.Entry(name: "./4f5e/layer.tar", bytes: [1]), .init(name: "manifest.json", bytes: [2]),
    ]
    _ = try TestArchive.tar(save, to: scratch, "save.tar")
    #expect(throws: LayoutError.notStreamable(path: "pipe", .order(entry: "./4f5e/layer.tar"))) {
      try Passage(scratch.read("save.tar")).layout()
    }
  }

  @Test func `has a front that fits into memory`() throws {
    let header = try TarHeader.bytes(path: "oci-layout", size: 1 << 40)
    let passage = Passage(header + [UInt8](repeating: 32, count: 1 << 20), piece: 4096)
    #expect(
      throws: LayoutError.oversized(path: "pipe", entry: "oci-layout", size: 1 << 40, limit: 4 << 10)
    ) { try passage.layout() }
    #expect(passage.taken < 64 << 10)
  }
}

@Suite struct `Damage to an archive that passes by` {
  let scratch: ScratchDirectory
  let bytes: [UInt8]
  let plan: ArchivePlan

  init() throws {
    scratch = try ScratchDirectory()
    let base = try TestImage.Layer("base", size: 300)
    let app = try TestImage(
      "old.example/team/app:1.0", layers: [base, try TestImage.Layer("next", size: 300)])
    let arm = try TestImage(
      "old.example/x:a", layers: [base, try TestImage.Layer("arm")], architecture: "arm64")
    let images = [app, try TestImage("old.example/multi:2", index: [app, arm])]
    let omissions = [Omission(arm.manifests[0].blobs[2], reason: .known)]
    let files: [(path: String, bytes: [UInt8])] = [("ferry/note.md", Array("text".utf8))]
    plan = try ArchivePlan(images, omissions: omissions, extraFiles: files)
    try TestArchive.write(images, to: scratch("a.tar"), omissions: omissions, extraFiles: files)
    bytes = try scratch.read("a.tar")
    #expect(try Passage(bytes).layout().isWhole())
  }

  private func isFound(_ bytes: [UInt8], piece: Int = 1 << 20) -> Bool {
    (try? Passage(bytes, piece: piece).layout().isWhole()) != true
  }

  @Test func `is found whichever byte changes`() {
    // Every third, with another bit each; which third, chance decides.
    for index in stride(from: Int.random(in: 0..<3), to: bytes.count, by: 3) {
      var changed = bytes
      changed[index] ^= 1 << (index % 8)
      #expect(isFound(changed), "byte \(index)")
    }
  }

  @Test func `is found wherever it is cut, and what is missing is named`() throws {
    let boundaries = plan.sections.flatMap { [$0.headerOffset, $0.offset, $0.offset + $0.size, $0.end] }
    let lengths =
      boundaries.flatMap { [Int($0) - 1, Int($0), Int($0) + 1] } + stride(from: 0, to: bytes.count, by: 97)
    for length in lengths where bytes.indices.contains(length) {
      #expect(isFound(Array(bytes[..<length])), "\(length) bytes")
    }
    for blob in plan.blobs {
      let end = blob.offset + blob.size / 2
      let stream = try Passage(Array(bytes[..<Int(end)])).layout()
      let isConfig = blob.offset < plan.blobs[plan.blobs.count - 2].offset
      guard !isConfig else {
        #expect(stream.front.problems == [.truncated(path: BlobPath.path(of: blob.digest), at: end)])
        continue
      }
      let error = #expect(throws: LayoutError.self) { try stream.isWhole() }
      let rest = plan.blobs.filter { $0.offset >= blob.offset }.map { LayoutProblem.missing($0.descriptor) }
      let path = BlobPath.path(of: blob.digest)
      #expect(error == .brokenStream(path: "pipe", [.truncated(path: path, at: end)] + rest))
    }
  }

  @Test func `is found when there is more`() throws {
    for more in [[0], [1], [UInt8](repeating: 0, count: 10_240) + [1], bytes] {
      let stream = try Passage(bytes + more).layout()
      _ = try stream.isWhole()
      #expect(stream.problems + stream.front.problems == [.trailingBytes(at: plan.totalSize)])
    }
  }

  @Test func `is found when entries are swapped, dropped, or there twice`() throws {
    let sections = plan.sections.map { Array(bytes[Int($0.headerOffset)..<Int($0.end)]) }
    let end = Array(bytes[Int(plan.sections.last?.end ?? 0)...])
    // Behind the configs the order is another tool's, and no damage.
    let layers = sections.count - plan.blobs.count { !$0.descriptor.mediaType.isImageConfig }
    for first in sections.indices {
      var dropped = sections
      dropped.remove(at: first)
      #expect(isFound(dropped.flatMap(\.self) + end), "without \(plan.sections[first].path)")
      #expect(isFound(Array((sections[...first] + sections[first...]).joined()) + end))
      for second in sections.indices where second > first {
        var swapped = sections
        swapped.swapAt(first, second)
        let stream = swapped.flatMap(\.self) + end
        #expect(
          isFound(stream) == (first < layers),
          "\(plan.sections[first].path) and \(plan.sections[second].path)")
        guard first >= layers else { continue }
        let layout = try Passage(stream).layout()
        #expect(try layout.isWhole() && layout.isRearranged)
      }
    }
    // Layers, whose places the front gives, and which are as large as each other.
    let last = sections.count - 1
    var moved = sections
    moved[last] = sections[last - 1]
    let error = #expect(throws: LayoutError.self) {
      try Passage(moved.flatMap(\.self) + end).layout().isWhole()
    }
    #expect(
      error
        == .brokenStream(
          path: "pipe",
          [.rearranged(path: plan.sections[last - 1].path, at: plan.sections[last].headerOffset)]))
  }

  @Test func `that was decompressed from more than was declared ends with the first byte too many`() throws {
    // A bomb: the archive, and a gigabyte of zeros behind it.
    let bomb = try Peer.run(
      "sh", "-c", "{ cat \"$0\"; head -c 1G /dev/zero; } | gzip -c", scratch("a.tar"))
    let passage = Passage(bomb, piece: 4096)
    let stream = try passage.layout()
    _ = try stream.isWhole()
    #expect(stream.problems.contains(.trailingBytes(at: plan.totalSize)))
    #expect(passage.taken < bomb.count / 2)
    // As many as fill a record are none too many.
    let padding = 2 * 10_240 - bytes.count % 10_240
    #expect(try Passage(bytes + [UInt8](repeating: 0, count: padding)).layout().isWhole())
  }
}
