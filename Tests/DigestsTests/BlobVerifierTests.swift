import TestSupport
import Testing

@testable import Digests

struct `A blob's verifier` {
  private let bytes = Array("the bytes that were promised".utf8)
  private var digest: Digest { Digest(of: bytes) }

  /// The outcome for `sent` where `bytes` were promised.
  private func verify(_ sent: [UInt8], size: Int64? = nil) throws(DigestError) -> Proof {
    var verifier = BlobVerifier(digest: digest, size: size ?? Int64(bytes.count))
    for byte in sent { try verifier.update([byte].span.bytes) }
    return try verifier.finish()
  }

  @Test func `proves the promised bytes`() throws {
    let proof = try verify(bytes)
    #expect(proof.digest == digest)
    #expect(proof.size == 28)
    #expect(proof == Proof(of: bytes))
  }

  @Test func `proves nothing for the empty blob`() throws {
    let verifier = BlobVerifier(digest: Digest(of: []), size: 0)
    #expect(try verifier.finish() == Proof(of: []))
  }

  @Test func `refuses a blob that ends early`() {
    #expect(throws: DigestError.short(expected: 28, received: 27)) { try verify(bytes.dropLast()) }
    #expect(throws: DigestError.short(expected: 28, received: 0)) { try verify([]) }
  }

  @Test func `refuses the first byte too many`() {
    #expect(throws: DigestError.long(expected: 28)) { try verify(bytes + [0]) }
  }

  @Test func `refuses every flipped bit`() {
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        #expect(throws: DigestError.mismatch(expected: digest, actual: Digest(of: damaged))) {
          try verify(damaged)
        }
      }
    }
  }

  @Test(arguments: [-1, Int64.min]) func `takes nothing where a size is negative`(size: Int64) {
    #expect(throws: DigestError.long(expected: size)) { try verify(bytes, size: size) }
    #expect(throws: DigestError.short(expected: size, received: 0)) { try verify([], size: size) }
  }

  @Test func `counts what passed, and nothing of what it refused`() throws {
    var verifier = BlobVerifier(digest: digest, size: 4)
    try verifier.update(([1, 2, 3] as [UInt8]).span.bytes)
    #expect(throws: DigestError.long(expected: 4)) {
      try verifier.update(([4, 5] as [UInt8]).span.bytes)
    }
    #expect(verifier.received == 3)
  }

  @Test func `starts again from zero`() throws {
    var verifier = BlobVerifier(digest: digest, size: Int64(bytes.count))
    try verifier.update(([0, 0, 0] as [UInt8]).span.bytes)
    verifier.restart()
    #expect(verifier.received == 0)
    try verifier.update(bytes.span.bytes)
    #expect(try verifier.finish() == Proof(of: bytes))
  }

  @Test func `can check before the end, and again`() throws {
    var verifier = BlobVerifier(digest: digest, size: Int64(bytes.count))
    try verifier.update(Array(bytes.prefix(5)).span.bytes)
    #expect(throws: DigestError.short(expected: 28, received: 5)) { try verifier.check() }
    try verifier.update(Array(bytes.dropFirst(5)).span.bytes)
    #expect(try verifier.check() == Proof(of: bytes))
    #expect(try verifier.finish() == Proof(of: bytes))
  }
}

extension Proof {
  /// What the verifier says of a blob that is `bytes`.
  fileprivate init(of bytes: [UInt8]) { self.init(digest: Digest(of: bytes), size: Int64(bytes.count)) }
}
