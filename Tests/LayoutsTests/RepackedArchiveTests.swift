import Digests
import Files
import Foundation
import Images
import TestSupport
import Synchronization
import Tar
import Testing

@testable import Layouts

/// What Ferry wrote, unpacked and packed again on its way.
@Suite(.waiting) struct `An archive of Ferry's that another tool packed again` {
  let scratch: ScratchDirectory
  let original: Layout
  let plan: ArchivePlan

  init() throws {
    scratch = try ScratchDirectory()
    let images = try TestArchive.images()
    let files: [(path: String, bytes: [UInt8])] = [("ferry/note.md", Array("text".utf8))]
    plan = try ArchivePlan(images, extraFiles: files)
    try TestArchive.write(images, to: scratch("a.tar"), extraFiles: files)
    original = try Layout.open(scratch("a.tar"))
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    try Command.run("tar", ["-xf", scratch("a.tar"), "-C", scratch("d")])
  }

  private static let python = """
    import os, sys, tarfile
    source, target, form = sys.argv[1:4]
    out = tarfile.open(target, 'w', format=getattr(tarfile, form))
    for member in tarfile.open(source):
      out.addfile(member, tarfile.open(source).extractfile(member.name))
    out.close()
    """

  /// Packs what lies in `d`, as `way` says, into `x.tar`.
  private func repack(_ way: String) throws -> String {
    if way.hasSuffix("_FORMAT") {
      try Command.run("python3", ["-c", Self.python, scratch("a.tar"), scratch("x.tar"), way])
    } else {
      try Command.run("sh", ["-c", "cd \(scratch("d")) && tar \(way)"])
    }
    return scratch("x.tar")
  }

  @Test(arguments: [
    "-cf ../x.tar .", "-cf ../x.tar *", "--format=pax -cf ../x.tar .", "--format=v7 -cf ../x.tar .",
    "--sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 -cf ../x.tar *",
    "-b 1000 -cf ../x.tar .", "USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT",
  ])
  func `is intact, and has the archive's digest`(way: String) throws {
    let path = try repack(way)
    let layout = try Layout.open(path)
    #expect(layout.problems == [] && layout.isWrittenByFerry)
    #expect(layout.archiveDigest == original.archiveDigest && layout.images == original.images)
    let file = try DataFile.open(reading: path)
    #expect(layout.blobs.keys.sorted() == original.blobs.keys.sorted())
    for (digest, extent) in layout.blobs {
      #expect(try Digest(of: file.read(Int(extent.size), at: extent.offset)) == digest)
    }
    #expect(layout.isRepacked)
    #expect(layout.files == original.files && layout.omissions == original.omissions)
  }

  @Test func `is one that was padded to whole records`() throws {
    let bytes = try scratch.read("a.tar")
    let rest = 10_240 - bytes.count % 10_240
    for more in [rest, rest + 10_240, rest + 92 * 10_240] {
      let path = try scratch.write(bytes + [UInt8](repeating: 0, count: more), to: "x.tar")
      let layout = try Layout.open(path)
      #expect(layout.problems == [] && layout.isRepacked)
    }
    for more in [1, 512, rest + 512, rest + 300 * 10_240] {
      let path = try scratch.write(bytes + [UInt8](repeating: 0, count: more), to: "x.tar")
      #expect(try Layout.open(path).problems == [.trailingBytes(at: plan.totalSize)])
    }
  }

  @Test func `is damaged where one of its files is`() throws {
    for name in ["index.json", "ferry.json", "ferry/note.md", "oci-layout"] {
      let bytes = try scratch.read("d/\(name)")
      try scratch.write(bytes + [32], to: "d/\(name)")
      let layout = try? Layout.open(repack("-cf ../x.tar ."))
      #expect(layout?.problems.isEmpty != true || layout?.archiveDigest != original.archiveDigest, "\(name)")
      try scratch.write(bytes, to: "d/\(name)")
    }
    let manifest = try #require(original.images.first?.root.digest)
    for digest in [manifest, try #require(plan.blobs.first?.digest)] {
      let path = "d/\(BlobPath.path(of: digest))"
      let bytes = try scratch.read(path)
      try scratch.write(Array(bytes.dropLast()), to: path)
      #expect(try !Layout.open(repack("-cf ../x.tar .")).problems.isEmpty)
      try FileManager.default.removeItem(atPath: scratch(path))
      #expect(
        try Layout.open(repack("-cf ../x.tar .")).problems.contains {
          if case .missing(let descriptor) = $0 { descriptor.digest == digest } else { false }
        })
      try scratch.write(bytes, to: path)
    }
    #expect(try Layout.open(repack("-cf ../x.tar .")).problems == [])
  }

  @Test func `may have files beside its own, but none that others look for`() throws {
    try scratch.write([1], to: "d/guard.log")
    let layout = try Layout.open(repack("-cf ../x.tar ."))
    #expect(layout.problems == [] && layout.remarks == [.surplus(path: "guard.log")])
    for name in ["repositories", "Manifest.json", "ferry/more"] {
      try scratch.write([1], to: "d/\(name)")
      #expect(try Layout.open(repack("-cf ../x.tar .")).problems == [.surplus(path: name)])
      try FileManager.default.removeItem(atPath: scratch("d/\(name)"))
    }
  }

  @Test func `has the same verdict when it comes through a pipe`() throws {
    let bytes = try scratch.read("a.tar")
    func verdicts(_ bytes: [UInt8]) throws -> [[LayoutProblem]] {
      let content = try StreamedContent("x.tar", reading: bytes)
      return [
        try Layout.open(scratch.write(bytes, to: "x.tar")).problems,
        try Layout.open(passing: content, keepingIn: scratch("")).problems,
      ]
    }
    // All headers but one are another tool's.
    var changed = bytes
    for section in plan.sections.dropLast() {
      changed[Int(section.headerOffset) + 146] ^= 1
      TestArchive.seal(&changed, headerAt: Int(section.headerOffset))
    }
    let found = try verdicts(changed)
    #expect(found[0].count == plan.sections.count - 1 && found[0] == found[1])
    for way in [
      "-cf ../x.tar .", "-cf ../x.tar --exclude=ferry.json .", "-cf ../x.tar --exclude=note.md .",
      "--format=gnu --incremental -cf ../x.tar .",
    ] {
      let packed = try scratch.read("x.tar", after: { _ = try repack(way) })
      let found = try verdicts(packed)
      #expect(found[0] == found[1] && found[0].isEmpty == !way.contains("exclude"))
    }
    let order = plan.sections.map(\.path).joined(separator: " ")
    let packed = try scratch.read("x.tar", after: { _ = try repack("-cf ../x.tar \(order)") })
    let last = try #require(plan.blobs.last.flatMap { try? Layout.open(scratch("x.tar")).blobs[$0.digest] })
    let cut = packed.prefix(Int(last.offset) + 1)
    let cutOnes = try verdicts(Array(cut))
    #expect(
      cutOnes[0] == cutOnes[1] && cutOnes[0].contains { if case .truncated = $0 { true } else { false } })
  }

  @Test func `streams where it was packed in Ferry's order`() throws {
    let order = plan.sections.map(\.path).joined(separator: " ")
    func stream(_ bytes: [UInt8], takesPacked: Bool = true) throws -> StreamedLayout {
      let content = try StreamedContent("x.tar", reading: bytes)
      return try StreamedLayout.open(
        content, keeping: StreamedLayout.front(of: content, in: "/nonexistent"), takesPacked: takesPacked)
    }
    // A directory with what lay in it.
    let list = try scratch.read(
      "x.tar", after: { _ = try repack("--format=gnu --incremental -cf ../x.tar blobs") }
    ).prefix(1024)
    for (form, hasLists) in [("gnu", false), ("pax", false), ("ustar", false), ("v7", false), ("gnu", true)] {
      var packed = try scratch.read(
        "x.tar", after: { _ = try repack("--format=\(form) -cf ../x.tar \(order)") })
      if hasLists {
        let last = try #require(
          plan.blobs.last.flatMap { try? Layout.open(scratch("x.tar")).blobs[$0.digest] })
        packed.insert(contentsOf: list, at: Int(last.offset) - 512)
        packed.insert(contentsOf: list, at: 0)
      }
      let layout = try stream(packed)
      #expect(
        layout.isSound && layout.front.isRepacked && layout.front.archiveDigest == original.archiveDigest)
      if hasLists {
        var incomplete = packed
        let record = try #require(incomplete.lastIndex(of: UInt8(ascii: "D")))
        #expect(throws: LayoutError.tar(.foreignForm(path: "x.tar", .incremental))) {
          incomplete[record] = UInt8(ascii: "N")
          let layout = try stream(incomplete)
          while layout.blob != nil { try layout.skip() }
        }
      }
      var came: [Digest] = []
      while let blob = layout.blob {
        var bytes = [UInt8](repeating: 0, count: Int(blob.size))
        var count = 0
        while count < bytes.count {
          count += try bytes[count...].withUnsafeMutableBytes {
            try layout.read(blob.digest, into: $0, at: Int64(count))
          }
        }
        came.append(Digest(of: bytes))
        try layout.skip()
      }
      #expect(came == plan.blobs.map(\.digest) && layout.problems == [])
      #expect(throws: LayoutError.notStreamable(path: "x.tar", .foreign)) {
        try stream(packed, takesPacked: false)
      }
      // Cut anywhere behind its front.
      let end = try #require(plan.blobs.last.flatMap { plan.extent(of: $0.digest) })
      for length in [packed.count / 2, Int(end.offset), packed.count - 10_240 - 512]
      where length < packed.count {
        #expect(throws: LayoutError.self) {
          let layout = try stream(Array(packed.prefix(length)))
          while layout.blob != nil { try layout.skip() }
          if !layout.isSound { throw LayoutError.truncated(path: "x.tar", at: 0) }
        }
      }
    }
  }

  /// Commands that lay something beside the images, and where it is found.
  private static let beside = [
    ("cp ../a.tar in.tar", "in.tar"), ("mkdir sub && cp ../a.tar sub/in.tar", "sub/in.tar"),
    ("gzip -c ../a.tar > in.tgz", "in.tgz"), ("xz -0 -c ../a.tar > in", "in"),
    ("mkdir -p sub/deep && cp -r index.json oci-layout blobs sub/deep", "sub/deep"),
    ("mkdir sub && cp index.json sub", "sub"), ("mkdir blobs/more && cp oci-layout blobs/more", "blobs/more"),
    ("head -c 9000 ../a.tar | gzip -c | head -c 40 > in.tgz", "in.tgz"),
  ]

  @Test(arguments: beside) func `is refused by the archives that were packed with it`(
    make: String, place: String
  ) throws {
    try Command.run("sh", ["-c", "cd \(scratch("d")) && \(make)"])
    let more = place.hasPrefix("blobs/") ? place : String(place.prefix { $0 != "/" })
    let order = (plan.sections.map(\.path) + [more]).joined(separator: " ")
    let packed = try scratch.read("x.tar", after: { _ = try repack("-cf ../x.tar \(order)") })
    func found(_ body: () throws -> Void) throws -> String? {
      do { try body() } catch LayoutError.holdsLayouts(_, let first, let count, _) {
        #expect(count == 1)
        return first
      }
      return nil
    }
    #expect(try found { _ = try Layout.open(scratch("x.tar")) } == place)
    #expect(
      try found {
        let content = try StreamedContent("x.tar", reading: packed)
        _ = try Layout.open(passing: content, keepingIn: "/nonexistent")
      } == place)
    #expect(
      try found {
        let content = try StreamedContent("x.tar", reading: packed)
        let front = StreamedLayout.front(of: content, in: "/nonexistent")
        let layout = try StreamedLayout.open(content, keeping: front, takesPacked: true)
        while layout.blob != nil { try layout.skip() }
      } == place)
  }

  @Test func `is no archive of which single headers were changed`() throws {
    var bytes = try scratch.read("a.tar")
    // Another time in all headers but the first, and at last in that too.
    for (index, section) in plan.sections.enumerated().reversed() {
      bytes[Int(section.headerOffset) + 146] ^= 1
      TestArchive.seal(&bytes, headerAt: Int(section.headerOffset))
      let layout = try Layout.open(scratch.write(bytes, to: "x.tar"))
      #expect(layout.isRepacked == (index == 0))
      #expect(layout.problems.count == (index == 0 ? 0 : plan.sections.count - index))
    }
  }
}

extension StreamedContent {
  /// What comes once.
  fileprivate convenience init(_ path: String, reading bytes: [UInt8]) throws {
    let position = Mutex(0)
    try self.init(path) { buffer in
      position.withLock { position in
        let part = bytes[position...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        position += part.count
        return part.count
      }
    }
  }
}

extension ScratchDirectory {
  /// A file that `make` makes.
  fileprivate func read(_ name: String, after make: () throws -> Void) throws -> [UInt8] {
    try make()
    return try read(name)
  }
}
