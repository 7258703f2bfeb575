import Foundation
import TestSupport
import Testing

@testable import Digests

@Suite(.waiting) struct `A signing key` {
  private func bytes(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test func `without a password opens at once and has its public half`() throws {
    let minisign = try Minisign()
    let file = try SigningKeyFile(text: bytes(of: minisign.secretKey))
    #expect(!file.isLocked)
    let key = try file.open()
    #expect(try key.verificationKey == VerificationKey(text: bytes(of: minisign.publicKey)))
    #expect(try key.verificationKey == VerificationKey(text: Array(minisign.publicText.utf8)))
  }

  @Test func `with a password opens with it alone`() throws {
    let minisign = try Minisign(password: "correct horse")
    let file = try SigningKeyFile(text: bytes(of: minisign.secretKey))
    #expect(file.isLocked)
    #expect(throws: SignatureError.wrongPassword) { try file.open() }
    #expect(throws: SignatureError.wrongPassword) { try file.open(password: Array("battery".utf8)) }
    #expect(throws: SignatureError.wrongPassword) { try file.open(password: []) }
    let key = try file.open(password: Array("correct horse".utf8))
    let path = minisign.directory.write("content", to: "content")
    minisign.directory.write(
      try key.sign(Array("content".utf8), trustedComment: "x").text, to: "content.minisig")
    #expect(try minisign.accepts(path))
  }

  @Test func `never shows its secret`() throws {
    let minisign = try Minisign()
    let file = try SigningKeyFile(text: bytes(of: minisign.secretKey))
    let key = try file.open()
    let line = try #require(
      String(decoding: bytes(of: minisign.secretKey), as: UTF8.self).split(separator: "\n").last)
    let raw = [UInt8](try #require(Data(base64Encoded: String(line))))
    var shown = "\(file) \(key) \(String(reflecting: key)) \(String(reflecting: file))"
    dump(key, to: &shown)
    dump(file, to: &shown)
    #expect(shown.utf8.count < 400)
    #expect(!shown.contains("\(raw[62]), \(raw[63])") && !shown.contains(line.suffix(40)))
  }

  @Test func `is not made of damaged files`() throws {
    let minisign = try Minisign()
    let good = try bytes(of: minisign.secretKey)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<500 {
      let bytes = generator.mutate(good)
      guard let file = try? SigningKeyFile(text: bytes), !file.isLocked else { continue }
      // Opens only when its halves still belong together: then the change was elsewhere.
      guard let key = try? file.open() else { continue }
      let signature = try key.sign([1], trustedComment: "")
      try key.verificationKey.check(signature, of: [1])
    }
    for text in ["", "untrusted comment: x\n", "untrusted comment: x\nRWQ=\n", "RWQAAEIy"] {
      #expect(throws: SignatureError.malformedSecretKey) { try SigningKeyFile(text: Array(text.utf8)) }
    }
  }

  /// What libsodium 1.0.18 makes of the limits that minisign states.
  @Test func `costs what minisign's limits say`() throws {
    let standard = try ScryptCost(operations: 33_554_432, memory: 1_073_741_824)
    #expect(standard.rounds == 1 << 20 && standard.parallelism == 1)
    let least = try ScryptCost(operations: 0, memory: 0)
    #expect(least.rounds == 2)
    let interactive = try ScryptCost(operations: 524_288, memory: 16_777_216)
    #expect(interactive.rounds == 1 << 14 && interactive.parallelism == 1)
  }

  @Test(arguments: [(UInt64.max, UInt64.max), (1 << 32, 1 << 33), (1 << 62, 0), (0, 1 << 63)])
  func `does not take all memory there is`(operations: UInt64, memory: UInt64) {
    #expect(throws: SignatureError.self) { try ScryptCost(operations: operations, memory: memory) }
  }

  @Test(arguments: ["", "RWQ", "RW" + String(repeating: "A", count: 54), "untrusted comment: x\n", "x\ny\nz"])
  func `has no public half in any other text`(text: String) {
    let bytes = Array(text.utf8)
    if let key = try? VerificationKey(text: bytes) {
      // Only the length and the algorithm can be told; a point that is none is refused when it is used.
      let signature = DetachedSignature(
        algorithm: .hashed, keyID: key.id, signature: [UInt8](repeating: 0, count: 64), trustedComment: "",
        globalSignature: [UInt8](repeating: 0, count: 64))
      #expect(throws: SignatureError.self) { try key.check(signature, of: []) }
    } else {
      #expect(throws: SignatureError.malformedPublicKey) { try VerificationKey(text: bytes) }
    }
  }
}
