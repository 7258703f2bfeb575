public import Digests
import Images
public import Layouts

/// An export of which everything is known but the blobs' bytes.
public struct PreparedExport: Sendable {
  /// One archive to write.
  public struct Archive: Sendable {
    /// nil: standard output.
    public let path: String?
    /// Of the volumes it is cut into, in bytes; nil: one file.
    public let volumeSize: Int64?
    /// The numbers of the volumes that are written; empty: all.
    public let onlyVolumes: [Int]
    public internal(set) var plan: ArchivePlan
    public internal(set) var state: State
    /// How an earlier run's work is gone on with.
    public internal(set) var continuation: ArchiveContinuation?
    /// Tags that point elsewhere than when that run began.
    public internal(set) var movedTags: [(image: String, from: Digest, to: Digest)] = []

    /// All its blobs, in bytes.
    public var blobSize: Int64 { plan.blobs.map(\.size).saturatingSum() }
  }

  public enum State: Sendable {
    case toWrite
    /// The path holds an archive of exactly these images; its archive digest.
    case upToDate(Digest)
    /// The path holds something else, which is in the way.
    case blocked
    /// The path holds something else, which `--force` replaces.
    case toReplace
  }

  public let images: [ExportImage]
  public internal(set) var archives: [Archive]
  let descriptions: [RegistryLocation: String]
  let known: KnownContent
  public let failures: [ImageFailure]
  /// Why nothing can be written, apart from ``failures``.
  public let blockers: [any Error]
  /// Free bytes where the archives go, and how many they need; nil for standard output.
  public let space: (available: Int64, needed: Int64)?

  /// What travels with the images because it refers to them, each once. What was asked for by its name is an
  /// image.
  public var referrers: [Referrer] {
    var known = Set(images.map(\.reference))
    return images.flatMap(\.referrers).filter { known.insert($0.reference).inserted }
  }

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 {
    (images.map(\.tree.size) + referrers.map(\.tree.size)).saturatingSum()
  }

  /// What the archives leave out because the other side has it.
  public var knownOmissions: [Omission] {
    archives.flatMap { $0.plan.omissions.filter { $0.reason == .known } }
  }

  /// What the word of each archive and receipt that content is left out by is worth, by its digest.
  public var knownProofs: [Digest: KnownProof] { known.proofs }

  /// How many of an archive's images are all there, whatever the other side has: no blob of theirs is left out as
  /// known.
  public func imagesWholeAlone(in archive: Archive) -> (whole: Int, of: Int) {
    let left = Set(archive.plan.omissions.filter { $0.reason == .known }.map(\.descriptor.digest))
    let held = images(in: archive)
    return (held.count { image in !image.tree.blobs.contains { left.contains($0.digest) } }, held.count)
  }

  /// The size of everything with shared content counted once an archive, in bytes.
  public var uniqueSize: Int64 {
    archives.map { archive in
      [archive.plan.manifests.map { Int64($0.bytes.count) }.saturatingSum(), archive.blobSize].saturatingSum()
    }.saturatingSum()
  }
}

extension PreparedExport.Archive {
  public var isUpToDate: Bool {
    if case .upToDate = state { true } else { false }
  }

  /// The digest of the archive that is at the path, or will be.
  public var digest: Digest {
    if case .upToDate(let digest) = state { digest } else { plan.archiveDigest }
  }
}
