import Digests
import Images
import Layouts

/// A blob or manifest left out of an archive on purpose, in a report.
struct OmissionEntry: Encodable {
  let digest: String
  let mediaType: String
  let bytes: Int64
  let reason: String

  init(_ omission: Omission) {
    digest = omission.descriptor.digest.description
    mediaType = omission.descriptor.mediaType.rawValue
    bytes = omission.descriptor.size
    reason = omission.reason.rawValue
  }
}
