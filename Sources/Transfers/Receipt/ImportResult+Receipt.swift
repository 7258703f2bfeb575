import Digests
public import FoundationEssentials
import Images

extension ImportResult {
  /// What the destination has confirmed in this run: images that were pushed and read back, and those that it had
  /// already under the same digest. `started` is when the run began, `ferry` this program's version.
  public func receipt(ferry: String, started: Date) -> Receipt {
    let read = Dictionary(pushed.map { ($0.target, $0) }) { first, _ in first }
    let failed = Set(failures.map(\.image))
    let images = prepared.images.filter { !failed.contains($0.source) }.compactMap { image in
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
    var parts = image.tree.manifests.map(\.descriptor) + image.tree.blobs
    // A list of referrers that was added to another is not there as such; what it lists is.
    if let list = image.list {
      parts = [list] + parts.filter { $0.digest != image.digest && $0.digest != list.digest }
    }
    let digest = image.list?.digest ?? image.digest
    let original = image.compression?.original ?? image.digest
    self.init(
      source: image.source, target: image.target, digest: digest,
      archiveDigest: original == digest ? nil : original, size: parts.map(\.size).saturatingSum(),
      confirmedAt: confirmedAt, blobs: parts)
  }
}
