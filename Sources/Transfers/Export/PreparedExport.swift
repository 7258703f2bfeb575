public import Digests
import Files
import Images
public import Layouts
import Tar

/// An export of which everything is known but the blobs' bytes.
public struct PreparedExport: Sendable {
  /// One archive to write.
  public struct Archive: Sendable {
    /// Where an archive goes.
    enum Target: Sendable {
      case files(ArchivePlace)
      case stream(descriptor: Int32, name: String)
    }

    let target: Target
    /// The numbers of the volumes that are written; empty: all.
    public let onlyVolumes: [Int]
    public let plan: ArchivePlan
    public let state: State
    /// What this archive holds of the export's images.
    let images: [ExportImage]
    /// How an earlier run's work is resumed.
    public let continuation: ArchiveContinuation?
    /// Tags that point elsewhere than when that run began.
    public let movedTags: [(image: String, from: Digest, to: Digest)]

    /// nil: a stream.
    public var path: String? { place?.path }

    /// All its blobs, in bytes.
    public var blobSize: Int64 { plan.blobs.map(\.size).saturatingSum() }
  }

  public enum State: Sendable {
    case toWrite
    /// The path holds an archive of exactly these images; its archive digest.
    case upToDate(Digest)
    /// The path holds something else, which is in the way.
    case blocked
    /// The path holds something else, which is to be replaced.
    case toReplace

    var isUpToDate: Bool {
      if case .upToDate = self { true } else { false }
    }
  }

  public let images: [ExportImage]
  public let archives: [Archive]
  /// How its images become an archive's plan: once more when one of them is lost on the way.
  let composition: ArchiveComposition
  public let failures: [ImageFailure]
  /// Entries of the registries' lists that were asked for and name nothing which can be: all else is exported.
  public let leftOut: [ImageFailure]
  /// The registries that do not list what has no tag, where that was asked for; nil where it was not.
  public let untaggedUnlisted: [String]?
  /// Why nothing can be written, apart from ``failures``.
  public let blockers: [any Error]
  /// Free bytes where the archives go, and how many they need; nil for a stream.
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
  public var knownProofs: [Digest: KnownProof] { composition.known.proofs }

  /// How many of an archive's images are all there, whatever the other side has: no blob of theirs is left out as
  /// known.
  public func imagesWholeAlone(in archive: Archive) -> (whole: Int, of: Int) {
    let left = Set(archive.plan.omissions.filter { $0.reason == .known }.map(\.descriptor.digest))
    return (
      archive.images.count { image in !image.tree.blobs.contains { left.contains($0.digest) } },
      archive.images.count
    )
  }

  /// The size of everything with shared content counted once an archive, in bytes.
  public var uniqueSize: Int64 {
    archives.map { archive in
      [archive.plan.manifests.map(\.size).saturatingSum(), archive.blobSize].saturatingSum()
    }.saturatingSum()
  }

  /// The same, with what became of the archives, and of their images.
  func with(_ archives: [Archive]) -> PreparedExport {
    let converted = Dictionary(
      archives.flatMap(\.images).filter { $0.original != nil }.map { ($0.requested, $0) }
    ) { first, _ in first }
    return PreparedExport(
      images: images.map { converted[$0.requested] ?? $0 }, archives: archives, composition: composition,
      failures: failures, leftOut: leftOut, untaggedUnlisted: untaggedUnlisted,
      blockers: blockers, space: space)
  }
}

extension PreparedExport.Archive {
  public var isUpToDate: Bool { state.isUpToDate }

  /// The digest of the archive that is at the path, or will be.
  public var digest: Digest {
    if case .upToDate(let digest) = state { digest } else { plan.archiveDigest }
  }

  /// The same; nil while images in it are to be converted, and what their layers hold is not known.
  public var knownDigest: Digest? { images.contains(where: \.isToConvert) ? nil : digest }

  /// The same archive as it was found to be, or was written: of a `plan` that may have lost images.
  func with(
    _ plan: ArchivePlan? = nil, state: PreparedExport.State, images: [ExportImage]? = nil
  ) -> Self {
    let images = images ?? self.images
    let held = plan.map { Set($0.images.compactMap(\.reference)) }
    return Self(
      target: target, onlyVolumes: onlyVolumes, plan: plan ?? self.plan, state: state,
      images: held.map { held in images.filter { held.contains($0.reference) } } ?? images,
      continuation: continuation, movedTags: movedTags)
  }

  /// Where it goes; nil: a stream.
  var place: ArchivePlace? {
    if case .files(let place) = target { place } else { nil }
  }

  /// One volume that an archive is cut into.
  public struct Volume: Hashable, Sendable {
    public let number: Int
    public let path: String
    /// In bytes.
    public let size: Int64
  }

  /// The volumes it is cut into, in order; none when it is one file.
  public var volumes: [Volume] {
    guard let place, place.volumeSize != nil else { return [] }
    return place.paths(for: plan.totalSize).enumerated().map { index, path in
      Volume(number: index + 1, path: path, size: place.size(of: index + 1, for: plan.totalSize))
    }
  }

  /// What is written of it, in bytes.
  public var writtenSize: Int64 {
    guard !onlyVolumes.isEmpty else { return plan.totalSize }
    return volumes.filter { onlyVolumes.contains($0.number) }.map(\.size).saturatingSum()
  }

  /// What a line calls it: the file, or the first volume and the last.
  public var title: String? {
    let names = volumes.map(\.path)
    guard let first = names.first, let last = names.last else { return path }
    return first == last ? first : "\(first) to \(last)"
  }
}

/// How images are laid out in an archive: all that a plan depends on but the images themselves.
struct ArchiveComposition: Sendable {
  let known: KnownContent
  let descriptions: RepositoryDescriptions
  /// What the images are made of.
  let descriptors: SharedDescriptors
  /// Whether an archive says which images it was to hold and does not.
  let namesMissing: Bool

  /// The plan of one archive of `images`, which says that those that failed are missing in it.
  func plan(_ images: [ExportImage], without failures: [ImageFailure]) throws -> ArchivePlan {
    let referrers = images.flatMap(\.referrers)
    var named = images.map { (reference: $0.reference, root: $0.tree.root) }
    named += referrers.lazy.filter { !$0.isListed }.map { ($0.reference, $0.tree.root) }
    let blobs = images.lazy.flatMap(\.blobs)
    // Without the manifest of schema 1 that it carries nobody can tell what a carrier carries.
    let documents = Set(images.flatMap(\.documents.keys))
    let leavable = blobs.filter { !documents.contains($0.digest) }
    let files = Dictionary(images.flatMap(\.files).map { ($0.path, $0) }) { first, _ in first }
    return try ArchivePlan(
      images: named,
      referrers: referrers.filter(\.isListed).map { ($0.reference, $0.tree.root) },
      encoded: images.flatMap(\.manifests) + referrers.flatMap(\.manifests), sharing: descriptors,
      blobs: blobs.filter { documents.contains($0.digest) || !known.holds($0) },
      omissions: images.flatMap(\.omissions) + known.omissions(from: leavable), knownSources: known.sources,
      extraFiles: descriptions.files(of: images.map(\.reference)) + files.values,
      missingImages: namesMissing ? failures.map(MissingImage.init) : [])
  }
}
