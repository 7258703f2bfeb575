import Digests
import Images
import Transport

/// One upload that the registry has opened.
struct BlobUpload {
  let descriptor: Descriptor
  let repository: String
  /// Where its bytes go; the registry may move it with every answer.
  var location: HTTPURL
  /// Whether the bytes go by PATCH and the closing PUT is empty.
  let byPatch: Bool

  var errand: Errand { .pushing(.blob(descriptor.digest), to: repository) }

  /// The URL whose PUT closes the upload.
  var closing: HTTPURL { location.appendingQuery([("digest", descriptor.digest.description)]) }

  /// What one attempt to send it came to.
  enum Outcome {
    case stored
    /// The registry does not take the whole in one PUT, or has lost the upload.
    case refusedWhole(isForgotten: Bool)
    /// What may go better a little later.
    case failed(RegistryError, retryAfter: Duration?)
  }

  /// What registries without monolithic uploads answer.
  static let refusals: Set<Int> = [400, 404, 405, 411, 416, 501]
  /// Complaints that another way of sending would not change.
  static let finalCodes: Set<String> = [
    "DENIED", "DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
  ]
  /// The registry no longer knows the upload.
  static let forgottenCodes: Set<String> = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"]
}
