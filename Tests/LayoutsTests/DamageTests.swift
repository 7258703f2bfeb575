import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing
@testable import Layouts

@Suite struct `Damage to an archive of Ferry's` {
  let scratch: ScratchDirectory
  let bytes: [UInt8]
  let plan: ArchivePlan
  let images: [TestImage]

  init() throws {
    scratch = try ScratchDirectory()
    let base = try TestImage.Layer("base", size: 600)
    let app = try TestImage("old.example/team/app:1.0", layers: [base])
    let arm = try TestImage(
      "old.example/x:a", layers: [base, try TestImage.Layer("arm")], architecture: "arm64")
    images = [app, try TestImage("old.example/multi:2", index: [app, arm])]
    let known = arm.manifests[0].blobs[2]
    let omissions = [Omission(known, reason: .known)]
    let files: [(path: String, bytes: [UInt8])] = [("ferry/note.md", Array("text".utf8))]
    plan = try ArchivePlan(images, omissions: omissions, extraFiles: files)
    try TestArchive.write(images, to: scratch("a.tar"), omissions: omissions, extraFiles: files)
    bytes = try scratch.read("a.tar")
    #expect(try Layout.open(scratch("a.tar")).problems == [])
  }

  /// Whether opening the archive, or hashing every blob that opening found, shows that something is wrong.
  func isFound(_ path: String) throws -> Bool {
    guard let layout = try? Layout.open(path), layout.problems.isEmpty else { return true }
    let file = try DataFile.open(reading: path)
    return try layout.blobs.contains { digest, extent in
      try Digest(of: file.read(Int(extent.size), at: extent.offset)) != digest
    }
  }

  /// Changes a file's bytes one after the other, a part of them, and expects each change to be found.
  func expectEveryChangeFound(
    in bytes: [UInt8], _ indices: some Sequence<Int>, change: (UInt8, Int) -> UInt8
  ) throws {
    let path = try scratch.write(bytes, to: "changing.tar")
    let file = try DataFile.create(path)
    for index in indices {
      let changed = [change(bytes[index], index)]
      let original = [bytes[index]]
      try file.write(changed.span.bytes, at: Int64(index))
      #expect(try isFound(path), "byte \(index): \(original) → \(changed)")
      try file.write(original.span.bytes, at: Int64(index))
    }
    #expect(try !isFound(path))
  }

  @Test(arguments: 0..<4)
  func `is found whichever byte of a small archive changes`(part: Int) throws {
    try TestArchive.write([TestImage("h.example/a:1", layers: [TestImage.Layer("l")])], to: scratch("s.tar"))
    let bytes = try scratch.read("s.tar")
    // A bit that differs from byte to byte, so that all eight have their turn.
    // Zeros fill up most of it, and one is like the next: every eighth of them.
    let indices = stride(from: part, to: bytes.count, by: 4).filter {
      bytes[$0] != 0 || $0 / 4 % 8 == $0 / 512 % 8
    }
    try expectEveryChangeFound(in: bytes, indices) { byte, index in
      byte ^ 1 << UInt8(index / 4 % 8)
    }
  }

  @Test func `is found when a letter in the archive's own files becomes another`() throws {
    for section in plan.sections where !section.isBlob {
      let indices = Int(section.offset)..<Int(section.offset + section.size)
      try expectEveryChangeFound(in: bytes, indices) { byte, _ in byte &+ 1 }
    }
  }

  @Test func `is found in an archive with all that archives have`() throws {
    try expectEveryChangeFound(in: bytes, stride(from: 0, to: bytes.count, by: 13)) { byte, index in
      byte ^ 1 << UInt8(index % 8)
    }
  }

  @Test func `is named by the entry it falls in`() throws {
    var changes: [(offset: Int64, expected: LayoutProblem)] = []
    for section in plan.sections.dropFirst(4) where section.isBlob {
      changes.append((section.headerOffset + 3, .notCanonical(path: section.path, part: .header)))
      // The checksum's end, which readers of tars pass over.
      changes.append((section.headerOffset + 155, .notCanonical(path: section.path, part: .header)))
      if section.end > section.offset + section.size {
        changes.append((section.end - 1, .notCanonical(path: section.path, part: .padding)))
      }
    }
    for section in plan.sections.prefix(4) {
      changes.append((section.end - 1, .notCanonical(path: section.path, part: .padding)))
    }
    let last = try #require(plan.sections.last)
    changes.append((plan.totalSize - 700, .notCanonical(path: last.path, part: .endMarker)))
    #expect(changes.count > 10)
    for (offset, expected) in changes {
      var changed = bytes
      changed[Int(offset)] ^= 1
      let layout = try Layout.open(scratch.write(changed, to: "x.tar"))
      #expect(layout.problems == [expected])
      // A damaged header hides nothing: where the blobs lie is known.
      #expect(layout.blobs.count == plan.blobs.count + plan.manifests.count)
    }
  }

  @Test func `to the layout's own files is named`() throws {
    func problems(_ path: String, _ from: String, _ to: String) throws -> [LayoutProblem] {
      let section = try #require(plan.sections.first { $0.path == path })
      let known = bytes[Int(section.offset)..<Int(section.offset + section.size)]
      let content = String(decoding: known, as: UTF8.self)
      #expect(content.contains(from) && from.utf8.count == to.utf8.count)
      let changed = Array(content.replacingOccurrences(of: from, with: to).utf8)
      var archive = bytes
      archive.replaceSubrange(Int(section.offset)..<Int(section.offset + section.size), with: changed)
      return try Layout.open(scratch.write(archive, to: "x.tar")).problems
    }
    #expect(
      try problems("manifest.json", "old.example", "new.example")
        == [.notCanonical(path: "manifest.json", part: .content)])
    #expect(
      try problems("index.json", "old.example/multi", "old.example/multy")
        .contains(.disagreement(path: "index.json")))
    #expect(
      try problems("ferry/note.md", "text", "next")
        == [
          .damagedFile(
            path: "ferry/note.md", expected: Digest(of: Array("text".utf8)),
            actual: Digest(of: Array("next".utf8)))
        ])
    let found = try problems("ferry.json", "known", "knowm")
    #expect(found.contains { if case .damagedFile("ferry.json", _, _) = $0 { true } else { false } })
    #expect(
      try problems("index.json", "org.ferry.ledger", "org.fairy.ledger")
        .contains(.unannounced(path: "ferry.json")))
  }

  @Test func `by cutting is found wherever it is cut`() throws {
    for length in stride(from: 0, to: bytes.count, by: 61) {
      do {
        let layout = try Layout.open(scratch.write(Array(bytes.prefix(length)), to: "x.tar"))
        #expect(
          layout.problems.contains { if case .truncated(_, Int64(length)) = $0 { true } else { false } },
          "\(length): \(layout.problems)")
        for extent in layout.blobs.values { #expect(extent.offset + extent.size <= length) }
      } catch let error as LayoutError {
        let path = scratch("x.tar")
        switch error {
        case .truncated(path, Int64(length)): break
        case .notAnArchive(path) where length < 11: break
        default: Issue.record("\(length): \(error)")
        }
      }
    }
  }

  @Test func `by cutting names what is lost`() throws {
    let last = try #require(plan.blobs.last)
    let length = Int(last.offset + last.size - 1)
    let layout = try Layout.open(scratch.write(Array(bytes.prefix(length)), to: "x.tar"))
    #expect(layout.problems.contains(.truncated(path: BlobPath.path(of: last.digest), at: Int64(length))))
    #expect(
      layout.problems.contains {
        if case .missing(let descriptor) = $0 { descriptor.digest == last.digest } else { false }
      })
  }

  @Test func `by adding is found`() throws {
    for tail in [[7], [UInt8](repeating: 0, count: 512) + [7], [UInt8](repeating: 7, count: 10_240)] {
      let layout = try Layout.open(scratch.write(bytes + tail, to: "x.tar"))
      #expect(layout.problems == [.trailingBytes(at: plan.totalSize)])
    }
  }

  @Test func `by removing is found`() throws {
    let entries = try TestArchive.entries(of: scratch("a.tar"))
    #expect(entries.count == plan.sections.count)
    for index in entries.indices {
      var other = entries
      other.remove(at: index)
      let problems = (try? Layout.open(TestArchive.tar(other, to: scratch, "y.tar")))?.problems
      #expect(problems?.isEmpty != true, "without \(entries[index].name)")
    }
  }

  @Test func `by taking it apart and putting it together with GNU tar is none, and known`() throws {
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    try Peer.run("tar", "-xf", scratch("a.tar"), "-C", scratch("d"))
    try Peer.run("tar", "-cf", scratch("x.tar"), "-C", scratch("d"), ".")
    let layout = try Layout.open(scratch("x.tar"))
    #expect(layout.problems.isEmpty && layout.isRepacked)
    // The content is all there.
    for image in layout.images { _ = try layout.tree(of: image) }
  }

  @Test func `of many random kinds never goes unseen and never ends the program`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var changed = bytes
      switch Int.random(in: 0..<4, using: &random) {
      case 0: changed.remove(at: Int.random(in: changed.indices, using: &random))
      case 1: changed.insert(0, at: Int.random(in: changed.indices, using: &random))
      case 2:
        let from = Int.random(in: 0..<(changed.count / 512), using: &random) * 512
        changed.removeSubrange(from..<min(from + 512, changed.count))
      default:
        let from = Int.random(in: 0..<(changed.count / 512), using: &random) * 512
        for index in from..<min(from + 512, changed.count) {
          changed[index] = UInt8.random(in: 0...255, using: &random)
        }
      }
      if changed != bytes { #expect(try isFound(scratch.write(changed, to: "x.tar"))) }
    }
  }
}
