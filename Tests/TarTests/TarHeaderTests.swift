import Files
import Tar
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

  private static func blob(_ algorithm: String, _ digits: Int) -> String {
    "blobs/\(algorithm)/" + String(repeating: "a", count: digits)
  }

  private static func letters(_ count: Int) -> String { String(repeating: "n", count: count) }

  /// What libarchive 3.6.2 wrote, of which the first archives were made.
  static let golden: [(path: String, size: Int64, length: Int, sha256: String)] = [
    ("oci-layout", 30, 512, "345f8e4edc80cb97ec36ba009a8f5361f2e757b2c163c4e49d4325def268f26a"),
    (blob("sha256", 64), 0, 512, "0045db28a90c568edf7116d984d4719919f51f614f1557678d22d8394137867a"),
    (blob("sha256", 64), 8589934591, 512, "1e84347888deabd0be5ceb9644f738b0a42a2ff0fae02a576ebb0b8887241596"),
    (
      blob("sha256", 64), 8589934592, 1536, "9b521a3898207ac3a23b986d3ea6b318b9053c1e227180675a291616ad6c7132"
    ),
    (
      blob("sha256", 64), 68719476735, 1536,
      "1fd8db42122b03495526b9326a61183147af983da95abc7b6c13b1635a3b75b7"
    ),
    (
      blob("sha256", 64), 68719476736, 1536,
      "4dca15f25c72b3b34b6426ca1f25cd3281bd961f2346b67a5258dafa434b23d1"
    ),
    (
      blob("sha256", 64), 1152921504606846976, 1536,
      "3e95dd37ec219f0f5c8e6f9f34ac7437597c6f628c5ec7e6bf69532e7fa3c91c"
    ),
    (blob("sha512", 128), 7, 1536, "f1cacb87a2a7ee5e349d9ba5a836e3f373b59bc8a366659cd28feda21fa7ecd5"),
    (
      blob("sha512", 128), 21474836480, 1536,
      "20ccc62aa2fa2e467b2cbaa3dba97c3003bf17266362d208fd363c5ad2c72e69"
    ),
    ("ferry/" + letters(94), 1, 512, "6f3866a2c1740d17aed00beedcbfceb5c4b82e95e2ea195bbfc39f41471d1924"),
    ("ferry/" + letters(95), 1, 512, "7485155dff084363573be2bb2ccfba757163c604d902617140c3731f1588c172"),
    ("ferry/" + letters(101), 1, 1536, "a46ad1f60c7b7bc0022a39cc5ec8bf9cf4d6da29dd00cb2820d0707f7728c64d"),
    (
      "ferry/" + letters(99) + "/" + letters(99), 1, 512,
      "90877fdff9f23fbdd52f234b0f0ee7097dfbdc0067a813699a2862417ab171ad"
    ),
    (
      "ferry/" + letters(149) + "/" + letters(100), 1, 512,
      "e1db1f3df9a0f761025ca25dd1bee107c71d602f830a887ac8a8fca8789721eb"
    ),
    (
      "ferry/" + letters(150) + "/" + letters(100), 1, 1536,
      "30b0265784693453d3dd693165361e273e7a9f129ff68d2360be98805f95589e"
    ),
    (
      "ferry/" + String(repeating: "n/", count: 500) + letters(18), 9663676416, 2560,
      "38d1d52c692c281b630a9ee260f9c4cfd38dd454ce6bbf64f649164745fdf2c7"
    ),
  ]

  @Test(arguments: golden)
  func `never change`(path: String, size: Int64, length: Int, sha256: String) throws {
    let header = try TarHeader.bytes(path: path, size: size)
    #expect(header.count == length)
    #expect(Peer.text(try Peer.run("sha256sum", input: header)).hasPrefix(sha256 + " "))
  }

  @Test func `have each field in its place`() throws {
    let zeros = { String(repeating: "\0", count: $0) }
    let front = "oci-layout" + zeros(90) + "000644 \0000000 \0000000 \000000000036 00000000000 "
    let back = "0" + zeros(100) + "ustar\000" + zeros(64) + "000000 \0000000 \0" + zeros(167)
    let sum = (front + "        " + back).utf8.reduce(0) { $0 + Int($1) }
    let expected = front + "0" + String(sum, radix: 8) + "\0 " + back
    #expect(try TarHeader.bytes(path: "oci-layout", size: 30) == Array(expected.utf8))
  }

  @Test func `hold names of any length, for all who read them`() throws {
    let scratch = try ScratchDirectory()
    let names =
      Self.golden.map(\.path) + (90...260).map { "ferry/d/" + Self.letters($0) + "/" + Self.letters(90) }
    let paths = Set(names).sorted()
    let tar = try paths.flatMap { try TarHeader.bytes(path: $0, size: 0) } + TarHeader.endMarker
    try scratch.write(tar, to: "a.tar")
    let listing = Peer.text(try Peer.run("tar", "-tf", scratch("a.tar")))
    #expect(listing.split(separator: "\n").map(String.init) == paths)
    let python = try Peer.run(
      "python3", "-c", "import sys,tarfile\nfor m in tarfile.open(sys.argv[1]): print(m.name)",
      scratch("a.tar"))
    #expect(Peer.text(python).split(separator: "\n").map(String.init) == paths)
    let index = try TarIndex.read(DataFile.open(reading: scratch("a.tar")))
    #expect(index.entries.map(\.path) == paths)
    #expect(index.entries.allSatisfy { $0.contradiction == nil })
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
      try file.write(header.span.bytes, at: position)
      offsets.append(position + Int64(header.count))
      position += Int64(header.count) + size + Int64(TarHeader.padding(after: size))
    }
    let end = TarHeader.endMarker
    try file.write(end.span.bytes, at: position)

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
    #expect(throws: TarError.unwritableName(path)) { try TarHeader.bytes(path: path, size: 1) }
  }

  @Test(arguments: [155, 156, 300])
  func `are not made for a path that others would take for a file at the top`(
    length: Int
  ) throws {
    for size in [1, 20 * Self.gib] {
      // No room for the directory: to those who know no pax records the last part alone would be the name.
      let path = Self.letters(length) + "/index.json" + String(repeating: "x", count: 91)
      #expect(throws: TarError.unwritableName(path)) { try TarHeader.bytes(path: path, size: size) }
      // As much as there is room for begins like the path.
      let file = Self.letters(length)
      let tar = try TarHeader.bytes(path: file, size: 0) + TarHeader.endMarker
      let scratch = try ScratchDirectory()
      try scratch.write(tar, to: "a.tar")
      let index = try TarIndex.read(DataFile.open(reading: scratch("a.tar")), names: TarNames())
      #expect(index.entries.map(\.path) == [file] && index.entries.allSatisfy { $0.contradiction == nil })
    }
  }

  @Test(arguments: ["/a", "//a", "a//b", "a/"]) func `are not made for a path with an empty part`(
    path: String
  ) {
    #expect(throws: TarError.unwritableName(path)) { try TarHeader.bytes(path: path, size: 1) }
  }

  @Test(arguments: [-1, Int64.max])
  func `are not made for impossible sizes`(size: Int64) {
    #expect(throws: TarError.unwritableSize(size)) { try TarHeader.bytes(path: "a", size: size) }
  }

  private func field(_ header: [UInt8], _ offset: Int, _ length: Int) -> String {
    String(decoding: header[offset..<(offset + length)].prefix { $0 != 0 }, as: UTF8.self)
  }
}
