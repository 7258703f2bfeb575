public import Digests
import Files

/// Where a blob lies in an archive, in bytes.
public struct BlobExtent: Hashable, Sendable {
  public let offset: Int64
  public let size: Int64

  public init(offset: Int64, size: Int64) {
    self.offset = offset
    self.size = size
  }

  var range: Range<Int64> { offset..<max(offset, offset.addingReportingOverflow(size).partialValue) }

  /// All of it; the caller bounds the size.
  func bytes(in file: any RandomAccess) throws(LayoutError) -> [UInt8] {
    try LayoutError.wrapping { () throws(FileError) in try file.read(Int(size), at: offset) }
  }
}

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
