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
