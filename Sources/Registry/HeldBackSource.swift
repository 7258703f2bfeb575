import Digests
import Images

/// Reads a blob for an upload and hashes it on the way. The piece with the last bytes is given only once
/// all bytes agree with the digest: content that is not what it should be never arrives whole, so no
/// registry can commit it.
struct HeldBackSource<Source: BlobSource>: ~Copyable {
  private let source: Source
  private var verifier: BlobVerifier
  /// What is proved once the last piece was given.
  private(set) var proof: Proof?

  /// Throws ``DigestError`` when the blob is empty and should not be: then there is no last piece.
  init(_ source: Source, of descriptor: Descriptor) throws(DigestError) {
    self.source = source
    verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
    proof = descriptor.size == 0 ? try verifier.check() : nil
  }

  /// Fills `buffer` with the next bytes and returns how many. Throws ``DigestError``, and ``CallerError``
  /// around what the source throws.
  mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = min(buffer.count, Int(clamping: verifier.size - verifier.received))
    guard wanted > 0 else { return 0 }
    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
    let count: Int
    do { count = unsafe try source.read(into: room, at: verifier.received) } catch {
      throw CallerError(error: error)
    }
    guard (1...wanted).contains(count) else {
      throw DigestError.short(expected: verifier.size, received: verifier.received)
    }
    unsafe try verifier.update(UnsafeRawBufferPointer(rebasing: room[..<count]).bytes)
    if verifier.received == verifier.size { proof = try verifier.check() }
    return count
  }

  /// Begins again, for an upload that starts from its first byte.
  mutating func restart() {
    guard verifier.size > 0 else { return }
    verifier.restart()
    proof = nil
  }
}
