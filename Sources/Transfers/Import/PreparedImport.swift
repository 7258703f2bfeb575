public import Digests
public import Images
public import Layouts

/// An import of which everything is known: names, conflicts, and what must move.
public struct PreparedImport: Sendable {
  /// What the images are placed below.
  public let destination: RegistryLocation
  /// Archives by path, with their digests.
  public var archives: [(path: String, digest: Digest)] { opened.named }
  public let images: [ImportImage]
  public let failures: [ImageFailure]
  /// Images of which something is missing in the archives, and which are skipped (``ImportRequest/allowsMissing``).
  public let incomplete: [ImageFailure]
  /// Repositories that may not be pushed to.
  public let refusals: [RepositoryRefusal]
  /// Why nothing can be pushed, apart from ``failures``.
  public let blockers: [any Error]
  /// The blobs to push, each once.
  let blobs: [ImportBlob]
  /// What the archives leave out and the destination does not have either.
  public let absent: [MissingContent]
  /// What they leave out for other reasons, and whether the destination has it.
  public let leftOut: [OmittedContent]
  let opened: ImportedArchives
  /// What lies beside the archives in directories, and is none.
  public var passedOver: PassedOver { opened.passedOver }
  /// Bytes of blobs that the destination has already, where that was asked; nil otherwise.
  public let presentSize: Int64?

  /// Whether some of what is to be pushed comes as it is read, of which a dry run reads the front alone where it lies in a file.
  public var isStreamed: Bool { !opened.streams.isEmpty }

  /// Whether a dry run has read all of the archives: they come through pipes.
  public var isReadThrough: Bool { opened.areReadThrough }

  /// Whether something besides manifests would be read and hashed by a run.
  public var hasContent: Bool { blobs.contains { $0.layout != nil } }

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 { images.map(\.tree.size).saturatingSum() }

  /// The blobs of images that are not there yet, each once, in bytes.
  public var uniqueSize: Int64 { blobs.map(\.descriptor.size).saturatingSum() }
}

/// What an import did.
public struct ImportResult: Sendable {
  public let prepared: PreparedImport
  /// The images that were pushed, and read back with their digest.
  public let pushed: [ImportImage]
  /// The images that were left away for what their tags hold, before anything was pushed or when it came to them.
  public let skipped: [ImportImage]
  public let failures: [ImageFailure]
  /// Those of ``failures`` that showed when all was pushed: nothing was stopped by them.
  public let late: [ImageFailure]
  /// Bytes of blobs that were uploaded, mounted from another repository, and found in place.
  public let uploadedSize: Int64
  public let mountedSize: Int64
  public let presentSize: Int64
}
