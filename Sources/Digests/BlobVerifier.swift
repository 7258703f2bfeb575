/// What every blob's bytes pass through: its end is reported only when size and digest agree.
///
/// Noncopyable, and ``finish()`` consumes it: a ``Proof`` can come from nowhere else, so "done" without
/// hashing cannot be written down.
public struct BlobVerifier: ~Copyable, Sendable {
  public let digest: Digest
  /// The size that was promised, in bytes.
  public let size: Int64
  /// How many bytes have passed.
  public private(set) var received: Int64 = 0
  private var hasher: ContentHasher

  public init(digest: Digest, size: Int64) {
    hasher = ContentHasher(digest.algorithm)
    self.digest = digest
    self.size = size
  }

  /// Takes the next bytes. Throws ``DigestError/long(expected:)`` before anything beyond the promised
  /// size is hashed.
  public mutating func update(_ bytes: RawSpan) throws(DigestError) {
    guard Int64(bytes.byteCount) <= size - received else { throw .long(expected: size) }
    hasher.update(bytes)
    received += Int64(bytes.byteCount)
  }

  /// The digest of the bytes that have passed so far; more may follow.
  public func contentDigest() -> Digest { hasher.digest() }

  /// A verifier that has seen the same bytes. Either still has to see the rest before it proves anything.
  public func copy() -> BlobVerifier {
    var copy = BlobVerifier(digest: digest, size: size)
    copy.hasher = hasher
    copy.received = received
    return copy
  }

  /// Whether all bytes have passed and are the promised ones; throws what is wrong when all have passed
  /// and are not. An upload asks before it lets its last bytes go.
  public func check() throws(DigestError) -> Proof {
    guard received == size else { throw .short(expected: size, received: received) }
    let actual = hasher.digest()
    guard actual == digest else { throw .mismatch(expected: digest, actual: actual) }
    return Proof(digest: digest, size: size)
  }

  /// Ends the blob: the proof that every byte was the promised one.
  public consuming func finish() throws(DigestError) -> Proof {
    try check()
  }

  /// Forgets all bytes, for a transfer that starts again from zero.
  public mutating func restart() {
    hasher = ContentHasher(digest.algorithm)
    received = 0
  }
}

/// Evidence that a blob's bytes were hashed and agree with their digest. Only ``BlobVerifier`` makes one.
public struct Proof: Hashable, Sendable {
  public let digest: Digest
  /// In bytes.
  public let size: Int64

  init(digest: Digest, size: Int64) {
    self.digest = digest
    self.size = size
  }
}
