/// One image that could not be carried, and why.
public struct ImageFailure: Error, Sendable {
  /// The image as it was asked for.
  public let image: String
  public let error: any Error

  public init(image: String, error: any Error) {
    self.image = image
    self.error = error
  }
}
