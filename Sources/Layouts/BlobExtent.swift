import Archives

/// Where a blob lies in an archive, in bytes.
public struct BlobExtent: Hashable, Sendable {
  public let offset: Int64
  public let size: Int64

  public init(offset: Int64, size: Int64) {
    self.offset = offset
    self.size = size
  }

  /// All of it; the caller bounds the size.
  func bytes(in file: any RandomAccess) throws(LayoutError) -> [UInt8] {
    try LayoutError.wrapping { () throws(ArchiveError) in try file.read(Int(size), at: offset) }
  }
}
