import Digests
import Files

/// What files of an archive hash to, each read once for all that is asked of it.
struct ExtentDigests {
  private struct Key: Hashable {
    let extent: BlobExtent
    let algorithm: Digest.Algorithm
  }

  private let file: any RandomAccess
  private var known: [Key: Digest] = [:]

  private static let pieceSize: Int64 = 256 << 10

  init(_ file: any RandomAccess) { self.file = file }

  /// What lies at `extent` hashes to; nil where not all of it is there.
  mutating func digest(
    of extent: BlobExtent, by algorithm: Digest.Algorithm = .sha256
  ) throws(LayoutError) -> Digest? {
    guard file.holds(extent.range) else { return nil }
    let key = Key(extent: extent, algorithm: algorithm)
    if let digest = known[key] { return digest }
    var digest = (file as? PassedContent)?.passage(at: extent.offset, size: extent.size)?.digest(
      by: algorithm)
    if digest == nil { digest = try read(extent, by: algorithm) }
    known[key] = digest
    return digest
  }

  private func read(
    _ extent: BlobExtent, by algorithm: Digest.Algorithm
  ) throws(LayoutError) -> Digest? {
    var hasher = ContentHasher(algorithm)
    var done: Int64 = 0
    while done < extent.size {
      try LayoutError.checkCancellation()
      let count = min(Self.pieceSize, extent.size - done)
      let piece = try BlobExtent(offset: extent.offset + done, size: count).bytes(in: file)
      guard piece.count == Int(count) else { return nil }
      unsafe hasher.update(piece.span.bytes)
      done += count
    }
    return hasher.digest()
  }

  /// Whether the same bytes lie at both; not where some of them are not there.
  mutating func areSame(_ first: BlobExtent, _ second: BlobExtent) throws(LayoutError) -> Bool {
    guard first != second else { return true }
    guard first.size == second.size, let digest = try digest(of: first) else { return false }
    return try digest == self.digest(of: second)
  }
}
