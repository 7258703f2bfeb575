/// What an import did.
public struct ImportResult: Sendable {
  public let prepared: PreparedImport
  /// The images that were pushed, and read back with their digest.
  public let pushed: [ImportImage]
  public let failures: [ImageFailure]
  /// Those of ``failures`` that showed when all was pushed: nothing was stopped by them.
  public let late: [ImageFailure]
  /// Bytes of blobs that were uploaded, mounted from another repository, and found in place.
  public let uploadedSize: Int64
  public let mountedSize: Int64
  public let presentSize: Int64
}
