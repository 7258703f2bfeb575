/// What a blob is fetched into, from its first byte to its last.
///
/// Whoever places a byte hashes it: a receiver alone knows how far its blob has come and whether that is right, and
/// whoever fetches asks it. So the two cannot differ.
public protocol BlobReceiver: ~Copyable {
  /// How many bytes, from the first on, are there and were hashed.
  var position: Int64 { get }

  /// Takes the next bytes. Throws ``DigestError/long(expected:)`` before anything beyond the blob's size is taken, and
  /// what writing them throws.
  mutating func write(_ bytes: RawSpan) throws

  /// Forgets all bytes: the blob starts over.
  mutating func restart() throws

  /// Throws ``DigestError`` unless all bytes are there and are the right ones.
  func check() throws(DigestError)
}

/// A small blob that is kept in memory.
public struct BlobInMemory: ~Copyable, BlobReceiver {
  private var verifier: BlobVerifier
  private var bytes: [UInt8] = []

  public init(digest: Digest, size: Int64) {
    verifier = BlobVerifier(digest: digest, size: size)
  }

  public var position: Int64 { verifier.received }

  public mutating func write(_ piece: RawSpan) throws(DigestError) {
    try verifier.update(piece)
    unsafe piece.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  public mutating func restart() {
    verifier.restart()
    bytes = []
  }

  public func check() throws(DigestError) { _ = try verifier.check() }

  /// The bytes, all of them and right. Throws ``DigestError``.
  public consuming func finish() throws(DigestError) -> [UInt8] {
    try check()
    return bytes
  }
}
