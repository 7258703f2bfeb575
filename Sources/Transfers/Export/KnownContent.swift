import Digests
import Images
import Layouts

/// What the other side has already, by earlier archives and receipts (`--skip-known`).
struct KnownContent: Sendable {
  private struct Place: Sendable {
    let size: Int64
    /// The digest of the ``KnownSource``.
    let source: Digest
    /// Of the images that hold it, with its host.
    let repository: String?

    /// Of several that know one blob, whatever the order they come in.
    func precedes(_ other: Self) -> Bool {
      source != other.source ? source < other.source : (repository ?? "") < (other.repository ?? "")
    }
  }

  /// Each once, sorted by digest.
  private(set) var sources: [KnownSource] = []
  private var blobs: [Digest: Place] = [:]

  /// Takes in that `source` knows `blobs`, which images of `repository` hold.
  mutating func add(_ blobs: some Sequence<Descriptor>, of repository: String?, by source: KnownSource) {
    if !sources.contains(where: { $0.digest == source.digest }) {
      sources.append(source)
      sources.sort { $0.digest < $1.digest }
    }
    for blob in blobs {
      let place = Place(size: blob.size, source: source.digest, repository: repository)
      if let other = self.blobs[blob.digest], !place.precedes(other) { continue }
      self.blobs[blob.digest] = place
    }
  }

  func holds(_ blob: Descriptor) -> Bool { blobs[blob.digest]?.size == blob.size }

  /// What of `blobs` need not be carried.
  func omissions(from blobs: [Descriptor]) -> [Omission] {
    blobs.compactMap { blob in
      guard let place = self.blobs[blob.digest], place.size == blob.size else { return nil }
      return Omission(blob, reason: .known, source: place.source, repository: place.repository)
    }
  }
}
