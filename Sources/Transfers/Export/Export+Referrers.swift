import Images
import Registry

extension Export {
  /// The image with its referrers. That they cannot be had is an error of its own: the image alone is to be had
  /// all the same.
  func withReferrers(_ image: ExportImage, from finder: ReferrerFinder) throws -> ExportImage {
    guard request.takesReferrers else { return image }
    var image = image
    do {
      let found = try finder.referrers(of: image)
      image.referrers = found.carried
      image.referrersLeft = found.left
      for referrer in found.left where referrer.reason != .notShown {
        settings.observer.note(.referrerNotCarried(image: image.reference, referrer))
      }
    } catch {
      try Task.checkCancellation()
      throw TransferError.referrersNotHad(image.reference, error)
    }
    return image
  }
}
