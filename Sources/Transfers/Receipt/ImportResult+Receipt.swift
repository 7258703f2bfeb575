public import FoundationEssentials
import Images

extension ImportResult {
  /// What the destination has confirmed in this run: images that were pushed and read back, and those that it had
  /// already under the same digest. `started` is when the run began, `ferry` this program's version.
  public func receipt(ferry: String, started: Date) -> Receipt {
    let read = Dictionary(pushed.map { ($0.target, $0) }) { first, _ in first }
    let images = prepared.images.compactMap { image in
      ReceivedImage(read[image.target] ?? image)
    }
    return Receipt(
      ferry: ferry, destination: prepared.destination.description,
      archives: prepared.archives.map { archive in
        Receipt.Archive(name: Self.name(of: archive.path), digest: archive.digest)
      }, started: started, finished: Date(), images: images)
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}

extension ReceivedImage {
  /// nil for an image that the destination has not confirmed.
  fileprivate init?(_ image: ImportImage) {
    guard let confirmedAt = image.confirmedAt else { return nil }
    self.init(
      source: image.source, target: image.target, digest: image.digest, size: image.tree.size,
      confirmedAt: confirmedAt, blobs: image.tree.manifests.map(\.descriptor) + image.tree.blobs)
  }
}
