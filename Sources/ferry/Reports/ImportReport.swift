import Digests
import Images
import Layouts
import Transfers

/// What `ferry import` reports.
struct ImportReport: Codable {
  struct Archive: Codable {
    let path: String
    let digest: String
  }

  struct Image: Codable {
    let source: String
    let target: String
    let digest: String
    let bytes: Int64
    /// `new`, `identical`, `lacks`, `trusted`, `included`, `replaces`, `extends`, `taken`, `skipped`, `unknown`,
    /// `incomplete`, `refused` before; `pushed`, `identical`, `trusted`, `included`, `skipped` or `failed` after.
    let state: String
    /// Where the image's name is another one's, of a later archive or of one that cannot be taken: the digest of that one, where
    /// it is known, and the archive. This one goes by its digest.
    let supersededBy: String?
    let supersededIn: String?
    /// The digest that the tag pointed at before, where that was another.
    let previousDigest: String?
    /// How many of its manifests and blobs were missing although its tag was there; left out when none were.
    let missingParts: Int?
    /// Of a signature, SBOM or attestation: the digest of the manifest it refers to.
    let subject: String?
    /// What the image was known by as one of Docker's schema 1, where it was converted, at export or on the way.
    let schema1Digest: String?
    /// The digest in the name that docker's list gives it in its archive, where its own is another.
    let givenDigest: String?
    /// The image's digest in the archive, where --compress-layers changed it, and the layers that changed.
    let archiveDigest: String?
    /// What else the image's index lists for the platform that it is pushed for; nil: nothing.
    let samePlatform: [String]?
    let compressedLayers: DocumentList<CompressedLayerEntry>?
    /// What the archive has that refers to it, and that is not pushed, for it is converted; nil: nothing.
    let notCarried: DocumentList<UncarriedEntry>?
  }

  /// Content that the archives leave out and the destination does not have either.
  struct Missing: Codable {
    let digest: String
    let bytes: Int64
    /// The images that need it.
    let images: DocumentList<String>
    /// By what it was known to be on the other side.
    let source: KnownSourceEntry?

    init(_ content: MissingContent) {
      digest = content.descriptor.digest.description
      bytes = content.descriptor.size
      images = DocumentList(content.images)
      source = content.source.map(KnownSourceEntry.init)
    }
  }

  /// Content that the archives leave out for another reason, and whether the destination has it.
  struct LeftOut: Codable {
    let digest: String
    let mediaType: String
    let bytes: Int64
    let reason: String
    /// Where it was asked for, and the images there that list it.
    let repository: String
    let images: DocumentList<String>
    let isThere: Bool

    init(_ content: OmittedContent) {
      digest = content.descriptor.digest.description
      mediaType = content.descriptor.mediaType.rawValue
      bytes = content.descriptor.size
      reason = content.reason.rawValue
      repository = content.repository
      images = DocumentList(content.images)
      isThere = content.isThere
    }
  }

  private(set) var schema = ReportSchema.`import`
  private(set) var ferry = Ferry.version
  let dryRun: Bool
  let archives: DocumentList<Archive>
  let images: DocumentList<Image>
  /// The images' sizes added up; with shared content counted once, for images that are not there yet.
  let totalBytes: Int64
  let uniqueBytes: Int64
  let presentBytes: Int64?
  let uploadedBytes: Int64?
  let mountedBytes: Int64?
  let missing: DocumentList<Missing>
  let leftOut: DocumentList<LeftOut>
  /// Repositories that have to be made first; nil: none.
  let missingRepositories: DocumentList<MissingRepositoryEntry>?
  let blockers: DocumentList<BlockerEntry>
  let failures: DocumentList<FailureEntry>
  /// What registries warn of, in words; nil: nothing.
  let warnings: DocumentList<Wording>?
  /// How many files of directories are no archives; nil: none.
  let otherFiles: Int?
  /// Archives of directories that were not looked into, with why, in words; nil: none.
  let unreadArchives: DocumentList<Wording>?

  init(planned prepared: PreparedImport, warnings: [Wording]?) {
    self.init(prepared, result: nil, warnings: warnings)
  }

  init(_ result: ImportResult, warnings: [Wording]?) {
    self.init(result.prepared, result: result, warnings: warnings)
  }

  private init(_ prepared: PreparedImport, result: ImportResult?, warnings: [Wording]?) {
    self.warnings = warnings.map { DocumentList($0) }
    dryRun = result == nil
    otherFiles = prepared.passedOver.files > 0 ? prepared.passedOver.files : nil
    unreadArchives = TreeText.summaries(of: prepared.passedOver.unread).map { DocumentList($0) }
    archives = DocumentList(prepared.archives) { Archive(path: $0.path, digest: $0.digest.description) }
    let outcome = ImportOutcome(result)
    images = DocumentList(prepared.images) { planned in
      let image = outcome.image(for: planned)
      return Image(
        source: image.source, target: image.target.description, digest: image.digest.description,
        bytes: image.tree.size, state: outcome.state(of: image),
        supersededBy: image.superseded?.digest?.description, supersededIn: image.superseded?.archive,
        previousDigest: image.state.present?.description,
        missingParts: image.missing > 0 ? image.missing : nil,
        subject: image.referral?.subject.description,
        schema1Digest: image.schema1Digest?.description, givenDigest: image.givenDigest?.description,
        archiveDigest: image.compression?.original.description,
        samePlatform: image.othersForPlatform.isEmpty ? nil : image.othersForPlatform.map(\.description),
        compressedLayers: image.compression.map { DocumentList($0.layers, CompressedLayerEntry.init) },
        notCarried: UncarriedEntry.all(image.referrersLeft, of: image.source))
    }
    totalBytes = prepared.totalSize
    uniqueBytes = prepared.uniqueSize
    presentBytes = result?.presentSize ?? prepared.presentSize
    uploadedBytes = result?.uploadedSize
    mountedBytes = result?.mountedSize
    missing = DocumentList(prepared.absent, Missing.init)
    leftOut = DocumentList(prepared.leftOut, LeftOut.init)
    let lacking = prepared.refusals.filter(\.isMissing)
    missingRepositories = lacking.isEmpty ? nil : DocumentList(lacking, MissingRepositoryEntry.init)
    blockers = DocumentList(prepared.blockers, BlockerEntry.init)
    failures = DocumentList(
      result?.failures ?? prepared.failures + prepared.incomplete, FailureEntry.init)
  }
}

/// What becomes of an import's images, or is to, as reports name it.
struct ImportOutcome: Sendable {
  private let isPlan: Bool
  private let pushed: Set<ImportImage.Name>
  private let skipped: [ImportImage.Name: ImportImage]
  /// What failed when all was done, by the names in the archives.
  private let late: Set<String>

  /// Of a plan where there is no result.
  init(_ result: ImportResult?) {
    isPlan = result == nil
    pushed = Set((result?.pushed ?? []).map(\.name))
    skipped = Dictionary((result?.skipped ?? []).map { ($0.name, $0) }) { first, _ in first }
    late = Set((result?.late ?? []).map(\.image))
  }

  /// The image as it is known at the end: what came to have its name meanwhile is known then alone.
  func image(for planned: ImportImage) -> ImportImage { skipped[planned.name] ?? planned }

  func state(of image: ImportImage) -> String {
    isPlan || (image.isThere && !late.contains(image.source)) || image.isSkipped
      ? image.state.name : pushed.contains(image.name) ? "pushed" : "failed"
  }
}

extension ImportImage.State {
  /// The state's name in reports and tables.
  var name: String {
    switch self {
    case .new: "new"
    case .identical: "identical"
    case .partsMissing: "lacks"
    case .trusted: "trusted"
    case .replaces, .replacesUnseen: "replaces"
    case .taken: "taken"
    case .skipped, .skippedWithSubject: "skipped"
    case .included: "included"
    case .extends: "extends"
    case .incomplete: "incomplete"
    case .unknown: "unknown"
    case .refused: "refused"
    }
  }

  /// The digest of other content that the tag points at.
  var present: Digest? {
    switch self {
    case .replaces(let digest), .taken(let digest), .skipped(let digest), .included(let digest),
      .extends(let digest):
      digest
    case .new, .identical, .replacesUnseen, .partsMissing, .trusted, .skippedWithSubject, .incomplete,
      .unknown, .refused:
      nil
    }
  }
}

/// A repository that has to be made before anything can be pushed to it, in a report.
struct MissingRepositoryEntry: Codable {
  let repository: String
  /// What makes it, to be typed, where that is known.
  let command: Wording?

  init(_ refusal: RepositoryRefusal) {
    repository = refusal.repository
    command = refusal.creation.map(CreationText.command)
  }
}

/// A layer that was compressed on its way, in a report.
struct CompressedLayerEntry: Codable {
  let from: String
  let to: String
  let fromBytes: Int64
  let toBytes: Int64

  init(_ layer: CompressedLayer) {
    from = layer.original.digest.description
    to = layer.descriptor.digest.description
    fromBytes = layer.original.size
    toBytes = layer.descriptor.size
  }
}
