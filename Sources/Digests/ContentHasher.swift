import Crypto

/// Computes a ``Digest`` over bytes that arrive in pieces.
public struct ContentHasher: Sendable {
  private var state = SHA256()

  public init() {}

  public mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe state.update(bufferPointer: $0) }
  }

  /// The digest of all bytes so far; more may follow.
  public func digest() -> Digest {
    // SHA-256 has 32 bytes by definition; an all-zero digest would match nothing.
    Digest(rawBytes: state.finalize()) ?? Digest(zero: ())
  }
}

extension Digest {
  /// The digest of `bytes`.
  public init(of bytes: [UInt8]) {
    var hasher = ContentHasher()
    unsafe hasher.update(bytes.span.bytes)
    self = hasher.digest()
  }
}
