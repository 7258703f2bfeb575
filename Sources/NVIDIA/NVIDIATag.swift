/// A tag as NVIDIA's REST services describe it.
public struct NVIDIATag: Hashable, Sendable {
  public let name: String
  /// Of the image, in bytes; nil when the service gives none that fits.
  public let size: Int64?
  /// When it was last pushed, in ISO 8601 as the service wrote it.
  public let lastModified: String?
  /// Docker's identifier of the image: DGX alone has it.
  public let imageID: String?

  public init(name: String, size: Int64? = nil, lastModified: String? = nil, imageID: String? = nil) {
    self.name = name
    self.size = size
    self.lastModified = lastModified
    self.imageID = imageID
  }
}
