public import Digests
public import Images
public import Layouts
import Tar

/// What `ferry check` holds against a registry.
public struct CheckRequest: Sendable {
  /// By what it is known which images there should be.
  public enum Evidence: Sendable {
    case archives([ArchiveInput])
    /// Receipts of imports, by their paths.
    case receipts([String])
  }

  public var evidence: Evidence
  /// What lies beside archives in directories that were named.
  public var passedOver = PassedOver()
  /// Globs on source references, with or without their host; empty: all images.
  public var images: [String] = []
  /// What must be among the images, whatever the registry has.
  public var list: ListedReferences?
  /// What the archive digest must be.
  public var expected: Digest?
  /// Of indexes only what they list for these is looked at, so that no more of them has to be whole; empty: everything.
  public var platforms: [Platform] = []
  /// Signatures, SBOMs and attestations are looked at with their images.
  public var takesReferrers = true
  /// The directory into which archives that cannot be read in place are copied first; nil: they are read as they come.
  public var spool: String?
  /// The directory for files that nobody is to find again.
  public var temporary: String
  /// How much memory decompressing may take, in bytes.
  public var memoryLimit = Decompressor.usualMemory

  public init(_ evidence: Evidence, temporary: String) {
    self.evidence = evidence
    self.temporary = temporary
  }

  /// The import of the archives that is, or would be, looked at.
  func intake(of archives: [ArchiveInput], mapping: NameMapping) -> ImportRequest {
    var request = ImportRequest(
      archives: archives, mapping: mapping, images: images, expected: expected,
      takesReferrers: takesReferrers, spool: spool, temporary: temporary)
    request.memoryLimit = memoryLimit
    request.passedOver = passedOver
    request.keepsSparseIndexes = true
    request.lookedAt = platforms
    return request
  }
}

/// How `ferry check --to` looks at a destination.
public struct DestinationRequest: Sendable {
  public var mapping: NameMapping
  /// The name for an image without one.
  public var givenName: GivenName?
  /// Of indexes only what they list for these; empty: everything.
  public var platforms: [Platform] = []
  /// nil: the registry's word is taken for what it has under a digest.
  public var readBack: ReadBackScope?
  public var journal: JournalLocation
  /// How much memory decompressing a layer may take, in bytes.
  public var memoryLimit = Decompressor.usualMemory

  public init(mapping: NameMapping, journal: JournalLocation = .besideArchive(orIn: nil)) {
    self.mapping = mapping
    self.journal = journal
  }
}

/// How much of what a destination holds is fetched and hashed.
public enum ReadBackScope: Hashable, Sendable {
  case everything
  /// A sample of at least this share of all bytes, above 0 and at most 100.
  case percent(Double)
  /// A sample of this many bytes, and what the last blob of it has beyond them.
  case bytes(Int64)
  /// One of so many parts, always the same: all of them together are everything.
  case part(Shard)
}
