import Digests
import Images
import Layouts
import Transfers

/// What `ferry inspect` reports.
struct InspectReport: Codable {
  struct Archive: Codable {
    let path: String
    let digest: String
    let bytes: Int64
    let writtenByFerry: Bool
    /// `tar`, `directory`, `docker-save` or `dir`.
    let form: String
    let images: DocumentList<Image>
    /// Signatures, SBOMs and attestations.
    let referrers: DocumentList<Referrer>
    let totalBytes: Int64
    let uniqueBytes: Int64
    let omissions: DocumentList<OmissionEntry>
    /// By what the other side is known to have what is left out.
    let known: DocumentList<KnownSourceEntry>
    let lacking: DocumentList<MissingImageEntry>
    /// What indexes list and Ferry does not know the type of; nil: nothing.
    let unknownManifests: DocumentList<UnknownManifestEntry>?
    /// Markdown by repository.
    let descriptions: [String: String]
    let problems: DocumentList<Wording>
    /// Empty when the archive is one file.
    let volumes: DocumentList<VolumeEntry>
    /// `true` where it came as a stream of which only what describes it was read; nil: all was looked at.
    let frontOnly: Bool?
    /// Signatures of skopeo's that no registry has a place for; nil: none.
    let signaturesLeft: Int?
  }

  struct Image: Codable {
    let reference: String
    let digest: String
    /// What it was known by before it was converted; nil where it was not.
    let schema1Digest: String?
    /// The digest in the name that docker's list gives it, where its own is another; nil where it is not.
    let givenDigest: String?
    let mediaType: String
    let bytes: Int64
    /// Bytes that no other image of the archive has.
    let ownBytes: Int64
    let manifests: DocumentList<Manifest>
    /// The names of what is there for its sake.
    let referrers: DocumentList<String>
    /// `false` where not all of it is there; left out where it is.
    let whole: Bool?
  }

  struct Referrer: Codable {
    let reference: String
    let digest: String
    let mediaType: String
    let artifactType: String?
    /// The digest of the manifest it refers to.
    let subject: String
    let bytes: Int64

    init(_ referrer: InspectedReferrer) {
      reference = referrer.name
      digest = referrer.root.digest.description
      mediaType = referrer.root.mediaType.rawValue
      artifactType = referrer.artifactType
      subject = referrer.subject.description
      bytes = referrer.size
    }
  }

  struct Manifest: Codable {
    let digest: String
    let platform: String?
    /// What its config says it is for, where its index says another platform.
    let otherPlatform: String?
    let attestation: Bool
    let config: Blob
    let layers: DocumentList<Blob>
  }

  struct Blob: Codable {
    let digest: String
    let mediaType: String
    let bytes: Int64

    init(_ descriptor: Descriptor) {
      digest = descriptor.digest.description
      mediaType = descriptor.mediaType.rawValue
      bytes = descriptor.size
    }
  }

  private(set) var schema = ReportSchema.inspect
  private(set) var ferry = Ferry.version
  let archives: DocumentList<Archive>
  /// Archives that could not be opened.
  let failures: DocumentList<FailureEntry>
  /// How many files of directories are no archives; nil: none.
  let otherFiles: Int?
  /// Archives of directories that were not looked into, with why, in words; nil: none.
  let unreadArchives: DocumentList<Wording>?

  init(_ inspected: [InspectedArchive], failures: [ImageFailure], passedOver: PassedOver) {
    otherFiles = passedOver.files > 0 ? passedOver.files : nil
    unreadArchives = TreeText.summaries(of: passedOver.unread).map { DocumentList($0) }
    self.failures = DocumentList(failures, FailureEntry.init)
    archives = DocumentList(inspected) { archive in
      Archive(
        path: archive.path, digest: archive.digest.description, bytes: archive.size,
        writtenByFerry: archive.isWrittenByFerry, form: archive.form.rawValue,
        images: DocumentList(archive.images, Self.image),
        referrers: DocumentList(archive.referrers, Referrer.init),
        totalBytes: archive.totalSize, uniqueBytes: archive.uniqueSize,
        omissions: DocumentList(archive.omissions, OmissionEntry.init),
        known: DocumentList(archive.knownSources, KnownSourceEntry.init),
        lacking: DocumentList(archive.missingImages, MissingImageEntry.init),
        unknownManifests: UnknownManifestEntry.all(archive.unknownManifests),
        descriptions: Dictionary(archive.descriptions) { first, _ in first },
        problems: DocumentList(archive.problems) { ProblemText.line(for: $0) },
        volumes: DocumentList(archive.volumes) { VolumeEntry($0) },
        frontOnly: archive.isFrontAlone ? true : nil,
        signaturesLeft: archive.signatureCount > 0 ? archive.signatureCount : nil)
    }
  }

  private static func image(_ image: InspectedArchive.Image) -> Image {
    Image(
      reference: image.name, digest: image.root.digest.description,
      schema1Digest: image.convertedFrom?.description, givenDigest: image.givenDigest?.description,
      mediaType: image.root.mediaType.rawValue, bytes: image.size, ownBytes: image.ownSize,
      manifests: DocumentList(image.members) { member in
        Manifest(
          digest: member.digest.description, platform: member.platform?.description,
          otherPlatform: member.otherPlatform?.description,
          attestation: member.isAttestation, config: Blob(member.config),
          layers: DocumentList(member.layers, Blob.init))
      }, referrers: DocumentList(image.referrers),
      whole: image.isWhole ? nil : false)
  }
}
