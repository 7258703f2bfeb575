import Digests
import Images

/// The question that ends an import: whether every tag still points at what this run read or pushed there. Between the
/// first image of a fleet and the last lie hours in which somebody else may have moved one.
struct LastLook {
  let destination: Destination
  let executor: BlockingExecutor

  /// The images of which the tag is another now (``TransferError/readBackDiffers(_:expected:actual:)``), or of which that
  /// cannot be told. Everything is done by now and nothing can be stopped, so it throws only when it is cancelled.
  /// `isIncluded` tells whether another manifest is a list that has taken the image's in.
  func moved(
    of images: [ImportImage], isIncluded: @escaping @Sendable (ImportImage, Manifest) -> Bool
  ) async throws -> [ImageFailure] {
    let confirmed = images.filter { $0.confirmedAt != nil && $0.target.tag != nil }
    return try await executor.mapConcurrently(confirmed) { image -> ImageFailure? in
      do {
        try expect(image, isIncluded)
        return nil
      } catch {
        guard !Task.isCancelled else { throw error }
        return ImageFailure(image: image.source, error: error)
      }
    }.compactMap(\.self)
  }

  /// Asks by GET: a HEAD may come out of a memory that is older than the move.
  private func expect(_ image: ImportImage, _ isIncluded: (ImportImage, Manifest) -> Bool) throws {
    let target = image.target
    let expected = image.list?.digest ?? image.digest
    guard let now = try destination.tagged(target) else {
      throw TransferError.readBackDiffers(target, expected: expected, actual: nil)
    }
    if now.digest == expected { return }
    if image.list != nil, case .manifest(let manifest) = now, isIncluded(image, manifest) { return }
    throw TransferError.readBackDiffers(target, expected: expected, actual: now.digest)
  }
}
