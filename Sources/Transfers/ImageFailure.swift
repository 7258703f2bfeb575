import Layouts
import Registry
import Transport

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

extension MissingImage {
  /// What an archive says of an image that failed.
  init(_ failure: ImageFailure) {
    self.init(image: failure.image, reason: Self.reason(of: failure.error))
  }

  private static func reason(of error: any Error) -> Reason {
    switch error {
    case let error as RegistryError:
      switch error {
      case .manifestNotFound, .repositoryNotFound, .blobNotFound: .notFound
      case .unauthorized, .denied: .denied
      case .transport, .overwhelmed: .network
      case .wrongContent, .encodedContent: .integrity
      default: .other
      }
    case let error as TransferError:
      switch error {
      case .noHolder(_, let failures): failures.foremost.map { reason(of: $0.error) } ?? .other
      case .blobFailed(_, _, _, let cause): reason(of: cause)
      case .tagNotFound, .oddTagNotHad, .noTagSelected, .platformNotFound: .notFound
      case .wrongSizeListed, .configDisagrees: .integrity
      default: .other
      }
    case is TransportError: .network
    default: .other
    }
  }
}
