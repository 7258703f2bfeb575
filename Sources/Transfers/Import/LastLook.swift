import Digests
import Images
import Registry

/// The question that ends an import: whether every tag still points at what this run read or pushed there. Between the
/// first image of a fleet and the last lie hours in which somebody else may have moved one.
struct LastLook {
  let destination: Destination
  let executor: BlockingExecutor
  /// Whether one image's failure stops nothing.
  let keepsGoing: Bool

  /// The images of which the tag is another now. Of a single image nothing has come since. Throws
  /// ``TransferError/readBackDiffers(_:expected:actual:)`` and `RegistryError`, the first one unless it `keepsGoing`.
  /// `isIncluded` tells whether another manifest is a list that has taken the image's in.
  func moved(
    of images: [ImportImage], isIncluded: @escaping @Sendable (ImportImage, Manifest) -> Bool
  ) async throws -> [ImageFailure] {
    let confirmed = images.filter { $0.confirmedAt != nil && $0.target.tag != nil }
    guard confirmed.count > 1 else { return [] }
    return try await executor.mapConcurrently(confirmed) { image -> ImageFailure? in
      do {
        try expect(image, isIncluded)
        return nil
      } catch {
        guard keepsGoing, !Task.isCancelled else { throw error }
        return ImageFailure(image: image.source, error: error)
      }
    }.compactMap(\.self)
  }

  private func expect(_ image: ImportImage, _ isIncluded: (ImportImage, Manifest) -> Bool) throws {
    let target = image.target
    let expected = image.list?.digest ?? image.digest
    let client = try destination.client(for: target.repository)
    let head = try client.manifestDigest(target.identifier, of: target.repository, isForPush: true)
    if head?.digest == expected { return }
    // A HEAD that says otherwise decides nothing.
    guard let now = try destination.tagged(target) else {
      throw TransferError.readBackDiffers(target, expected: expected, actual: nil)
    }
    if now.digest == expected { return }
    if image.list != nil, case .manifest(let manifest) = now, isIncluded(image, manifest) { return }
    throw TransferError.readBackDiffers(target, expected: expected, actual: now.digest)
  }
}
