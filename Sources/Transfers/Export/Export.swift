public import Digests
import Files
public import Layouts
import Tar

/// `ferry export`: resolve everything, plan the archives, then move each blob once to its place.
///
/// Each stage is a type, and hands the next one value that does not change any more: ``ExportResolver`` gives a
/// ``ResolvedExport``, ``ExportPlanner`` makes a ``PreparedExport`` of it, ``ExportMover`` an ``ExportResult`` of that.
public struct Export: Sendable {
  private let request: ExportRequest
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  /// Throws ``TransferError/noThread(code:)``.
  public init(_ request: ExportRequest, registries: Registries, settings: TransferSettings) throws {
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Tries, before anything is asked or moved, whether files can be made where the archives are to go. Leaves nothing.
  /// Throws ``TransferError/noDirectory(path:)``, ``TransferError/notADirectory(path:)`` and `FileError`. Blocks.
  public func checkOutput() throws { try ExportOutput(request).check() }

  /// Resolves the images and plans the archives; moves no blob. Failures of single images and whatever
  /// else stands in the way are collected, so that one look shows them all.
  @concurrent
  public func prepare() async throws -> PreparedExport {
    let resolved = try await ExportResolver(
      request, registries: registries, settings: settings, executor: executor
    ).resolve()
    return try await executor.run {
      try ExportPlanner(request, keepsGoing: settings.keepGoing).plan(resolved)
    }
  }

  /// Writes the archives. Throws all that stands in the way, and unless `keepGoing` the first
  /// failure.
  @concurrent
  public func run(_ prepared: PreparedExport) async throws -> ExportResult {
    let obstacle = TransferError.obstacle(
      prepared.blockers, prepared.failures, total: prepared.images.count + prepared.failures.count,
      keepsGoing: settings.keepGoing)
    if let obstacle { throw obstacle }
    return try await ExportMover(
      prepared, of: request, registries: registries, settings: settings, executor: executor
    ).run()
  }
}

/// What an export did.
public struct ExportResult: Sendable {
  public let prepared: PreparedExport
  /// Images that failed, whether at resolving or at moving.
  public let failures: [ImageFailure]
  /// Paths of the archives that are whole now, in order; nil stands for a stream.
  public let finished: [String?]
}

/// What `ferry export` is asked to do.
public struct ExportRequest: Sendable {
  public enum Output: Hashable, Sendable {
    /// All images in one archive.
    case file(String)
    /// One archive an image, named after it.
    case directory(String)
    /// One archive, in order, into an open file; `name` is what errors call it.
    case stream(descriptor: Int32, name: String)
  }

  /// Whether images that fail are missing from an archive that holds others.
  var isOneArchive: Bool {
    if case .directory = output { false } else { true }
  }

  public var queries: [ImageQuery]
  public var platforms: PlatformSelection
  public var output: Output
  /// Replace outputs that exist and hold something else.
  public var replacesExisting: Bool
  public var shard: Shard?
  /// Write `<archive>.sha256` for `sha256sum -c`.
  public var writesChecksums = false
  /// Lay these beside the archives, and in their checksums.
  public var enclosed: [EnclosedFile] = []
  /// Signs each archive's digest.
  public var signingKey: SigningKey?
  /// Signatures, SBOMs and attestations travel with their images.
  public var takesReferrers: Bool
  /// Beside the tags of repositories, what no tag names, as far as their registries show it.
  public var takesUntagged = false
  /// Images of Docker's schema 1 become images of schema 2.
  public var convertsSchema1 = false
  /// Archives and receipts that tell what the other side has.
  public var known: [String]
  /// What comes through a descriptor, by the word that stands for it among ``known``.
  public var knownStreams: [String: ArchiveInput.Stream] = [:]
  /// How much memory decompressing one of them may take, in bytes.
  public var memoryLimit = Decompressor.usualMemory
  /// The directory for nameless files of what is not to be kept in memory.
  public var temporary: String
  /// The digests of which the archives among them must have one; they are believed then. Empty: any may be.
  public var knownExpected: [Digest] = []
  /// Who must have signed the receipts among them; an archive that is signed so is believed.
  public var knownSignature: SignatureDemand?

  /// Cut archives into volumes of so many bytes.
  public var volumeSize: Int64?
  /// Write these volumes alone, by their numbers; empty: all.
  public var onlyVolumes: [Int]

  /// The directory that the archives go to; nil for a stream.
  var directory: String? {
    switch output {
    case .file(let path): DataFile.directory(of: path)
    case .directory(let path): path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    case .stream: nil
    }
  }

  public init(
    queries: [ImageQuery], platforms: PlatformSelection = PlatformSelection(), output: Output,
    replacesExisting: Bool = false,
    shard: Shard? = nil, takesReferrers: Bool = true, known: [String] = [], volumeSize: Int64? = nil,
    onlyVolumes: [Int] = [], temporary: String
  ) {
    self.queries = queries
    self.platforms = platforms
    self.output = output
    self.replacesExisting = replacesExisting
    self.shard = shard
    self.takesReferrers = takesReferrers
    self.known = known
    self.volumeSize = volumeSize
    self.onlyVolumes = onlyVolumes
    self.temporary = temporary
  }
}
