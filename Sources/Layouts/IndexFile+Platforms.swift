import Digests
import Images

/// An `index.json` that is itself the index of an image, as ggcr's and bazel's `layout.Write` leave it: the
/// same image for several platforms, not told apart by any name.
extension IndexFile {
  /// The one image that this index, whose bytes these are, is; nil where it lists images by their names.
  func asOneImage(_ bytes: [UInt8]) -> LayoutImage? {
    guard ledgerDigest == nil, others.isEmpty, images.count > 1, Set(images.map(\.name)).count == 1,
      bytes.count <= Manifest.sizeLimit, images.allSatisfy(\.root.mediaType.isImageManifest)
    else { return nil }
    let runnable = images.map(\.root).filter { $0.attestedDigest == nil }
    let platforms = Set(runnable.compactMap(\.platform))
    guard platforms.count == runnable.count, !platforms.isEmpty else { return nil }
    let root = Descriptor(mediaType: .ociIndex, digest: Digest(of: bytes), size: Int64(bytes.count))
    return LayoutImage(reference: images[0].reference, name: images[0].name, root: root)
  }
}
