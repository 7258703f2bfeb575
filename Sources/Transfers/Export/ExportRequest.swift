public import Digests
public import Images

/// What `ferry export` is asked to do.
public struct ExportRequest: Sendable {
  public enum Output: Hashable, Sendable {
    /// All images in one archive.
    case file(String)
    /// One archive an image, named after it.
    case directory(String)
    /// One archive, in order, into a descriptor that stays the caller's; `name` is what errors and notes call it.
    case stream(descriptor: Int32, name: String)
  }

  /// Whether images that fail are missing from an archive that holds others.
  var isOneArchive: Bool {
    if case .directory = output { false } else { true }
  }

  public var queries: [ImageQuery]
  /// Empty: every platform.
  public var platforms: [Platform]
  public var output: Output
  /// Replace outputs that exist and hold something else.
  public var replacesExisting: Bool
  public var shard: Shard?
  /// Write `<archive>.sha256` for `sha256sum -c`.
  public var writesChecksums = false
  /// Signs each archive's digest.
  public var signingKey: SigningKey?
  /// Signatures, SBOMs and attestations travel with their images.
  public var takesReferrers: Bool
  /// Archives and receipts that tell what the other side has.
  public var known: [String]
  /// The digests of which the archives among them must have one; they are believed then. Empty: any may be.
  public var knownExpected: [Digest] = []
  /// Who must have signed the receipts among them; an archive that is signed so is believed.
  public var knownSignature: SignatureDemand?

  /// Cut archives into volumes of so many bytes.
  public var volumeSize: Int64?
  /// Write these volumes alone, by their numbers; empty: all.
  public var onlyVolumes: [Int]

  public init(
    queries: [ImageQuery], platforms: [Platform] = [], output: Output, replacesExisting: Bool = false,
    shard: Shard? = nil, takesReferrers: Bool = true, known: [String] = [], volumeSize: Int64? = nil,
    onlyVolumes: [Int] = []
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
  }
}
