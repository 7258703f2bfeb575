public import Digests
import Files
import Images

/// How an archive is resumed from what a journal says is there: which bytes have to go elsewhere first, and what
/// is claimed of each blob then. A pure value.
public struct ArchiveContinuation: Hashable, Sendable {
  /// What should lie at a planned blob's place, up to its last checkpoint.
  public struct Claim: Hashable, Sendable {
    /// In bytes from the blob's first.
    public let have: Int64
    /// By how many bytes they stand for, the fewest first.
    let checkpoints: [WrittenBlob.Checkpoint]
  }

  /// Of the planned blobs of which anything is there.
  public let claims: [Digest: Claim]
  /// In the order in which they must be done.
  let moves: [BlobMove]
  /// Blobs of the journal of which nothing is kept, sorted.
  let forgotten: [Digest]
  /// Where the file may be used for other things while bytes are moved.
  let scratch: Int64

  /// All that is claimed, in bytes.
  public var claimed: Int64 { claims.values.lazy.map(\.have).saturatingSum() }
  /// What has to be copied inside the file, in bytes.
  public var moved: Int64 { moves.lazy.map(\.count).saturatingSum() }

  /// - Parameters:
  ///   - fileSize: of the unfinished archive, in bytes.
  ///   - room: what may be used behind its end while bytes change places, in bytes.
  public init(of plan: ArchivePlan, from state: JournalState, fileSize: Int64, room: Int64) {
    let places = Dictionary(plan.blobs.map { ($0.digest, $0) }) { first, _ in first }
    var blobs = state.blobs.filter { digest, blob in places[digest]?.size == blob.size }
    Self.separate(&blobs, fileSize: fileSize)

    var claims: [Digest: Claim] = [:]
    var wanted: [BlobMove] = []
    for (digest, blob) in blobs {
      guard let place = places[digest] else { continue }
      let covered = blob.covered
      let checkpoints = Set(blob.checkpoints.filter { $0.have <= covered }).sorted { $0.have < $1.have }
      guard let have = checkpoints.last?.have else { continue }
      claims[digest] = Claim(have: have, checkpoints: checkpoints)
      for piece in blob.pieces where piece.first < have && piece.base != place.offset {
        wanted.append(
          BlobMove(
            blob: digest, first: piece.first, count: min(piece.end, have) - piece.first, from: piece.offset,
            to: place.offset + piece.first))
      }
    }
    let end = max(fileSize, plan.totalSize)
    let relocation = Relocation(wanted, room: room, end: end)
    for digest in relocation.dropped { claims[digest] = nil }
    self.claims = claims
    moves = relocation.moves
    scratch = relocation.scratch
    forgotten = state.blobs.keys.filter { claims[$0] == nil }.sorted()
  }

  /// Of pieces that overlap what the youngest claim on each byte leaves.
  private static func settle(
    _ pieces: ArraySlice<(digest: Digest, piece: WrittenBlob.Piece)>
  ) -> [(digest: Digest, piece: WrittenBlob.Piece)] {
    guard pieces.count > 1 else { return Array(pieces) }
    var kept: [(digest: Digest, piece: WrittenBlob.Piece)] = []
    for (digest, piece) in pieces.sorted(by: { $0.piece.age > $1.piece.age }) {
      var rest = [piece]
      for (_, other) in kept where other.offset < piece.fileEnd && piece.offset < other.fileEnd {
        rest = rest.flatMap { $0.without(other.offset - $0.base, other.fileEnd - $0.base) }
      }
      kept += rest.map { (digest, $0) }
    }
    return kept
  }

  /// Leaves each byte of the file to the youngest claim on it, and nothing behind the file's end.
  private static func separate(_ blobs: inout [Digest: WrittenBlob], fileSize: Int64) {
    var owned: [(digest: Digest, piece: WrittenBlob.Piece)] = []
    for (digest, blob) in blobs {
      for piece in blob.pieces {
        owned += piece.without(piece.first + max(0, fileSize - piece.offset), piece.end).map { (digest, $0) }
      }
    }
    owned.sort { ($0.piece.offset, $0.digest) < ($1.piece.offset, $1.digest) }
    // Pieces that hang together are few, and only they can take from one another.
    var kept: [(digest: Digest, piece: WrittenBlob.Piece)] = []
    var start = owned.startIndex
    while start < owned.endIndex {
      var stop = start + 1
      var end = owned[start].piece.fileEnd
      while stop < owned.endIndex, owned[stop].piece.offset < end {
        end = max(end, owned[stop].piece.fileEnd)
        stop += 1
      }
      kept += Self.settle(owned[start..<stop])
      start = stop
    }
    owned = kept
    let grouped = Dictionary(grouping: owned, by: \.digest)
    for digest in blobs.keys {
      blobs[digest]?.keep(
        only: (grouped[digest] ?? []).map(\.piece).sorted { $0.first < $1.first })
    }
  }
}

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
      try LayoutError.checkCancellation()
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
