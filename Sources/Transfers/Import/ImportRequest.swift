public import Digests

/// What `ferry import` is asked to do.
public struct ImportRequest: Sendable {
  public var archives: [String]
  public var mapping: NameMapping
  /// Globs on source references, with or without their host; empty: all images.
  public var images: [String]
  /// Tags that hold other content are moved to the new one.
  public var overwrites: Bool
  /// What the archive digest must be.
  public var expected: Digest?
  /// Who must have signed each archive.
  public var signature: SignatureDemand?
  public var shard: Shard?
  public var journal: JournalPlace

  public init(
    archives: [String], mapping: NameMapping, images: [String] = [], overwrites: Bool = false,
    expected: Digest? = nil, shard: Shard? = nil,
    journal: JournalPlace = .besideArchive(orIn: nil)
  ) {
    self.archives = archives
    self.mapping = mapping
    self.images = images
    self.overwrites = overwrites
    self.expected = expected
    self.shard = shard
    self.journal = journal
  }
}
