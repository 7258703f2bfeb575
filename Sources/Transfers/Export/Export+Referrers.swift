import Images
import Registry

extension Export {
  /// The image with its referrers. That they cannot be had is an error of its own: the image alone is to be had
  /// all the same.
  func withReferrers(_ image: ExportImage, from finder: ReferrerFinder) throws -> ExportImage {
    guard request.takesReferrers else { return image }
    var image = image
    do {
      image.referrers = try finder.referrers(of: image)
    } catch {
      try Task.checkCancellation()
      throw TransferError.referrersNotHad(image.reference, error)
    }
    return image
  }
}
