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

  /// The images without those that travel with another one because their tag says that they refer to it.
  func withoutReferrers(_ images: [ExportImage]) -> [ExportImage] {
    let carried = Set(images.flatMap { $0.referrers.map(\.reference) }.filter { $0.tag != nil })
    return images.filter { !carried.contains($0.reference) }
  }
}
