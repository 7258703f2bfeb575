import Digests
import Images
import Transport

/// One upload that the registry has opened.
struct BlobUpload {
  let descriptor: Descriptor
  let repository: String
  /// Where its bytes go; the registry may move it with every answer.
  var location: HTTPURL
  /// Bytes that the registry has acknowledged.
  var offset: Int64 = 0
  /// What the registry wants in every chunk but the last, in bytes (`OCI-Chunk-Min-Length`).
  var leastChunk: Int64 = 0
  /// Whether bytes went to it by an earlier request whose end was not seen: then the registry may hold others
  /// than it says.
  var isContinued = false

  var errand: Errand { .pushing(.blob(descriptor.digest), to: repository) }

  /// The URL whose PUT closes the upload.
  var closing: HTTPURL { location.appendingQuery([("digest", descriptor.digest.description)]) }

  var open: OpenUpload { OpenUpload(location: location, offset: offset) }

  /// What one attempt to send it came to.
  enum Outcome {
    /// The registry says that it has the blob. `isCertain` when its own origin said so in answer to all of the bytes;
    /// else it is to be asked for the blob.
    case stored(isCertain: Bool)
    /// The registry does not take bytes this way, or has lost the upload.
    case refused(RegistryError, isForgotten: Bool)
    /// The registry has lost the upload, or what it has of it is wrong.
    case lost(RegistryError, isWrong: Bool)
    /// What may go better a little later.
    case failed(RegistryError, retryAfter: Duration?)
  }

  /// What registries answer to a way of sending that they do not know.
  static let refusals: Set<Int> = [400, 404, 405, 411, 413, 416, 501]
  /// Complaints that another way of sending would not change.
  static let finalCodes: Set<String> = [
    "DENIED", "DIGEST_INVALID", "NAME_INVALID", "NAME_UNKNOWN", "SIZE_INVALID", "UNAUTHORIZED",
  ]
  /// The registry no longer knows the upload.
  static let forgottenCodes: Set<String> = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"]
  /// What it has of the upload is not what was sent.
  static let wrongCodes: Set<String> = ["DIGEST_INVALID", "SIZE_INVALID", "RANGE_INVALID"]
}
