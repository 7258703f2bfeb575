public import Digests

/// Where a layout keeps a blob: `blobs/sha256/<hex>` (image-spec `image-layout.md`).
public enum BlobPath {
  static let folder = "blobs/sha256/"

  public static func path(of digest: Digest) -> String { folder + digest.hex }

  /// The digest whose blob `path` names; nil when it names none.
  public static func digest(of path: some StringProtocol) -> Digest? {
    guard path.utf8.starts(with: folder.utf8) else { return nil }
    return Digest(hex: String(path.dropFirst(folder.count)))
  }
}
