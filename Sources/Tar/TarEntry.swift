/// One entry of an uncompressed tar.
public struct TarEntry: Hashable, Sendable {
  /// As it stands in the tar, unchecked. Bytes that are no UTF-8 are replaced.
  public let path: String
  public let kind: Kind
  /// The content's size in bytes; 0 for anything but a file.
  public let size: Int64
  /// Where the entry's first header begins in the file, in bytes.
  public let headerOffset: Int64
  /// Where the content begins in the file, in bytes.
  public let offset: Int64
  /// What a link points at; nil for anything else.
  public let link: Link?
  /// What other readers may take it for; nil where all see the same.
  public internal(set) var contradiction: TarContradiction?
  /// Whether its headers are, byte by byte, those that ``TarHeader`` writes.
  public internal(set) var hasOwnHeaders = false

  public enum Link: Hashable, Sendable {
    /// A path from the directory of the entry, as it stands in the tar, unchecked.
    case symbolic(String)
    /// The path of an earlier entry, as it stands in the tar, unchecked.
    case hard(String)
  }

  public enum Kind: Hashable, Sendable {
    /// A plain file whose content stands in the tar from end to end.
    case file
    case directory
    /// A link, a device, a pipe, a sparse file.
    case other
  }

  public init(path: String, kind: Kind, size: Int64, headerOffset: Int64, offset: Int64, link: Link? = nil) {
    self.path = path
    self.kind = kind
    self.size = size
    self.headerOffset = headerOffset
    self.offset = offset
    self.link = link
  }

  /// How much its names take up, in bytes.
  var nameBytes: Int {
    switch link {
    case .symbolic(let target), .hard(let target): path.utf8.count + target.utf8.count
    case nil: path.utf8.count
    }
  }

  /// Where the content and its padding end, in bytes.
  public var end: Int64 {
    let (end, overflow) = offset.addingReportingOverflow(size)
    let (padded, overflowAgain) = end.addingReportingOverflow(Int64(TarHeader.padding(after: size)))
    return overflow || overflowAgain ? .max : padded
  }
}
