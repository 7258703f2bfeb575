import Archives
import Foundation
import TestSupport
import Testing

@Suite struct `Tar headers` {
  static let gib: Int64 = 1 << 30

  @Test(arguments: [
    (0, 512), (1, 512), (8 * gib - 1, 512), (8 * gib, 1536), (20 * gib, 1536),
  ])
  func `are plain ustar below 8 GiB and pax from there on`(size: Int64, length: Int) throws {
    let header = try TarHeader.bytes(path: "blobs/sha256/" + String(repeating: "a", count: 64), size: size)
    #expect(header.count == length)
    let last = Array(header.suffix(512))
    #expect(field(last, 257, 6) == "ustar")
    #expect(field(last, 100, 8).trimmingCharacters(in: .whitespaces) == "000644")
    #expect(field(last, 108, 8).trimmingCharacters(in: .whitespaces) == "000000")
    #expect(field(last, 136, 12).trimmingCharacters(in: .whitespaces) == "00000000000")
    #expect(field(last, 265, 64) == "" && last[156] == UInt8(ascii: "0"))
    if length == 512 {
      #expect(Int64(field(last, 124, 12).trimmingCharacters(in: .whitespaces), radix: 8) == size)
    } else {
      #expect(header[156] == UInt8(ascii: "x"))
      #expect(Peer.text(header).contains("size=\(size)\n"))
    }
  }

  @Test func `are read by GNU tar, Python and our own index as they were meant`() throws {
    let scratch = try ScratchDirectory()
    let sizes: [Int64] = [0, 1, 8 * Self.gib - 1, 8 * Self.gib, 20 * Self.gib]
    // Sparse: the contents are never written.
    let file = try DataFile.create(scratch("big.tar"))
    var position: Int64 = 0
    var offsets: [Int64] = []
    for (index, size) in sizes.enumerated() {
      let header = try TarHeader.bytes(path: "entry-\(index)", size: size)
      try file.write(header, at: position)
      offsets.append(position + Int64(header.count))
      position += Int64(header.count) + size + Int64(TarHeader.padding(after: size))
    }
    try file.write(TarHeader.endMarker, at: position)

    let listing = Peer.text(try Peer.run("tar", "--numeric-owner", "-tvf", scratch("big.tar")))
    let lines = listing.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(lines.map { Int64($0[2]) } == sizes)
    #expect(lines.allSatisfy { $0[0] == "-rw-r--r--" && $0[1] == "0/0" })

    let python = try Peer.run(
      "python3", "-c",
      "import sys,tarfile\nfor m in tarfile.open(sys.argv[1]): print(m.name,m.size,m.offset_data,m.mtime,m.uid)",
      scratch("big.tar"))
    let expected = zip(sizes, offsets).enumerated().map { "entry-\($0) \($1.0) \($1.1) 0 0" }
    #expect(Peer.text(python).split(separator: "\n").map(String.init) == expected)

    let index = try TarIndex.read(file)
    #expect(index.entries.map(\.size) == sizes)
    #expect(index.entries.map(\.offset) == offsets)
    #expect(index.end == .marker(at: position))
  }

  @Test(arguments: ["", "ä", "a b", "a\nb", String(repeating: "x", count: 2000)])
  func `are not made for names that no archive of ours has`(path: String) {
    #expect(throws: ArchiveError.unwritableName(path)) { try TarHeader.bytes(path: path, size: 1) }
  }

  @Test(arguments: [-1, Int64.max])
  func `are not made for impossible sizes`(size: Int64) {
    #expect(throws: ArchiveError.unwritableSize(size)) { try TarHeader.bytes(path: "a", size: size) }
  }

  private func field(_ header: [UInt8], _ offset: Int, _ length: Int) -> String {
    String(decoding: header[offset..<(offset + length)].prefix { $0 != 0 }, as: UTF8.self)
  }
}
