import Digests
import Layouts
import Images
import Transfers

/// What `ferry export` reports.
struct ExportReport: Codable {
  struct Archive: Codable {
    /// `-` for standard output.
    let path: String
    /// nil in a plan, while it depends on images that are to be converted.
    let digest: String?
    let bytes: Int64
    /// What of its blobs an earlier run left, as far as its journal says.
    let continuedBytes: Int64
    /// `planned`, `written` or `unchanged`.
    let state: String
    /// What is left out because the other side has it, and by what that is known.
    let leftOut: DocumentList<OmissionEntry>
    let leftOutBytes: Int64
    let known: DocumentList<KnownSourceEntry>
    /// How many of its images can be imported without what is left out as known.
    let imagesWholeAlone: Int
    /// Empty when the archive is one file.
    let volumes: DocumentList<VolumeEntry>
  }

  struct Image: Codable {
    let reference: String
    /// Of one that is to be converted, before it is known: the old one.
    let digest: String
    /// What it was known by before it was converted; nil where it was not.
    let schema1Digest: String?
    /// The index in whose place it stands, of which it is one platform or some; nil where it is whole.
    let indexDigest: String?
    let mediaType: String
    let bytes: Int64
    let archive: String?
    let omissions: DocumentList<OmissionEntry>
    /// The names of what travels with it because it refers to it.
    let referrers: DocumentList<String>
    /// What refers to it, or to a part of it that is left out, and does not travel.
    let notCarried: DocumentList<UncarriedEntry>
    /// What its indexes list and Ferry does not know the type of; nil: nothing.
    let unknownManifests: DocumentList<UnknownManifestEntry>?
  }

  struct Referrer: Codable {
    let reference: String
    let digest: String
    let artifactType: String?
    /// The digest of the manifest it refers to.
    let subject: String
    let bytes: Int64

    init(_ referrer: Transfers.Referrer) {
      reference = referrer.reference.description
      digest = referrer.tree.root.digest.description
      artifactType = referrer.tree.artifactType
      subject = referrer.subject.description
      bytes = referrer.tree.size
    }
  }

  private(set) var schema = ReportSchema.export
  private(set) var ferry = Ferry.version
  let dryRun: Bool
  let archives: DocumentList<Archive>
  let images: DocumentList<Image>
  /// Signatures, SBOMs and attestations.
  let referrers: DocumentList<Referrer>
  /// The images' sizes added up, and with shared content counted once an archive.
  let totalBytes: Int64
  let uniqueBytes: Int64
  let neededBytes: Int64?
  let freeBytes: Int64?
  let blockers: DocumentList<BlockerEntry>
  let failures: DocumentList<FailureEntry>
  /// With `--untagged`: the registries that do not list what has no tag; nil without.
  let untaggedUnlisted: DocumentList<String>?
  /// What is to be known of this export, in words: what it is worth without what it left out as known, and what
  /// registries warn of.
  let warnings: DocumentList<Wording>

  init(planned prepared: PreparedExport, warnings: [Wording]?) {
    self.init(prepared, failures: prepared.failures, finished: [], dryRun: true, warnings: warnings)
  }

  init(_ result: ExportResult, warnings: [Wording]?) {
    self.init(
      result.prepared, failures: result.failures, finished: result.finished, dryRun: false, warnings: warnings
    )
  }

  private init(
    _ prepared: PreparedExport, failures: [ImageFailure], finished: [String?], dryRun: Bool,
    warnings: [Wording]?
  ) {
    self.dryRun = dryRun
    let written = Set(finished)
    let whole = prepared.archives.filter { dryRun || written.contains($0.path) }
    archives = DocumentList(whole) { archive in
      let known = archive.plan.omissions.filter { $0.reason == .known }
      let state = archive.isUpToDate ? "unchanged" : dryRun ? "planned" : "written"
      return Archive(
        path: archive.path ?? "-", digest: archive.knownDigest?.description,
        bytes: archive.plan.totalSize, continuedBytes: archive.continuation?.claimed ?? 0,
        state: state, leftOut: DocumentList(known, OmissionEntry.init),
        leftOutBytes: known.map(\.descriptor.size).saturatingSum(),
        known: DocumentList(archive.plan.knownSources) {
          KnownSourceEntry($0, proof: prepared.knownProofs[$0.digest])
        },
        imagesWholeAlone: prepared.imagesWholeAlone(in: archive).whole,
        volumes: DocumentList(archive.volumes) { volume in
          let isWritten = archive.onlyVolumes.isEmpty || archive.onlyVolumes.contains(volume.number)
          return VolumeEntry(volume, state: isWritten ? state : "elsewhere")
        })
    }
    var homes: [Reference: String] = [:]
    for archive in whole {
      for image in archive.plan.images {
        if let reference = image.reference { homes[reference] = archive.path ?? "-" }
      }
    }
    images = DocumentList(prepared.images) { [homes] image in
      Image(
        reference: image.named.description, digest: image.digest.description,
        schema1Digest: image.convertedFrom?.description,
        indexDigest: image.takenFrom?.description, mediaType: image.mediaType.rawValue,
        bytes: image.tree.size,
        archive: homes[image.reference], omissions: DocumentList(image.omissions, OmissionEntry.init),
        referrers: DocumentList(image.referrers) { $0.reference.description },
        notCarried: DocumentList(image.referrersLeft) { UncarriedEntry($0, of: image.named.description) },
        unknownManifests: UnknownManifestEntry.all(image.unknownManifests))
    }
    referrers = DocumentList(prepared.referrers, Referrer.init)
    totalBytes = prepared.totalSize
    uniqueBytes = prepared.uniqueSize
    neededBytes = prepared.space?.needed
    freeBytes = prepared.space?.available
    blockers = DocumentList(prepared.blockers, BlockerEntry.init)
    self.failures = DocumentList(failures + prepared.leftOut, FailureEntry.init)
    self.warnings = DocumentList(KnownText.worth(of: prepared) + (warnings ?? []))
    untaggedUnlisted = prepared.untaggedUnlisted.map { DocumentList($0) }
  }
}
