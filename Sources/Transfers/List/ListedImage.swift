public import Images

/// One tag of a listing and what is known of it.
public struct ListedImage: Sendable {
  public let reference: Reference
  /// Of all it consists of, in bytes.
  public let size: Int64?
  /// When it was made or last pushed, in ISO 8601.
  public let updated: String?
  /// Docker's identifier of the image, where the registry tells it.
  public let imageID: String?
  /// Its repository's Markdown, as its owner wrote it.
  public let description: String?
  public let isPublic: Bool?
  public let isReadOnly: Bool?
}
