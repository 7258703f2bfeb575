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
    /// One entry for each manifest of a runnable image or an artifact.
    public let members: [Member]
    /// Manifests and blobs, each once, in bytes.
    public let size: Int64
    /// How much of ``size`` no other image of the archive has, in bytes.
    public let ownSize: Int64
    /// What is there for its sake, and for the sake of that.
    public let referrers: [InspectedReferrer]
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
  public let omissionImages: [Digest: [String]]
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
  private let manifests: [Digest]

  init(_ image: LayoutImage, _ referral: Referral, _ tree: ImageTree) {
    name = image.name
    root = image.root
    artifactType = tree.artifactType
    subject = referral.subject
    size = tree.size
    place = Subject(repository: image.reference?.repositoryName, digest: referral.subject)
    manifests = tree.manifests.map(\.digest)
  }

  /// Those of `referrers`, given by their subjects, that are there for an image of these manifests.
  static func of(_ image: LayoutImage, _ tree: ImageTree, among referrers: [Subject: [Self]]) -> [Self] {
    let repository = image.reference?.repositoryName
    var reached = tree.manifests.map(\.digest)
    var seen = Set(reached)
    var found: [Self] = []
    while let digest = reached.popLast() {
      for referrer in referrers[Subject(repository: repository, digest: digest)] ?? [] {
        found.append(referrer)
        reached += referrer.manifests.filter { seen.insert($0).inserted }
      }
    }
    return found.sorted { $0.name < $1.name }
  }
}
