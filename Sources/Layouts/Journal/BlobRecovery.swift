import Archives
import Digests

/// What an earlier run left of one blob at its place, which its journal may speak of wrongly: it is read again, in order.
struct BlobRecovery {
  let blob: PlannedBlob
  /// What the journal says; nil when it says nothing.
  let claim: ArchiveContinuation.Claim?
  let file: any RandomAccess

  private static let pieceSize = 256 << 10

  /// Hashes what is there, and returns what has seen as much of it as is right: all, or up to the last checkpoint that
  /// agrees, or nothing. Blocks; `progress` hears how far it is. Throws ``LayoutError/cancelled``.
  func hash(_ progress: (Int64) -> Void) throws(LayoutError) -> BlobVerifier {
    var verifier = BlobVerifier(digest: blob.digest, size: blob.size)
    guard let claim else { return verifier }
    var trusted = verifier.copy()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
    defer { unsafe buffer.deallocate() }
    for checkpoint in claim.checkpoints {
      guard unsafe try read(until: checkpoint.have, into: &verifier, through: buffer, progress) else { break }
      if verifier.contentDigest() == checkpoint.content { trusted = verifier.copy() }
    }
    // The way to the last checkpoint is all that was read beyond the trusted bytes: the rest is theirs.
    progress(trusted.received)
    return trusted
  }

  /// Hashes on up to `end`. False when that cannot be read: what a disk does not give back is fetched again.
  private func read(
    until end: Int64, into verifier: inout BlobVerifier, through buffer: UnsafeMutableRawBufferPointer,
    _ progress: (Int64) -> Void
  ) throws(LayoutError) -> Bool {
    while verifier.received < end {
      guard !Task.isCancelled else { throw .cancelled }
      let count = Int(min(Int64(buffer.count), end - verifier.received))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      guard unsafe (try? file.read(into: piece, at: blob.offset + verifier.received)) == count,
        (try? verifier.update(unsafe UnsafeRawBufferPointer(piece).bytes)) != nil
      else { return false }
      progress(verifier.received)
    }
    return true
  }
}
