public import Digests
public import Transport

/// An upload that a registry has opened, and how far it has come.
public struct OpenUpload: Hashable, Sendable {
  /// Where its next bytes go. Its query may be a credential: it is for the wire and for private files.
  public let location: HTTPURL
  /// Bytes that the registry has acknowledged.
  public let offset: Int64

  public init(location: HTTPURL, offset: Int64) {
    self.location = location
    self.offset = offset
  }
}

/// Remembers one registry's open uploads, so that another run can resume them. Called from many threads.
public protocol UploadLog: Sendable {
  /// What an earlier run left of the blob's upload.
  func earlier(_ digest: Digest, in repository: String) -> OpenUpload?
  /// The registry confirmed that an upload of an earlier run is resumed at `upload.offset`.
  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String)
  /// The registry has opened the upload, or acknowledged more of it.
  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String)
  /// There is nothing to resume: the blob is stored, or its upload is lost or given up.
  func closed(_ digest: Digest, in repository: String)
}

/// Remembers nothing.
struct NoUploadLog: UploadLog {
  func earlier(_ digest: Digest, in repository: String) -> OpenUpload? { nil }
  func continues(_ upload: OpenUpload, of digest: Digest, in repository: String) {}
  func acknowledged(_ upload: OpenUpload, of digest: Digest, in repository: String) {}
  func closed(_ digest: Digest, in repository: String) {}
}
