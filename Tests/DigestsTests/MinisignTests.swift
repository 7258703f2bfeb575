import Foundation
import TestSupport
import Testing

@testable import Digests

/// Signatures in minisign's format, held against minisign itself.
@Suite(.waiting) struct `A signature` {
  private let minisign: Minisign
  private let key: SigningKey
  private let content = Array("sha256:of something\n".utf8)

  init() throws {
    minisign = try Minisign()
    key = try SigningKeyFile(text: Self.bytes(of: minisign.secretKey)).open()
  }

  private static func bytes(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func publicKey() throws -> VerificationKey {
    try VerificationKey(text: Self.bytes(of: minisign.publicKey))
  }

  private func signedByMinisign(isLegacy: Bool = false) throws -> DetachedSignature {
    let path = minisign.directory.write(content, to: "content")
    try minisign.sign(path, isLegacy: isLegacy)
    return try DetachedSignature(text: Self.bytes(of: path + ".minisig"))
  }

  @Test func `of Ferry's is one to minisign`() throws {
    let path = minisign.directory.write(content, to: "content")
    let signature = try key.sign(content, trustedComment: "timestamp:1\tfile:content\thashed")
    minisign.directory.write(signature.text, to: "content.minisig")
    #expect(try minisign.accepts(path))
    minisign.directory.write(content + [0], to: "content")
    #expect(try !minisign.accepts(path))
    #expect(try DetachedSignature(text: signature.text) == signature)
  }

  @Test(arguments: [false, true]) func `of minisign's is one to Ferry`(isLegacy: Bool) throws {
    let signature = try signedByMinisign(isLegacy: isLegacy)
    try publicKey().check(signature, of: content)
    #expect(throws: SignatureError.invalid) { try publicKey().check(signature, of: content + [0]) }
    #expect(signature.trustedComment.contains("file:content"))
    #expect(signature.trustedComment.contains("hashed") == !isLegacy)
  }

  @Test func `by another key is told by that key's id`() throws {
    let stranger = try Minisign()
    let other = try VerificationKey(text: Self.bytes(of: stranger.publicKey))
    let signature = try signedByMinisign()
    let expected = SignatureError.otherKey(expected: other.id, actual: key.id)
    #expect(throws: expected) { try other.check(signature, of: content) }
    let text = try String(contentsOfFile: minisign.publicKey, encoding: .utf8)
    #expect(text.contains(key.id.description))
    // Whoever forges the id has not the key.
    let forged = DetachedSignature(
      algorithm: signature.algorithm, keyID: other.id, signature: signature.signature,
      trustedComment: signature.trustedComment, globalSignature: signature.globalSignature)
    #expect(throws: SignatureError.invalid) { try other.check(forged, of: content) }
  }

  @Test func `with another trusted comment is refused, as minisign refuses it`() throws {
    let signature = try signedByMinisign()
    let altered = DetachedSignature(
      algorithm: signature.algorithm, keyID: signature.keyID, signature: signature.signature,
      trustedComment: signature.trustedComment + "!", globalSignature: signature.globalSignature)
    #expect(throws: SignatureError.alteredComment) { try publicKey().check(altered, of: content) }
    minisign.directory.write(altered.text, to: "content.minisig")
    #expect(try !minisign.accepts(minisign.directory.file("content")))
  }

  @Test func `is not of one algorithm when it was made by the other`() throws {
    let signature = try signedByMinisign()
    let other = DetachedSignature(
      algorithm: .legacy, keyID: signature.keyID, signature: signature.signature,
      trustedComment: signature.trustedComment, globalSignature: signature.globalSignature)
    #expect(throws: SignatureError.invalid) { try publicKey().check(other, of: content) }
  }

  /// What stands for the same bytes in another way would let a text be changed and still be right.
  @Test func `or key is written in one way alone`() throws {
    let good = String(decoding: try signedByMinisign().text, as: UTF8.self)
    let lines = good.split(separator: "\n").map(String.init)
    let key = try String(contentsOfFile: minisign.publicKey, encoding: .utf8)
    for surplus in ["=", "==", "A", " "] {
      for line in [1, 3] {
        var changed = lines
        changed[line] += surplus
        #expect(throws: SignatureError.malformedSignature(.noSignature)) {
          try DetachedSignature(text: Array(changed.joined(separator: "\n").utf8))
        }
      }
      #expect(throws: SignatureError.malformedPublicKey) {
        try VerificationKey(text: Array((key.dropLast() + surplus).utf8))
      }
    }
    // 64 bytes leave four bits of a letter to spare, which decoders pass over.
    #expect(lines[3].hasSuffix("=="))
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    let last = try #require(letters.firstIndex(of: Array(lines[3])[85]))
    var changed = lines
    changed[3] = String(lines[3].prefix(85)) + String(letters[last + 1]) + "=="
    #expect(throws: SignatureError.malformedSignature(.noSignature)) {
      try DetachedSignature(text: Array(changed.joined(separator: "\n").utf8))
    }
  }

  /// With such a key a signature of nothing but zeros is right for an eighth of all contents, or for all.
  @Test func `is not checked by a key of small order`() throws {
    let weak = [
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    for hex in weak {
      let digits = Array(hex)
      let point = stride(from: 0, to: 64, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
      let text = Data(Array("Ed".utf8) + [UInt8](repeating: 1, count: 8) + point).base64EncodedString()
      #expect(throws: SignatureError.malformedPublicKey, "\(hex)") {
        try VerificationKey(text: Array(text.utf8))
      }
      // R is the point, S nothing: right for all where the key is as weak.
      let forged = DetachedSignature(
        algorithm: .hashed, keyID: KeyID([UInt8](repeating: 1, count: 8)),
        signature: point + [UInt8](repeating: 0, count: 32), trustedComment: "",
        globalSignature: point + [UInt8](repeating: 0, count: 32))
      #expect(throws: SignatureError.self) {
        try VerificationKey(id: forged.keyID, point: point).check(forged, of: content)
      }
    }
    // And a sound one is taken.
    #expect(!CurvePoint.isWeak(key.verificationKey.point))
  }

  /// Every bit of what is signed or signs counts: base64 changed anywhere is refused by both.
  @Test func `changed in any place is refused by Ferry and minisign alike`() throws {
    let good = try signedByMinisign().text
    let path = minisign.directory.file("content")
    var generator = SeededGenerator(seed: 7)
    let lines = String(decoding: good, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    for line in [1, 2, 3] {
      for _ in 0..<4 {
        var text = Array(lines[line].utf8)
        // A letter of the comment's content, or of the base64 before its padding.
        let index = Int.random(in: (line == 2 ? 17 : 3)..<text.count - 4, using: &generator)
        text[index] = text[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        var changed = lines
        changed[line] = Substring(String(decoding: text, as: UTF8.self))
        let bytes = Array(changed.joined(separator: "\n").utf8)
        #expect(throws: SignatureError.self) {
          try publicKey().check(DetachedSignature(text: bytes), of: content)
        }
        minisign.directory.write(bytes, to: "content.minisig")
        #expect(try !minisign.accepts(path))
      }
    }
  }

  @Test func `is made of a file of four lines and nothing else`() throws {
    let original = try signedByMinisign()
    let good = original.text
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<500 {
      let bytes = generator.mutate(good)
      guard let parsed = try? DetachedSignature(text: bytes) else { continue }
      // Only what nobody signed may have changed: the untrusted comment, white space.
      if (try? publicKey().check(parsed, of: content)) != nil { #expect(parsed == original) }
    }
    for text in ["", "\n\n\n\n", "RW", String(repeating: "x", count: 100_000)] {
      #expect(throws: SignatureError.self) { try DetachedSignature(text: Array(text.utf8)) }
    }
    let crlf = String(decoding: good, as: UTF8.self).replacingOccurrences(of: "\n", with: "\r\n")
    try publicKey().check(DetachedSignature(text: Array(crlf.utf8)), of: content)
  }

  @Test func `keeps its comment on one line`() throws {
    let signature = try key.sign(content, trustedComment: "one\ntwo\r\nthree")
    try publicKey().check(DetachedSignature(text: signature.text), of: content)
  }
}
