import Foundation
import TestSupport
import Testing

@testable import Digests

@Suite(.waiting) struct `A digest` {
  // FIPS 180-4's examples, and the empty text.
  static let known = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ]

  @Test(arguments: known) func `is the sha256 of its content`(text: String, hex: String) {
    #expect(Digest(of: Array(text.utf8)).hex == hex)
  }

  @Test func `is what sha256sum computes`() throws {
    var generator = SeededGenerator(seed: 1)
    let bytes = generator.bytes(100_000)
    var command = Command("sha256sum")
    command.input = bytes
    #expect(try command.run().standardOutput.hasPrefix(Digest(of: bytes).hex))
  }

  @Test func `does not depend on how its content was cut`() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<50 {
      let bytes = generator.bytes(Int.random(in: 0...5000, using: &generator))
      var hasher = ContentHasher()
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = Array(rest.prefix(Int.random(in: 0...700, using: &generator)))
        hasher.update(piece.span.bytes)
        rest = rest.dropFirst(piece.count)
      }
      #expect(hasher.digest() == Digest(of: bytes))
    }
  }

  @Test func `can be asked for while more is to come`() {
    var hasher = ContentHasher()
    hasher.update(Array("ab".utf8).span.bytes)
    #expect(hasher.digest() == Digest(of: Array("ab".utf8)))
    hasher.update(Array("c".utf8).span.bytes)
    #expect(hasher.digest() == Digest(of: Array("abc".utf8)))
  }

  @Test func `is printed as it is parsed, and ordered as it is printed`() throws {
    var generator = SeededGenerator(seed: 3)
    let digests = (0..<200).map { _ in Digest(of: generator.bytes(8)) }
    for digest in digests {
      #expect(try Digest(digest.description) == digest)
      #expect(Digest(hex: digest.hex) == digest)
      #expect(digest.description == "sha256:\(digest.hex)")
      #expect(digest.short == String(digest.hex.prefix(12)))
    }
    #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
    #expect(Set(digests).count == 200)
  }

  @Test(arguments: [
    "", "sha256", "sha256:", ":", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e",
    "sha256:" + String(repeating: "a", count: 63), "sha256:" + String(repeating: "a", count: 65),
    "sha256:" + String(repeating: "A", count: 64), "SHA256:" + String(repeating: "a", count: 64),
    "sha256:" + String(repeating: "g", count: 64), "sha256: " + String(repeating: "a", count: 63),
    "sha256:" + String(repeating: "é", count: 32), "sha256:" + String(repeating: "a", count: 63) + "\u{301}",
    " sha256:" + String(repeating: "a", count: 64), "sha256:" + String(repeating: "a", count: 63) + "\n",
    "sha256:../" + String(repeating: "a", count: 61), "sha256+b64:" + String(repeating: "a", count: 64),
  ])
  func `is not any other text`(text: String) {
    #expect(throws: DigestError.malformed(text)) { try Digest(text) }
  }

  @Test func `of another registered algorithm is refused by name`() {
    #expect(throws: DigestError.unsupportedAlgorithm("blake3")) {
      try Digest("blake3:" + String(repeating: "a", count: 64))
    }
  }

  @Test(arguments: [
    // NIST's examples for "abc".
    (
      Digest.Algorithm.sha384,
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
    ),
    (
      .sha512,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
  ])
  func `by a longer hash is computed, written and read`(_ algorithm: Digest.Algorithm, _ hex: String) throws {
    let digest = Digest(of: Array("abc".utf8), by: algorithm)
    #expect(digest.description == "\(algorithm):\(hex)" && digest.algorithm == algorithm)
    #expect(try Digest("\(algorithm):\(hex)") == digest)
    #expect(Digest(hex: hex, by: algorithm) == digest && Digest(hex: hex) == nil)
    #expect(try Digest("\(algorithm):\(hex)").hashValue == digest.hashValue)
    #expect(digest.matches(Array("abc".utf8)) && !digest.matches(Array("abd".utf8)))
    for text in [
      "\(algorithm):\(hex)0", "\(algorithm):\(hex.dropLast())", "\(algorithm):\(hex.uppercased())",
    ] {
      #expect(throws: DigestError.malformed(String(text.prefix(100)) + (text.count > 100 ? "…" : ""))) {
        try Digest(text)
      }
    }
    for name in [hex, "\(algorithm):\(hex)", "\(algorithm)-\(hex)"] {
      #expect(Digest(fileName: name) == digest)
    }
    #expect(Digest(fileName: "sha256:\(hex)") == nil)
    var pieces = ContentHasher(algorithm)
    for byte in "abc".utf8 { pieces.update([byte].span.bytes) }
    #expect(pieces.digest() == digest)
  }

  @Test func `of one content by two algorithms is two`() {
    let digests = Digest.Algorithm.allCases.map { Digest(of: [], by: $0) }
    #expect(Set(digests).count == digests.count)
    #expect(
      digests.shuffled().sorted() == digests
        && digests.sorted().map(\.description) == digests.map(\.description).sorted())
    #expect(digests[2] < Digest(of: [1], by: .sha512) || Digest(of: [1], by: .sha512) < digests[2])
  }

  @Test func `takes no more room for those that are seldom`() {
    // Archives have millions of them in memory.
    #expect(MemoryLayout<Digest>.size <= 33 && MemoryLayout<Digest?>.size <= 33)
  }

  @Test func `is proved by its own algorithm alone`() throws {
    let bytes: [UInt8] = [1, 2, 3]
    var verifier = BlobVerifier(digest: Digest(of: bytes, by: .sha512), size: 3)
    try verifier.update(bytes.span.bytes)
    #expect(verifier.contentDigest() == Digest(of: bytes, by: .sha512))
    _ = try verifier.check()
    verifier.restart()
    try verifier.update([UInt8]([1, 2, 2]).span.bytes)
    #expect(throws: DigestError.self) { _ = try verifier.check() }
  }

  @Test func `quotes no more than the start of a long text`() {
    let error = #expect(throws: DigestError.self) { try Digest(String(repeating: "x", count: 1 << 20)) }
    #expect(error == .malformed(String(repeating: "x", count: 100) + "…"))
  }

  @Test(arguments: [0, 1, 31, 33, 64]) func `has 32 raw bytes`(count: Int) {
    #expect(Digest(rawBytes: [UInt8](repeating: 7, count: count)) == nil)
    #expect(Digest(rawBytes: [UInt8](repeating: 7, count: 32))?.hex == String(repeating: "07", count: 32))
  }

  @Test func `is a text in JSON`() throws {
    let digest = Digest(of: [])
    let json = try JSONEncoder().encode([digest])
    #expect(String(decoding: json, as: UTF8.self) == "[\"\(digest)\"]")
    #expect(try JSONDecoder().decode([Digest].self, from: json) == [digest])
    #expect(throws: (any Error).self) {
      try JSONDecoder().decode([Digest].self, from: Data(#"["sha256:no"]"#.utf8))
    }
  }
}
