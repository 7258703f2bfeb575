public import Digests

/// What a journal comes to: where in the file which bytes of which blob should lie. A pure value; whether the
/// bytes are right, only hashing them shows.
public struct JournalState: Hashable, Sendable {
  /// Of the archive that was being written last.
  public private(set) var archive: Digest
  public private(set) var images: [JournalImage]
  /// Of the volumes that it is cut into, in bytes; nil when it is one file.
  public private(set) var volumeSize: Int64?
  /// How many volumes were being given their final names when the journal ends; nil when none were.
  private(set) var publishing: Int?
  private(set) var blobs: [Digest: WrittenBlob] = [:]
  /// Counts the records: of two claims on one place the younger counts.
  private var age = 0

  /// The state of a journal that begins with this plan.
  public init(archive: Digest, images: [JournalImage], volumeSize: Int64? = nil) {
    self.archive = archive
    self.images = images
    self.volumeSize = volumeSize
  }

  public mutating func apply(_ record: JournalRecord) {
    age += 1
    switch record {
    case .plan(let archive, let images, let volumeSize):
      self.archive = archive
      self.images = images
      self.volumeSize = volumeSize
      publishing = nil
    case .publishing(let count): publishing = count
    case .progress(let claim):
      if blobs[claim.blob]?.size != claim.size { blobs[claim.blob] = WrittenBlob(size: claim.size) }
      blobs[claim.blob]?.place(first: 0, count: claim.have, at: claim.offset, age: age)
      blobs[claim.blob]?.note(claim)
    case .moved(let blob, let first, let count, let offset):
      guard let size = blobs[blob]?.size, first < size, count <= size - first else { return }
      blobs[blob]?.place(first: first, count: count, at: offset, age: age)
    case .forgotten(let blob): blobs[blob] = nil
    case .rewriting: break
    }
  }
}

/// What a journal says of one blob.
struct WrittenBlob: Hashable, Sendable {
  /// A run of the blob's bytes that lies in one piece in the file.
  struct Piece: Hashable, Sendable {
    /// The blob's byte that it begins with.
    var first: Int64
    var count: Int64
    /// Where it lies in the file.
    var offset: Int64
    var age: Int

    var end: Int64 { first + count }
    var fileEnd: Int64 { offset + count }
    /// Where the blob would begin in the file if all of it lay like this piece.
    var base: Int64 { offset - first }

    /// What is left without the blob's bytes from `start` to `stop`: up to two pieces.
    func without(_ start: Int64, _ stop: Int64) -> [Piece] {
      guard start < end, first < stop else { return [self] }
      var left: [Piece] = []
      if first < start { left.append(Piece(first: first, count: start - first, offset: offset, age: age)) }
      if stop < end {
        left.append(Piece(first: stop, count: end - stop, offset: offset + (stop - first), age: age))
      }
      return left
    }
  }

  /// That the first `have` bytes hash to `content`.
  struct Checkpoint: Hashable, Sendable {
    let have: Int64
    let content: Digest
  }

  let size: Int64
  /// In the order of the blob's bytes, none overlapping another.
  private(set) var pieces: [Piece] = []
  /// In the order in which they were noted.
  private(set) var checkpoints: [Checkpoint] = []

  /// The most checkpoints kept of one blob: with more, every other one of the older half goes.
  static let mostCheckpoints = 512

  init(size: Int64) { self.size = size }

  mutating func place(first: Int64, count: Int64, at offset: Int64, age: Int) {
    var rest = pieces.flatMap { $0.without(first, first + count) }
    let index = rest.firstIndex { $0.first > first } ?? rest.count
    rest.insert(Piece(first: first, count: count, offset: offset, age: age), at: index)
    pieces = rest.reduce(into: []) { joined, piece in
      if let last = joined.last, last.end == piece.first, last.base == piece.base {
        joined[joined.count - 1].count += piece.count
        joined[joined.count - 1].age = max(last.age, piece.age)
      } else {
        joined.append(piece)
      }
    }
  }

  mutating func note(_ claim: JournalClaim) {
    checkpoints.append(Checkpoint(have: claim.have, content: claim.content))
    guard checkpoints.count > Self.mostCheckpoints else { return }
    // The younger ones stay: some may speak of bytes that a power cut took, and the next before is to be near.
    let half = checkpoints.count / 2
    checkpoints = checkpoints.enumerated().filter { $0.offset >= half || $0.offset % 2 == 0 }.map(\.element)
  }

  /// Takes pieces away that others own by now.
  mutating func keep(only kept: [Piece]) { pieces = kept }

  /// How many bytes from the first on lie somewhere.
  var covered: Int64 {
    var covered: Int64 = 0
    for piece in pieces where piece.first <= covered { covered = max(covered, piece.end) }
    return covered
  }
}
