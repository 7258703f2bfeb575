public import Digests
import Files
import Images
import Tar

/// Where a blob lies in an archive, in bytes.
public struct BlobExtent: Hashable, Sendable {
  public let offset: Int64
  public let size: Int64

  public init(offset: Int64, size: Int64) {
    self.offset = offset
    self.size = size
  }

  var range: Range<Int64> { offset..<max(offset, offset.addingReportingOverflow(size).partialValue) }

  /// The same with the header before it, of a blob too small for a longer one, and what fills up its last block.
  var rangeOfEntry: Range<Int64> {
    let start = max(0, offset - TarHeader.blockSize)
    return
      start..<max(
        start, range.upperBound.addingReportingOverflow(Int64(TarHeader.padding(after: size))).partialValue)
  }

  /// All of it, when there is memory for a document of that size; the caller bounds the size.
  func bytes(in file: any RandomAccess) throws(LayoutError) -> [UInt8] {
    try DocumentMemory.all.reserving(2 * Int(min(size, 1 << 40))) { () throws(LayoutError) in
      try LayoutError.wrapping { () throws(FileError) in try file.read(Int(size), at: offset) }
    }
  }
}

/// Where a layout keeps a blob: `blobs/<algorithm>/<hex>` (image-spec `image-layout.md`).
public enum BlobPath {
  /// Where all blobs lie.
  static let top = "blobs/"
  /// Where those of the usual algorithm lie.
  static let folder = folder(of: .sha256)

  /// Where those of one algorithm lie.
  static func folder(of algorithm: Digest.Algorithm) -> String { "\(top)\(algorithm.rawValue)/" }

  public static func path(of digest: Digest) -> String { folder(of: digest.algorithm) + digest.hex }

  /// The digest whose blob `path` names; nil when it names none.
  public static func digest(of path: some StringProtocol) -> Digest? {
    if path.utf8.starts(with: folder.utf8) { return Digest(hex: String(path.dropFirst(folder.count))) }
    guard path.utf8.starts(with: top.utf8) else { return nil }
    for algorithm in Digest.Algorithm.allCases where algorithm != .sha256 {
      let folder = folder(of: algorithm)
      if path.utf8.starts(with: folder.utf8) {
        return Digest(hex: String(path.dropFirst(folder.count)), by: algorithm)
      }
    }
    return nil
  }

  /// The blob whose path `path` would lie below, were that a directory.
  static func digest(above path: String) -> Digest? {
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    return digest(of: path[..<parts[2].endIndex])
  }
}
