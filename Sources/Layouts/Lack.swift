/// An image that an archive was to hold and does not, because it could not be had.
public struct Lack: Hashable, Sendable, Codable {
  /// As it was asked for.
  public let image: String
  public let reason: Reason

  /// In one word, so that the same failure always gives the same archive.
  public enum Reason: String, Hashable, Sendable, Codable, CaseIterable {
    /// The registry does not have it, or not for the platforms asked for.
    case notFound
    /// The registry would not give it.
    case denied
    /// The registry could not be reached, or broke off time and again.
    case network
    /// What the registry gave was not what its digest says.
    case integrity
    case other
  }

  public init(image: String, reason: Reason) {
    self.image = image
    self.reason = reason
  }
}
