public import Digests
public import Images
public import Layouts
import Tar

/// What an import does with a tag that is there with another image.
public enum ExistingTags: Sendable {
  /// Nothing is pushed.
  case stop
  /// It stays what it is; the others are pushed.
  case skip
  /// It is moved.
  case overwrite
}

/// What `ferry import` is asked to do.
public struct ImportRequest: Sendable {
  public var archives: [ArchiveInput]
  /// What lies beside them in directories that were named.
  public var passedOver = PassedOver()
  public var mapping: NameMapping
  /// Globs on source references, with or without their host; empty: all images.
  public var images: [String]
  /// What becomes of tags that hold other content.
  public var existing: ExistingTags
  /// What lies below a tag that is there with the right digest is not asked for.
  public var trustsTags = false
  /// Images of which not all is there are left out, and the others are taken.
  public var allowsMissing: Bool
  /// What the archive digest must be.
  public var expected: Digest?
  /// Who must have signed each archive.
  public var signature: SignatureDemand?
  public var shard: Shard?
  /// Signatures, SBOMs and attestations go with their images.
  public var takesReferrers: Bool
  public var journal: JournalLocation
  /// The name for an image without one.
  public var givenName: GivenName?
  /// Uncompressed layers are compressed on the way.
  public var compressesLayers: Bool
  /// Images of Docker's schema 1 become images of schema 2 on the way.
  public var convertsSchema1 = false
  /// Of an index what it lists for this platform is pushed in its place.
  public var platform: Platform?
  /// Of an index what it lists for these is looked at, and it stays what it is.
  var lookedAt: [Platform] = []
  /// An index is pushed though another tool left out of the archive some of what it lists.
  public var keepsSparseIndexes = false
  /// The directory into which archives that cannot be read in place are copied first; nil: they are read as they
  /// come.
  public var spool: String?
  /// The directory for nameless files of what is not to be kept in memory.
  public var temporary: String
  /// How much memory decompressing may take, in bytes.
  public var memoryLimit = Decompressor.usualMemory

  public init(
    archives: [ArchiveInput], mapping: NameMapping, images: [String] = [], existing: ExistingTags = .stop,
    allowsMissing: Bool = false, expected: Digest? = nil, shard: Shard? = nil, takesReferrers: Bool = true,
    journal: JournalLocation = .besideArchive(orIn: nil), givenName: GivenName? = nil,
    compressesLayers: Bool = false, spool: String? = nil, temporary: String
  ) {
    self.archives = archives
    self.mapping = mapping
    self.images = images
    self.existing = existing
    self.allowsMissing = allowsMissing
    self.expected = expected
    self.shard = shard
    self.takesReferrers = takesReferrers
    self.journal = journal
    self.givenName = givenName
    self.compressesLayers = compressesLayers
    self.spool = spool
    self.temporary = temporary
  }

  /// What of indexes is asked for.
  var platformScope: PlatformScope {
    if let platform { return .one(platform) }
    return lookedAt.isEmpty ? .all : .some(lookedAt)
  }
}
