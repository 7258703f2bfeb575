public import Digests
public import Images
import Layouts

/// An import of which everything is known: names, conflicts, and what must move.
public struct PreparedImport: Sendable {
  /// One blob and the destination's repositories that need it.
  struct Blob: Sendable {
    let descriptor: Descriptor
    let layout: Layout
    let repositories: [String]
  }

  /// What the images are placed below.
  public let destination: RegistryLocation
  /// Archives by path, with their digests.
  public let archives: [(path: String, digest: Digest)]
  public let images: [ImportImage]
  public let failures: [ImageFailure]
  /// Repositories that may not be pushed to.
  public let refusals: [RepositoryRefusal]
  /// Why nothing can be pushed, apart from ``failures``.
  public let blockers: [any Error]
  let blobs: [Blob]
  /// Bytes of blobs that the destination has already, where that was asked; nil otherwise.
  public let presentSize: Int64?

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 { images.map(\.tree.size).saturatingSum() }

  /// The blobs of images that are not there yet, each once, in bytes.
  public var uniqueSize: Int64 { blobs.map(\.descriptor.size).saturatingSum() }
}
