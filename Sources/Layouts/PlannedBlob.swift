public import Digests
public import Images

/// A config or layer and where its content will lie in the archive.
public struct PlannedBlob: Hashable, Sendable {
  public let descriptor: Descriptor
  /// Where the content begins in the archive, in bytes.
  public let offset: Int64

  public var digest: Digest { descriptor.digest }
  public var size: Int64 { descriptor.size }
}
