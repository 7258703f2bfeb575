import Digests
import Transfers

/// What `ferry verify` reports.
struct VerifyReport: Encodable {
  struct Archive: Encodable {
    let path: String
    let digest: String
    let bytes: Int64
    let whole: Bool
    let images: [String]
    let blobs: Int
    let layersUnpacked: Int
    let omissions: [OmissionEntry]
    let problems: [Problem]
  }

  struct Problem: Encodable {
    let problem: String
    let images: [String]
  }

  let schema = "ferry/verify-report/v1"
  let ferry = Ferry.version
  let archives: [Archive]

  init(_ verified: [VerifiedArchive]) {
    archives = verified.map { archive in
      Archive(
        path: archive.path, digest: archive.digest.description, bytes: archive.size,
        whole: archive.isWhole, images: archive.images, blobs: archive.blobCount,
        layersUnpacked: archive.layersUnpacked, omissions: archive.omissions.map(OmissionEntry.init),
        problems: archive.findings.map {
          Problem(problem: ProblemText.line(for: $0.problem), images: $0.images)
        })
    }
  }
}
