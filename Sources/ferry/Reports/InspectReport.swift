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
    /// `tar`, `directory` or `docker-save`.
    let form: String
    let images: [Image]
    /// Signatures, SBOMs and attestations.
    let referrers: [Referrer]
    let totalBytes: Int64
    let uniqueBytes: Int64
    let omissions: [OmissionEntry]
    /// By what the other side is known to have what is left out.
    let known: [KnownSourceEntry]
    let lacking: [MissingImageEntry]
    /// What indexes list and Ferry does not know the type of; nil: nothing.
    let unknownManifests: [UnknownManifestEntry]?
    /// Markdown by repository.
    let descriptions: [String: String]
    let problems: [Wording]
    /// Empty when the archive is one file.
    let volumes: [VolumeEntry]
  }

  struct Image: Codable {
    let reference: String
    let digest: String
    /// What it was known by before it was converted; nil where it was not.
    let schema1Digest: String?
    let mediaType: String
    let bytes: Int64
    /// Bytes that no other image of the archive has.
    let ownBytes: Int64
    let manifests: [Manifest]
    /// The names of what is there for its sake.
    let referrers: [String]
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
    let attestation: Bool
    let config: Blob
    let layers: [Blob]
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
  let archives: [Archive]
  /// Archives that could not be opened.
  let failures: [FailureEntry]

  init(_ inspected: [InspectedArchive], failures: [ImageFailure]) {
    self.failures = failures.map(FailureEntry.init)
    archives = inspected.map { archive in
      Archive(
        path: archive.path, digest: archive.digest.description, bytes: archive.size,
        writtenByFerry: archive.isWrittenByFerry, form: archive.form.rawValue,
        images: archive.images.map(Self.image),
        referrers: archive.referrers.map(Referrer.init),
        totalBytes: archive.totalSize, uniqueBytes: archive.uniqueSize,
        omissions: archive.omissions.map(OmissionEntry.init),
        known: archive.knownSources.map(KnownSourceEntry.init),
        lacking: archive.missingImages.map(MissingImageEntry.init),
        unknownManifests: UnknownManifestEntry.all(archive.unknownManifests),
        descriptions: Dictionary(archive.descriptions) { first, _ in first },
        problems: archive.problems.map { ProblemText.line(for: $0) },
        volumes: archive.volumes.map { VolumeEntry($0) })
    }
  }

  private static func image(_ image: InspectedArchive.Image) -> Image {
    Image(
      reference: image.name, digest: image.root.digest.description,
      schema1Digest: image.convertedFrom?.description,
      mediaType: image.root.mediaType.rawValue, bytes: image.size, ownBytes: image.ownSize,
      manifests: image.members.map { member in
        Manifest(
          digest: member.digest.description, platform: member.platform?.description,
          attestation: member.isAttestation, config: Blob(member.config),
          layers: member.layers.map(Blob.init))
      }, referrers: image.referrers.map(\.name))
  }
}
