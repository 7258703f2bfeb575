import Digests
import Layouts
import Images
import Transfers

/// What `ferry export` reports.
struct ExportReport: Encodable {
  struct Archive: Encodable {
    /// `-` for standard output.
    let path: String
    let digest: String
    let bytes: Int64
    /// What of its blobs an earlier run left, as far as its journal says.
    let continuedBytes: Int64
    /// `planned`, `written` or `unchanged`.
    let state: String
  }

  struct Image: Encodable {
    let reference: String
    let digest: String
    let mediaType: String
    let bytes: Int64
    let archive: String?
    let omissions: [OmissionEntry]
  }

  let schema = "ferry/export-report/v1"
  let ferry = Ferry.version
  let dryRun: Bool
  let archives: [Archive]
  let images: [Image]
  /// The images' sizes added up, and with shared content counted once an archive.
  let totalBytes: Int64
  let uniqueBytes: Int64
  let neededBytes: Int64?
  let freeBytes: Int64?
  let blockers: [BlockerEntry]
  let failures: [FailureEntry]

  init(planned prepared: PreparedExport) {
    self.init(prepared, failures: prepared.failures, finished: [], dryRun: true)
  }

  init(_ result: ExportResult) {
    self.init(result.prepared, failures: result.failures, finished: result.finished, dryRun: false)
  }

  private init(
    _ prepared: PreparedExport, failures: [ImageFailure], finished: [String?], dryRun: Bool
  ) {
    self.dryRun = dryRun
    let whole = prepared.archives.filter { dryRun || finished.contains($0.path) }
    archives = whole.map { archive in
      Archive(
        path: archive.path ?? "-", digest: archive.digest.description,
        bytes: archive.plan.totalSize, continuedBytes: archive.continuation?.claimed ?? 0,
        state: archive.isUpToDate ? "unchanged" : dryRun ? "planned" : "written")
    }
    var homes: [Reference: String] = [:]
    for archive in whole {
      for image in archive.plan.images {
        if let reference = image.reference { homes[reference] = archive.path ?? "-" }
      }
    }
    images = prepared.images.map { image in
      Image(
        reference: image.reference.description, digest: image.tree.root.digest.description,
        mediaType: image.tree.root.mediaType.rawValue, bytes: image.tree.size,
        archive: homes[image.reference], omissions: image.omissions.map(OmissionEntry.init))
    }
    totalBytes = prepared.totalSize
    uniqueBytes = prepared.uniqueSize
    neededBytes = prepared.space?.needed
    freeBytes = prepared.space?.available
    blockers = prepared.blockers.map(BlockerEntry.init)
    self.failures = failures.map(FailureEntry.init)
  }
}
