public import Digests

/// Remembers one registry's open uploads, so that another run can go on with them. Called from many threads.
public protocol UploadLog: Sendable {
  /// What an earlier run left of the blob's upload.
  func earlier(_ digest: Digest, in repository: String) -> OpenUpload?
  /// The registry confirmed that an upload of an earlier run goes on from `upload.offset`.
  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String)
  /// The registry has opened the upload, or acknowledged more of it.
  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String)
  /// There is nothing to go on with: the blob is stored, or its upload is lost or given up.
  func closed(_ digest: Digest, in repository: String)
}

/// Remembers nothing.
struct NoUploadLog: UploadLog {
  func earlier(_ digest: Digest, in repository: String) -> OpenUpload? { nil }
  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String) {}
  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String) {}
  func closed(_ digest: Digest, in repository: String) {}
}
