import Digests
import Files
import Images

/// What of an image's manifest can be held against docker's list.
struct ListedImage {
  let descriptor: Descriptor
  let config: Digest
  let layers: [Digest]

  /// nil of what is no image's.
  init?(_ manifest: Manifest) {
    guard case .image(let image) = manifest.content else { return nil }
    descriptor = manifest.descriptor
    config = image.config.digest
    layers = image.layers.map(\.digest)
  }

  /// Those of each config in the order of their digests.
  static func byConfig(_ images: some Sequence<ListedImage>) -> [Digest: [ListedImage]] {
    Dictionary(grouping: images, by: \.config)
      .mapValues { $0.sorted { $0.descriptor.digest < $1.descriptor.digest } }
  }

  /// The manifests among an archive's blobs that no list leads to, as `isListed` says, by their configs; of an archive with more
  /// than is read of any, the first of them. Throws ``LayoutError/cancelled``, and where the archive cannot be read.
  static func strays(
    among blobs: [Digest: BlobExtent], in file: any RandomAccess, isListed: (Digest) -> Bool
  ) throws(LayoutError) -> [Digest: [ListedImage]] {
    var found: [ListedImage] = []
    var bytesRead: Int64 = 0
    var tally = ManifestTally()
    for (digest, extent) in blobs.sorted(by: { $0.key < $1.key })
    where !isListed(digest) && extent.size <= Int64(Manifest.sizeLimit) && file.holds(extent.range) {
      try LayoutError.checkCancellation()
      let start = try BlobExtent(offset: extent.offset, size: min(1, extent.size)).bytes(in: file)
      guard start == [UInt8(ascii: "{")] else { continue }
      bytesRead.add(saturating: extent.size)
      guard bytesRead <= ManifestWalk.sizeLimit, !tally.isDense(beyond: ManifestWalk.mostValues) else {
        break
      }
      let bytes = try extent.bytes(in: file)
      guard digest.matches(bytes),
        let manifest = try? Manifest(bytes: bytes, mediaType: nil, by: digest.algorithm)
      else { continue }
      tally.add(manifest)
      if let image = ListedImage(manifest) { found.append(image) }
    }
    return byConfig(found)
  }
}
