import Digests
import Images
import Layouts

/// A blob or manifest left out of an archive on purpose, in a report.
struct OmissionEntry: Codable {
  let digest: String
  let mediaType: String
  let bytes: Int64
  let reason: String
  /// For what is left out as known: the digest of the archive or receipt that says so, and a repository that it
  /// came from.
  let source: String?
  let repository: String?

  init(_ omission: Omission) {
    digest = omission.descriptor.digest.description
    mediaType = omission.descriptor.mediaType.rawValue
    bytes = omission.descriptor.size
    reason = omission.reason.rawValue
    source = omission.source?.description
    repository = omission.repository
  }
}
