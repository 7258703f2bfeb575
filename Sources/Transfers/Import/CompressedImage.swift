public import Digests
import Images

/// An image some of whose layers are compressed on the way, and which has other digests for it.
public struct CompressedImage: Sendable {
  /// The image's digest in the archive.
  public let original: Digest
  /// The layers that change, in the image's order.
  public let layers: [CompressedLayer]
}
