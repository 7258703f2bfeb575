public import Digests
public import Images
public import Layouts

/// What `ferry inspect` shows of one archive.
public struct InspectedArchive: Sendable {
  public struct Image: Sendable {
    /// As the archive gives it: unchecked, and empty where it gives none.
    public let name: String
    /// Whether ``name`` is a name, or a tag at least, and fit to be printed.
    public let hasName: Bool
    /// As registries know it.
    public let root: Descriptor
    /// What registries knew it by before it was made one of schema 2 for this archive.
    public let convertedFrom: Digest?
    /// The digest in the name that docker's list gives it, where its manifest has another.
    public let givenDigest: Digest?
    /// One entry for each manifest of a runnable image or an artifact.
    public let members: [Member]
    /// Manifests and blobs, each once, in bytes.
    public let size: Int64
    /// How much of ``size`` no other image of the archive has, in bytes.
    public let ownSize: Int64
    /// What is there for its sake, and for the sake of that: the names, sorted.
    public let referrers: [String]
    /// Whether all of it is there, as far as can be told without reading layers.
    public let isWhole: Bool
  }

  public struct Member: Sendable {
    public let digest: Digest
    public let platform: Platform?
    /// What its config says it is for, where that is another platform than its index says.
    public let otherPlatform: Platform?
    /// An attestation, which runs nowhere.
    public let isAttestation: Bool
    public let config: Descriptor
    public let layers: [Descriptor]
  }

  public let path: String
  public let digest: Digest
  /// The archive file's size, in bytes.
  public let size: Int64
  public let isWrittenByFerry: Bool
  public let form: LayoutForm
  public let images: [Image]
  /// What its list names and is no image.
  public let others: [Descriptor]
  /// What is there for an image's sake.
  public let referrers: [InspectedReferrer]
  public let omissions: [Omission]
  /// The images that list what is left out, by its digest.
  public let omissionImages: [Digest: CountedImages]
  /// By what it is known that the other side has what is left out as known.
  public let knownSources: [KnownSource]
  /// Images that it was to hold and does not.
  public let missingImages: [MissingImage]
  /// What its indexes list and may be manifests of types that Ferry does not know, each once.
  public let unknownManifests: [UnknownManifest]
  /// Descriptions of repositories that travel with the images, in Markdown, not fit to be printed as they are.
  public let descriptions: [(repository: String, text: String)]
  /// What the structure shows to be wrong. Blobs are read of what comes once, and nowhere else.
  public let problems: [LayoutProblem]

  /// All images' sizes added up, as if none shared anything, in bytes.
  public var totalSize: Int64 { (images.map(\.size) + referrers.map(\.size)).saturatingSum() }
  /// What the images need with shared content counted once, in bytes.
  public let uniqueSize: Int64
  /// Of an archive that is cut: every volume, in order.
  public let volumes: [Volume]
  /// Whether it is compressed, and no more was read of it than what describes it.
  public let isFrontAlone: Bool
  /// Whether it came once, so that nobody knows what its file is called.
  public let isPiped: Bool
  /// How many signatures lie beside the image that an import does not carry, for no registry has a place for them.
  public let signatureCount: Int
}

/// A signature, SBOM or attestation that an archive carries.
public struct InspectedReferrer: Sendable {
  /// By the tag that names its subject, or by its digest.
  public let name: String
  public let root: Descriptor
  public let artifactType: String?
  /// The manifest it refers to.
  public let subject: Digest
  /// Manifests and blobs, each once, in bytes.
  public let size: Int64

  /// Where something that is referred to lies.
  struct Subject: Hashable {
    let repository: String?
    let digest: Digest
  }

  /// What it refers to, in its own repository.
  let place: Subject
  fileprivate let manifests: [Descriptor]

  init(_ image: LayoutImage, _ referral: Referral, _ tree: ImageTree, size: Int64) {
    name = image.name
    root = image.root
    artifactType = tree.artifactType
    subject = referral.subject
    self.size = size
    place = Subject(repository: image.reference?.repositoryName, digest: referral.subject)
    manifests = tree.manifests
  }
}

/// Of an archive's images what is there for the sake of each. Thousands of names may be of one image, and thousands of
/// signatures: it is found once for all names in a repository.
struct ReferrersByImage {
  private let bySubject: [InspectedReferrer.Subject: [InspectedReferrer]]
  private let subjects: Set<Digest>
  /// Those of an image's manifests that something refers to, by its root.
  private var relevant: [Digest: [Digest]] = [:]
  private var known: [InspectedReferrer.Subject: [String]] = [:]
  private let effort: Effort
  /// Counts what is said, for each name.
  private let listing: Effort

  init(_ referrers: [InspectedReferrer], in layout: Layout, listing: Effort) {
    bySubject = Dictionary(grouping: referrers, by: \.place)
    subjects = Set(referrers.map(\.subject))
    effort = Effort(of: layout.path)
    self.listing = listing
  }

  /// The names of those that are there for an image of these manifests. Throws ``LayoutError``.
  mutating func names(of image: LayoutImage, _ tree: ImageTree) throws(LayoutError) -> [String] {
    guard !bySubject.isEmpty else { return [] }
    let repository = image.reference?.repositoryName
    let own = InspectedReferrer.Subject(repository: repository, digest: image.root.digest)
    if let known = known[own] {
      try listing.take(known.count)
      return known
    }
    let first = relevant[image.root.digest] ?? tree.manifests.map(\.digest).filter(subjects.contains)
    relevant[image.root.digest] = first
    var reached = first
    var seen = Set(reached)
    var found: [String] = []
    while let digest = reached.popLast() {
      try effort.take()
      for referrer in bySubject[InspectedReferrer.Subject(repository: repository, digest: digest)] ?? [] {
        try effort.take(1 + referrer.manifests.count)
        try listing.take()
        found.append(referrer.name)
        for manifest in referrer.manifests.lazy.map(\.digest)
        where subjects.contains(manifest) && seen.insert(manifest).inserted {
          reached.append(manifest)
        }
      }
    }
    found.sort()
    known[own] = found
    return found
  }
}
