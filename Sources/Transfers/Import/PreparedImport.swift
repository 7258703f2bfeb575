public import Digests
public import Images
import Layouts

/// An import of which everything is known: names, conflicts, and what must move.
public struct PreparedImport: Sendable {
  /// One blob and the destination's repositories that need it.
  struct Blob: Sendable {
    let descriptor: Descriptor
    /// Where its bytes are; nil when the archives leave it out because the destination has it.
    let layout: Layout?
    /// All that are imported.
    let archives: [Layout]
    let repositories: [String]
    /// Where it does not lie in the archive as it is sent.
    let compressed: CompressedLayer?
    /// A repository of the destination that has what the archives leave out.
    var holder: String?
  }

  /// What the images are placed below.
  public let destination: RegistryLocation
  /// Archives by path, with their digests.
  public let archives: [(path: String, digest: Digest)]
  public let images: [ImportImage]
  public let failures: [ImageFailure]
  /// Images that are not whole in the archives and are left out (`--allow-missing`).
  public let notWhole: [ImageFailure]
  /// Repositories that may not be pushed to.
  public let refusals: [RepositoryRefusal]
  /// Why nothing can be pushed, apart from ``failures``.
  public let blockers: [any Error]
  let blobs: [Blob]
  /// What the archives leave out and the destination does not have either.
  public let absent: [AbsentContent]
  /// What they leave out for other reasons, and whether the destination has it.
  public let leftOut: [LeftOutContent]
  let layouts: [Layout]
  /// Those of the archives that pass by once, in their order.
  let streams: [StreamedLayout]
  /// Bytes of blobs that the destination has already, where that was asked; nil otherwise.
  public let presentSize: Int64?

  /// Whether some of what is to be pushed comes through a pipe, of which a dry run reads the front alone.
  public var isStreamed: Bool { !streams.isEmpty }

  /// Whether something besides manifests would be read and hashed by a run.
  public var hasContent: Bool { blobs.contains { $0.layout != nil } }

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 { images.map(\.tree.size).saturatingSum() }

  /// The blobs of images that are not there yet, each once, in bytes.
  public var uniqueSize: Int64 { blobs.map(\.descriptor.size).saturatingSum() }
}
