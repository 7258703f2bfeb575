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
