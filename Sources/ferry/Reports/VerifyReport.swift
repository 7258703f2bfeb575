import Digests
import FoundationEssentials
import Images
import Layouts
import Transfers

/// What `ferry verify` reports.
struct VerifyReport: Codable {
  struct Archive: Codable {
    let path: String
    let digest: String
    let bytes: Int64
    let whole: Bool
    /// With `--public-key`: the signature, which is right.
    let signature: Signature?
    let images: DocumentList<String>
    /// Those of the images that are signatures, SBOMs and attestations.
    let referrers: DocumentList<String>
    let blobs: Int
    let layersUnpacked: Int
    /// With --deep: layers of which Ferry cannot tell what they hold; nil: none.
    let layersNotCompared: Int?
    /// Images that were made of images of Docker's schema 1; nil: none.
    let converted: DocumentList<ConvertedEntry>?
    let omissions: DocumentList<OmissionEntry>
    /// By what the other side is known to have what is left out.
    let known: DocumentList<KnownSourceEntry>
    let lacking: DocumentList<MissingImageEntry>
    /// What indexes list and Ferry does not know the type of; nil: nothing.
    let unknownManifests: DocumentList<UnknownManifestEntry>?
    let problems: DocumentList<Problem>
    /// With `--receipt`: what the receipts say of each image.
    let arrivals: DocumentList<ArrivalEntry>?
    /// Empty when the archive is one file.
    let volumes: DocumentList<VolumeEntry>
    /// Whether another tool packed again what Ferry had written; nil: no.
    let repacked: Bool?
    /// What lies in it beside what Ferry had written, in words; nil: nothing.
    let surplus: DocumentList<Wording>?
    /// Signatures of skopeo's that no registry has a place for; nil: none.
    let signaturesLeft: Int?
  }

  struct Signature: Codable {
    /// The key's id, as minisign prints it.
    let key: String
    let trustedComment: String
  }

  struct Problem: Codable {
    static let mostImages = 20

    let problem: Wording
    /// The first of those that it hurts; each of thousands of problems may hurt thousands.
    let images: DocumentList<String>
    /// How many more those are; nil: none.
    let moreImages: Int?
    /// The files of the volumes in which it lies.
    let volumes: DocumentList<String>
  }

  struct ConvertedEntry: Codable {
    let image: String
    let from: String
    let to: String

    static func all(_ images: [VerifiedImage]) -> DocumentList<ConvertedEntry>? {
      let entries = images.compactMap { image in
        image.convertedFrom.map {
          Self(image: image.name, from: $0.description, to: image.root.digest.description)
        }
      }
      return entries.isEmpty ? nil : DocumentList(entries)
    }
  }

  private(set) var schema = ReportSchema.verify
  private(set) var ferry = Ferry.version
  let archives: DocumentList<Archive>
  /// With `--list`: what the archives hold of it together.
  let list: ListEntry?
  /// Archives that could not be opened.
  let failures: DocumentList<FailureEntry>
  /// How many files of directories are no archives; nil: none.
  let otherFiles: Int?
  /// Archives of directories that were not looked into, with why, in words; nil: none.
  let unreadArchives: DocumentList<Wording>?

  /// `receipts` are nil when none were asked, `list` when there was none.
  init(
    _ verified: [VerifiedArchive], receipts: [Receipt]?, list: ListEntry?, failures: [ImageFailure],
    passedOver: PassedOver = PassedOver()
  ) {
    otherFiles = passedOver.files > 0 ? passedOver.files : nil
    unreadArchives = TreeText.summaries(of: passedOver.unread).map { DocumentList($0) }
    self.list = list
    self.failures = DocumentList(failures, FailureEntry.init)
    archives = DocumentList(verified) { archive in
      let damage = VolumeDamage(archive.findings)
      return Archive(
        path: archive.path, digest: archive.digest.description, bytes: archive.size,
        whole: archive.isWhole,
        signature: archive.signature.map {
          Signature(key: $0.keyID.description, trustedComment: $0.trustedComment)
        }, images: DocumentList(archive.contents) { $0.name },
        referrers: DocumentList(archive.referrers), blobs: archive.blobCount,
        layersUnpacked: archive.layersUnpacked,
        layersNotCompared: archive.layersNotCompared > 0 ? archive.layersNotCompared : nil,
        converted: ConvertedEntry.all(archive.contents),
        omissions: DocumentList(archive.omissions, OmissionEntry.init),
        known: DocumentList(archive.knownSources, KnownSourceEntry.init),
        lacking: DocumentList(archive.missingImages, MissingImageEntry.init),
        unknownManifests: UnknownManifestEntry.all(archive.unknownManifests),
        problems: DocumentList(archive.findings) {
          let hurt = $0.images(most: Problem.mostImages)
          return Problem(
            problem: ProblemText.line(for: $0.problem), images: DocumentList(hurt.names),
            moreImages: hurt.count > hurt.names.count ? hurt.count - hurt.names.count : nil,
            volumes: DocumentList($0.volumes) { $0.path })
        }, arrivals: receipts.map { DocumentList(archive.arrivals(in: $0), ArrivalEntry.init) },
        volumes: DocumentList(archive.volumes) { VolumeEntry($0, damage: damage) },
        repacked: archive.isRepacked ? true : nil,
        surplus: archive.surplus.isEmpty
          ? nil : DocumentList(archive.surplus) { ProblemText.line(for: $0) },
        signaturesLeft: archive.signatureCount > 0 ? archive.signatureCount : nil)
    }
  }
}

/// What receipts say of one image of an archive, in a report.
struct ArrivalEntry: Codable {
  /// Where an image was confirmed, and with which digest.
  struct Place: Codable {
    let target: String
    let digest: String
    /// RFC 3339, UTC.
    let confirmedAt: String

    init(_ image: ReceivedImage) {
      target = image.target.description
      digest = image.digest.description
      confirmedAt = image.confirmedAt.formatted(.iso8601)
    }
  }

  let image: String
  let digest: String
  /// `arrived`, `incomplete`, `differs` or `missing`.
  let state: String
  let targets: DocumentList<Place>
  /// Blobs that the archive has of an incomplete image and the receipt has not.
  let missingBlobs: Int

  init(_ arrival: Arrival) {
    image = arrival.image
    digest = arrival.root.digest.description
    state = arrival.state.name
    targets = DocumentList(arrival.state.places, Place.init)
    missingBlobs = if case .incomplete(_, let missing) = arrival.state { missing } else { 0 }
  }
}

extension Arrival.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .arrived: "arrived"
    case .incomplete: "incomplete"
    case .differs: "differs"
    case .missing: "missing"
    }
  }

  /// Where receipts saw an image of that name.
  var places: [ReceivedImage] {
    switch self {
    case .arrived(let places), .differs(let places): places
    case .incomplete(let place, _): [place]
    case .missing: []
    }
  }
}
