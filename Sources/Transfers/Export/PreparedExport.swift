import Images
public import Layouts

/// An export of which everything is known but the blobs' bytes.
public struct PreparedExport: Sendable {
  /// One archive to write.
  public struct Archive: Sendable {
    /// nil: standard output.
    public let path: String?
    public let plan: ArchivePlan
    public let state: State
  }

  public enum State: Sendable {
    case toWrite
    /// The path holds exactly this archive.
    case upToDate
    /// The path holds something else, which is in the way.
    case blocked
    /// The path holds something else, which `--force` replaces.
    case toReplace
  }

  public let images: [ExportImage]
  public let archives: [Archive]
  public let failures: [ImageFailure]
  /// Why nothing can be written, apart from ``failures``.
  public let blockers: [any Error]
  /// Free bytes where the archives go, and how many they need; nil for standard output.
  public let space: (available: Int64, needed: Int64)?

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 { images.reduce(0) { $0 + $1.tree.size } }

  /// The size of everything with shared content counted once an archive, in bytes.
  public var uniqueSize: Int64 {
    archives.reduce(0) { sum, archive in
      sum + archive.plan.manifests.reduce(0) { $0 + Int64($1.bytes.count) }
        + archive.plan.blobs.reduce(0) { $0 + $1.size }
    }
  }
}
