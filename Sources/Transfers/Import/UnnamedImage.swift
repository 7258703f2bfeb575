public import Digests

/// An image that its archive gives no name, or not a whole one.
public struct UnnamedImage: Hashable, Sendable {
  public let digest: Digest
  /// The tag, where that is all there is.
  public let tag: String?
  /// What the archive calls it, not fit to be printed; empty where it calls it nothing.
  public let name: String
}
