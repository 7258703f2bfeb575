import Digests
import Images
import Layouts

/// What the other side has already, by earlier archives and receipts (`--skip-known`).
struct KnownContent: Sendable {
  private struct Place: Sendable {
    let size: Int64
    /// The digest of the ``KnownSource``.
    let source: Digest
    let proof: KnownProof
    /// Of the images that hold it, with its host.
    let repository: String?

    /// Of several that know one blob, whatever the order they come in: what is proved comes first.
    func precedes(_ other: Self) -> Bool {
      if proof != other.proof { return proof < other.proof }
      return source != other.source ? source < other.source : (repository ?? "") < (other.repository ?? "")
    }
  }

  /// Each once, sorted by digest.
  private(set) var sources: [KnownSource] = []
  /// What each source's word is worth, by its digest.
  private(set) var proofs: [Digest: KnownProof] = [:]
  private var blobs: [Digest: Place] = [:]

  /// Takes in that `source` knows `blobs`, which images of `repository` hold.
  mutating func add(
    _ blobs: some Sequence<Descriptor>, of repository: String?, by source: KnownSource, _ proof: KnownProof
  ) {
    if !sources.contains(where: { $0.digest == source.digest }) {
      sources.append(source)
      sources.sort { $0.digest < $1.digest }
    }
    proofs[source.digest] = min(proof, proofs[source.digest] ?? proof)
    for blob in blobs {
      let place = Place(size: blob.size, source: source.digest, proof: proof, repository: repository)
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

/// What stands behind the word of an archive or a receipt that the other side has something, the best first.
public enum KnownProof: Int, Comparable, Hashable, Sendable {
  /// Somebody vouches for it: it has the digest that was expected, or the signature that was demanded.
  case vouched
  /// Every blob that it is believed to hold was read in it and hashed, in this run.
  case hashed
  /// Nothing: it is a file that says so.
  case claimed

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
