import Digests
import Images
import Transport

/// Gives a blob's bytes for an upload, more than once and, within its reach, from any offset.
public protocol BlobSource: Sendable {
  /// Reads at most as many bytes as `buffer` holds, from `offset` in the blob, and returns how many; 0 only
  /// at the blob's end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int

  /// How far back from what was read last it can read again, in bytes; nil for all the way. No more than that
  /// goes in one request, so that it can be resumed after a cut.
  var reach: Int64? { get }
}

extension BlobSource {
  public var reach: Int64? { nil }
}

/// Reads a blob for an upload and hashes it on the way. The piece with the last bytes is given only once
/// all bytes agree with the digest: content that is not what it should be never arrives complete, so no
/// registry can commit it.
struct HeldBackSource<Source: BlobSource>: ~Copyable {
  private let source: Source
  private var verifier: BlobVerifier
  /// A position to come back to.
  private var mark: BlobVerifier
  /// What is proved once the last piece was given.
  private(set) var proof: Proof?

  /// What is read at once where bytes are only hashed, in bytes.
  private static var stride: Int { 256 << 10 }

  /// Throws ``DigestError`` when the blob is empty and should not be: then there is no last piece.
  init(_ source: Source, of descriptor: Descriptor) throws(DigestError) {
    self.source = source
    verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
    mark = verifier.copy()
    proof = descriptor.size == 0 ? try verifier.check() : nil
  }

  /// How many bytes were given.
  var position: Int64 { verifier.received }

  /// Fills `buffer` with the next bytes and returns how many. Throws ``DigestError``, and ``CallbackError``
  /// around what the source throws.
  mutating func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = min(buffer.count, Int(clamping: verifier.size - verifier.received))
    guard wanted > 0 else { return 0 }
    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
    let count: Int
    do { count = unsafe try source.read(into: room, at: verifier.received) } catch {
      throw CallbackError(error: error)
    }
    guard (1...wanted).contains(count) else {
      throw DigestError.short(expected: verifier.size, received: verifier.received)
    }
    unsafe try verifier.update(UnsafeRawBufferPointer(rebasing: room[..<count]).bytes)
    if verifier.received == verifier.size { proof = try verifier.check() }
    return count
  }

  /// Remembers the position: coming back to it, or to one after it, does not read what lies before again.
  mutating func setMark() { mark = verifier.copy() }

  /// Goes to `position`, which is at most the blob's size. The bytes before it are hashed if they are not
  /// yet. Throws as ``fill(_:)`` does, and ``TransportError/cancelled``.
  mutating func seek(to position: Int64) throws {
    if position < verifier.received {
      verifier.restart()
      if verifier.size > 0 { proof = nil }
    }
    if mark.received > verifier.received, mark.received <= position { verifier = mark.copy() }
    guard position > verifier.received else { return }
    var scratch = [UInt8](repeating: 0, count: Self.stride)
    while verifier.received < min(position, verifier.size) {
      guard !Task.isCancelled else { throw TransportError.cancelled }
      let wanted = min(scratch.count, Int(clamping: position - verifier.received))
      _ = try unsafe scratch.withUnsafeMutableBytes { buffer in
        unsafe try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
      }
    }
  }
}
