public import Digests
public import Images

/// Hears what a transfer does while it runs. Called from many threads.
public protocol TransferObserver: Sendable {
  /// So many bytes will move, or be found in place. Called again when more becomes known.
  func expect(bytes: Int64)
  /// A blob's transfer or reading begins; `id` stands for it until it ends.
  func began(_ id: Int, _ blob: Descriptor)
  /// The first `position` bytes of the blob have moved. It goes back when a transfer starts again.
  func advanced(_ id: Int, to position: Int64)
  func ended(_ id: Int)
  /// So many of the expected bytes need not move.
  func skipped(bytes: Int64)
  func note(_ note: TransferNote)
}

/// Something worth a line while a transfer runs.
public enum TransferNote: Sendable {
  /// The credential used for a registry, by its source and never its secret.
  case credential(host: String, source: CredentialSource)
  case resolving(images: Int)
  case imageFailed(ImageFailure)
  /// A layer that lives elsewhere (`urls`) and that the registry does not hold.
  case layerNotCarried(image: Reference, layer: Descriptor)
  /// One platform was taken out of an index: the image's digest is that platform's manifest's.
  case platformTaken(image: Reference, platform: Platform, digest: Digest)
  /// A reference had neither tag nor digest.
  case latestAssumed(Reference)
  case archiveWritten(path: String, digest: Digest, size: Int64)
  case archiveUpToDate(path: String, digest: Digest)
  case imported(source: String, target: Reference, digest: Digest)
  case alreadyThere(source: String, target: Reference, digest: Digest)
  /// Part of a listing could not be read.
  case unreadable(ImageFailure)
  /// The descriptions of a registry's repositories could not be had; the images travel without.
  case descriptionsMissing(host: String, error: any Error)
}
