public import Digests
public import FoundationEssentials
public import Images
import Layouts

/// One image of an import: where it comes from, where it goes, and what is there.
public struct ImportImage: Sendable {
  public enum State: Hashable, Sendable {
    case new
    /// The tag is there with this very digest.
    case identical
    /// The tag is there with another digest and will be moved (`--overwrite`).
    case replaces(Digest)
    /// The tag is there with another digest, which stands in the way.
    case taken(Digest)
    /// The destination would not say; the failure says why.
    case unknown
    /// Its new name cannot be had: the repository may not be pushed to, no registry has such names, or another
    /// image would get it too. A blocker or the failure says which.
    case refused
  }

  /// The image's name in the archive.
  public let source: String
  public let target: Reference
  public let tree: ImageTree
  /// The archive's path.
  public let archive: String
  public internal(set) var state: State = .new
  /// When the destination said that it holds the image under ``target`` with ``digest``; nil before.
  public internal(set) var confirmedAt: Date?

  public var digest: Digest { tree.root.digest }
}
