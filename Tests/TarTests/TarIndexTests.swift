import Files
import Tar
import Foundation
import TestSupport
import Testing

extension TarIndex {
  /// The index of a tar in which no name means anything.
  static func read(_ file: any RandomAccess) throws(TarError) -> TarIndex {
    try read(file, names: TarNames())
  }
}

@Suite struct `A tar's index` {
  /// Entries of every kind, with names that need extensions.
  static let writer = """
    import io, sys, tarfile
    formats = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}
    out = tarfile.open(sys.argv[1], 'w', format=formats[sys.argv[2]])
    def add(name, size, **more):
      info = tarfile.TarInfo(name); info.size = size
      for key, value in more.items(): setattr(info, key, value)
      out.addfile(info, io.BytesIO(b'x' * size) if info.isreg() else None)
    add('./', 0, type=tarfile.DIRTYPE)
    add('./oci-layout', 30)
    add('empty', 0)
    add('a/' * 40 + 'deep', 511)
    add('link', 0, type=tarfile.SYMTYPE, linkname='empty')
    add('hard', 0, type=tarfile.LNKTYPE, linkname='empty')
    if sys.argv[2] != 'ustar':
      add('long-' + 'n' * 300, 512)
      add('n\\u00e4me', 513)
      add('late', 1025, mtime=1.5, uid=3000000)
    add('pipe', 0, type=tarfile.FIFOTYPE)
    add('last', 100000)
    out.close()
    """
  static let reader = """
    import sys, tarfile
    for m in tarfile.open(sys.argv[1]):
      kind = 'file' if m.isreg() else 'directory' if m.isdir() else 'other'
      print(kind, m.size if m.isreg() else 0, m.offset, m.offset_data)
    """

  @Test(arguments: ["ustar", "gnu", "pax"])
  func `finds every entry where Python finds it`(format: String) throws {
    let scratch = try ScratchDirectory()
    try Peer.run("python3", "-c", Self.writer, scratch("a.tar"), format)
    let expected = Peer.text(try Peer.run("python3", "-c", Self.reader, scratch("a.tar")))
      .split(separator: "\n").map(String.init)
    let index = try TarIndex.read(DataFile.open(reading: scratch("a.tar")))
    #expect(index.entries.map { "\($0.kind) \($0.size) \($0.headerOffset) \($0.offset)" } == expected)
    #expect(index.entries.count >= 8)
    if case .marker = index.end {} else { Issue.record("\(index.end)") }
    #expect(index.entries[1].path == "./oci-layout")
    #expect(index.entries.last?.path == "last")
  }

  @Test func `passes over the lists that GNU tar makes of directories`() throws {
    let scratch = try ScratchDirectory()
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    for name in ["d/a", "d/b"] { try scratch.write([1, 2, 3], to: name) }
    for format in ["gnu", "oldgnu", "pax"] {
      try Peer.run(
        "tar", "--format", format, "--incremental", "-cf", "x.tar", "d", in: scratch.path)
      let index = try TarIndex.read(DataFile.open(reading: scratch("x.tar")))
      #expect(index.entries.map(\.path) == ["d/", "d/a", "d/b"])
      #expect(index.entries.map(\.kind) == [.directory, .file, .file])
      #expect(index.entries.allSatisfy { $0.contradiction == nil })
      #expect(index.entries[1].headerOffset == index.entries[0].end)
    }
  }

  @Test(arguments: ["gnu", "oldgnu", "pax"])
  func `knows what GNU tar left out because an earlier archive has it`(format: String) throws {
    let scratch = try ScratchDirectory()
    try FileManager.default.createDirectory(atPath: scratch("d"), withIntermediateDirectories: false)
    try scratch.write([1, 2, 3], to: "d/a")
    func pack() throws {
      try Peer.run("tar", "--format", format, "-g", "known", "-cf", "x.tar", "d", in: scratch.path)
    }
    try pack()
    #expect(try TarIndex.read(DataFile.open(reading: scratch("x.tar"))).entries.count == 2)
    try scratch.write([4], to: "d/b")
    try pack()
    #expect(throws: TarError.foreignForm(path: scratch("x.tar"), .incremental)) {
      try TarIndex.read(DataFile.open(reading: scratch("x.tar")))
    }
    // What is known of its headers alone.
    let bytes = try scratch.read("x.tar")
    var position = 0
    let coming = ComingEntry.read(at: 0, of: "x.tar", names: TarNames()) { count in
      defer { position += count }
      return Array(bytes[position...].prefix(count))
    }
    guard case .entry(let entry) = coming else { throw TarError.notATar(path: "x.tar") }
    #expect(entry.leavesOut == (format == "pax") && entry.kind == .directory)
    #expect((entry.size > 0) == (format != "pax"))
  }

  @Test(arguments: [
    ("", false), ("Ya\0Nb\0\0", true), ("YN\0DN\0YaN\0\0", false), ("Ya\0\0Nb\0", false),
    ("Rold\0Tnew\0Nb", true),
  ]) func `reads GNU tar's lists of directories in pieces of any size`(text: String, leavesOut: Bool) {
    for size in 1...9 {
      var list = DirectoryList()
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        list.take(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(list.leavesOut == leavesOut)
    }
  }

  @Test func `knows the later volumes of a tar that GNU tar cut`() throws {
    let scratch = try ScratchDirectory()
    try scratch.write([UInt8](repeating: 1, count: 40_000), to: "a")
    for form in ["--format=gnu", "--format=gnu --label=name", "--format=pax --label=name"] {
      try Peer.run(
        "sh", "-c", "tar \(form) -M -L 20 -F 'echo $TAR_VOLUME.tar >&$TAR_FD' -cf 1.tar a", in: scratch.path)
      let first = try TarIndex.read(DataFile.open(reading: scratch("1.tar")))
      if case .truncated = first.end {} else { Issue.record("\(first.end)") }
      for path in [scratch("2.tar"), scratch("3.tar")] {
        #expect(throws: TarError.foreignForm(path: path, .laterVolume)) {
          try TarIndex.read(DataFile.open(reading: path))
        }
      }
    }
  }

  @Test func `does not take a sparse file or a hard link for a file`() throws {
    let scratch = try ScratchDirectory()
    let sparse = try DataFile.create(scratch("sparse"))
    try sparse.write([UInt8](repeating: 1, count: 10).span.bytes, at: 1 << 20)
    try scratch.write([1, 2, 3], to: "plain")
    try FileManager.default.linkItem(atPath: scratch("plain"), toPath: scratch("second"))
    for format in ["gnu", "pax"] {
      try Peer.run(
        "tar", "-S", "--format", format, "-cf", "s.tar", "plain", "second", "sparse", in: scratch.path)
      let index = try TarIndex.read(DataFile.open(reading: scratch("s.tar")))
      #expect(index.entries.map(\.kind) == [.file, .other, .other])
      if case .marker = index.end {} else { Issue.record("\(index.end)") }
    }
  }

  @Test func `says where a cut tar ends, wherever it is cut`() throws {
    let scratch = try ScratchDirectory()
    try Peer.run("python3", "-c", Self.writer, scratch("a.tar"), "pax")
    let whole = try scratch.read("a.tar")
    let index = try TarIndex.read(DataFile.open(reading: scratch("a.tar")))
    guard case .marker(let marker) = index.end else { throw Peer.Failure(command: [], status: 0, errors: "") }
    for length in stride(from: 512, to: Int(marker) + 1024, by: 97) {
      let file = try DataFile.open(reading: scratch.write(Array(whole.prefix(length)), to: "cut.tar"))
      let cut = try TarIndex.read(file)
      switch cut.end {
      case .truncated(let at), .damaged(let at), .none(let at):
        #expect(at <= Int64(length))
      case .marker: Issue.record("a tar of \(length) bytes looks whole")
      case .absent: Issue.record("nothing is missing in the middle")
      }
      #expect(cut.entries.count <= index.entries.count)
      #expect(cut.entries.elementsEqual(index.entries.prefix(cut.entries.count)))
    }
  }

  @Test func `stops at a damaged header and looks for none behind it`() throws {
    let scratch = try ScratchDirectory()
    try Peer.run("python3", "-c", Self.writer, scratch("a.tar"), "ustar")
    let index = try TarIndex.read(DataFile.open(reading: scratch("a.tar")))
    var bytes = try scratch.read("a.tar")
    let broken = index.entries[3]
    bytes[Int(broken.headerOffset) + 3] ^= 1
    let damaged = try TarIndex.read(DataFile.open(reading: scratch.write(bytes, to: "b.tar")))
    #expect(damaged.entries.count == 3)
    #expect(damaged.end == .damaged(at: broken.headerOffset))
  }

  @Test func `tells a tar with a damaged first block from other files`() throws {
    let scratch = try ScratchDirectory()
    var bytes = try TarHeader.bytes(path: "oci-layout", size: 0) + TarHeader.endMarker
    bytes[0] ^= 1
    let damaged = try TarIndex.read(
      DataFile.open(reading: scratch.write(bytes, to: "a")), names: TarNames(first: "oci-layout"))
    #expect(damaged.end == .damaged(at: 0) && damaged.entries.isEmpty)
    let empty = try TarIndex.read(DataFile.open(reading: scratch.write(TarHeader.endMarker, to: "b")))
    #expect(empty.end == .marker(at: 0) && empty.entries.isEmpty)
  }

  @Test func `refuses what is no tar`() throws {
    let scratch = try ScratchDirectory()
    try Peer.run("python3", "-c", Self.writer, scratch("a.tar"), "pax")
    let compressed = try Peer.run("gzip", "-c", scratch("a.tar"))
    let contents: [[UInt8]] = [
      [], Array("PK".utf8), [UInt8](repeating: 7, count: 5000), compressed, [UInt8](repeating: 0, count: 100),
    ]
    for content in contents {
      let file = try DataFile.open(reading: scratch.write(content, to: "x"))
      #expect(throws: TarError.notATar(path: scratch("x"))) { try TarIndex.read(file) }
    }
  }

  @Test func `refuses names without end`() throws {
    let scratch = try ScratchDirectory()
    let name = String(repeating: "n", count: 4000)
    try PythonTar([.init(name, "")], .gnu).write(to: scratch("a.tar"))
    // The name's header, the name, the entry's header.
    let entry = Array(try scratch.read("a.tar").prefix(512 + 4096 + 512))
    func index(of count: Int) throws -> TarIndex {
      try TarIndex.read(JoinedContent(Array(repeating: .bytes(entry), count: count), path: "x"))
    }
    #expect(try index(of: 100).entries.map(\.path) == Array(repeating: name, count: 100))
    #expect(throws: TarError.tooManyEntries(path: "x", limit: TarIndex.mostEntries)) {
      try index(of: 17_000)
    }
  }

  @Test func `survives any change of any header byte`() throws {
    let scratch = try ScratchDirectory()
    try Peer.run("python3", "-c", Self.writer, scratch("a.tar"), "gnu")
    let bytes = Array(try scratch.read("a.tar").prefix(16 << 10))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: changed.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let file = try DataFile.open(reading: scratch.write(changed, to: "x"))
      // Whatever it says, it comes back, and never points outside the file without saying so.
      guard let index = try? TarIndex.read(file) else { continue }
      for entry in index.entries.dropLast() { #expect(entry.end <= index.fileSize) }
    }
  }
}
