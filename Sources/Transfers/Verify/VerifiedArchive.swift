public import Digests
public import Images
public import Layouts

/// What `ferry verify` found out about one archive.
public struct VerifiedArchive: Sendable {
  public let path: String
  public let digest: Digest
  /// The archive file's size, in bytes.
  public let size: Int64
  /// The signature that was demanded and is right; nil when none was.
  public let signature: DetachedSignature?
  public let contents: [VerifiedImage]
  /// What its list names and is no image.
  public let others: [Descriptor]
  /// Those of ``images`` that are there for another one's sake: signatures, SBOMs, attestations.
  public let referrers: [String]
  /// Manifests, configs and layers whose bytes were hashed.
  public let blobCount: Int
  /// Layers whose content was compared with their configs' `diff_ids`.
  public let layersUnpacked: Int
  /// With those compared, layers of which Ferry cannot tell what they hold, such as encrypted ones.
  public let layersNotCompared: Int
  /// Blobs left out on purpose.
  public let omissions: [Omission]
  /// The images that list what is left out, by its digest.
  public let omissionImages: [Digest: CountedImages]
  /// By what it is known that the other side has what is left out as known.
  public let knownSources: [KnownSource]
  /// Images that it was to hold and does not.
  public let missingImages: [MissingImage]
  /// What its indexes list and may be manifests of types that Ferry does not know, each once.
  public let unknownManifests: [UnknownManifest]
  public let findings: FindingList
  /// Of an archive that is cut: every volume, in order.
  public let volumes: [Volume]
  /// Whether another tool unpacked what Ferry had written and packed it again.
  public let isRepacked: Bool
  /// What was packed beside the files that Ferry had written, and belongs to none of them.
  public let surplus: [LayoutProblem]
  /// How many signatures lie beside the image that an import does not carry, for no registry has a place for them.
  public let signatureCount: Int

  /// The images' names, in their order.
  public var images: [String] { contents.map(\.name) }

  public var isWhole: Bool { findings.isEmpty }

  /// How many manifests its indexes list and the tool that wrote it left out.
  public var absentCount: Int { omissions.count { $0.reason == .absent } }
}

/// One image of a verified archive.
public struct VerifiedImage: Sendable {
  /// As `index.json` calls it.
  public let name: String
  /// The same, where it says which image that is.
  public let reference: Reference?
  /// As registries know it.
  public let root: Descriptor
  /// What registries knew it by before it was made one of schema 2 for this archive.
  public let convertedFrom: Digest?
  /// The index that it is some platforms of since its export; nil where it is no such.
  let indexDigest: Digest?
  /// Its manifests, configs and layers, each once, as far as its manifests could be followed.
  public let parts: [Descriptor]
  /// The platforms that are here of an index of which others are not.
  public internal(set) var platforms: [Platform] = []

  /// In bytes.
  public var size: Int64 { parts.map(\.size).saturatingSum() }
}
