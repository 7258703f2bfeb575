import Archives
import Digests

/// One entry of a planned archive.
struct ArchiveSection: Sendable {
  enum Name: Hashable, Sendable {
    case file(String)
    case blob(Digest)
  }

  let name: Name
  /// What is known beforehand; nil for a blob, which arrives.
  let content: [UInt8]?
  /// The content's size, in bytes.
  let size: Int64
  let headerOffset: Int64
  let headerSize: Int

  init(_ name: Name, content: [UInt8]?, size: Int64, headerOffset: Int64) throws(ArchiveError) {
    self.name = name
    self.content = content
    self.size = size
    self.headerOffset = headerOffset
    headerSize = try TarHeader.bytes(path: Self.path(of: name), size: size).count
  }

  private static func path(of name: Name) -> String {
    switch name {
    case .file(let path): path
    case .blob(let digest): BlobPath.path(of: digest)
    }
  }

  var path: String { Self.path(of: name) }

  /// Where the content begins, in bytes.
  var offset: Int64 { headerOffset + Int64(headerSize) }

  /// Where the next entry begins, in bytes.
  var end: Int64 { offset + size + Int64(TarHeader.padding(after: size)) }

  /// All but a blob's content, in order. Headers are made again rather than kept: they are all alike and half
  /// a kilobyte each.
  func knownPieces() throws(ArchiveError) -> [KnownPiece] {
    let header = try TarHeader.bytes(path: path, size: size)
    var pieces = [KnownPiece(offset: headerOffset, bytes: header, path: path, part: .header)]
    if let content, !content.isEmpty {
      pieces.append(KnownPiece(offset: offset, bytes: content, path: path, part: .content))
    }
    let padding = [UInt8](repeating: 0, count: TarHeader.padding(after: size))
    if !padding.isEmpty {
      pieces.append(KnownPiece(offset: offset + size, bytes: padding, path: path, part: .padding))
    }
    return pieces
  }
}

/// Bytes of an archive that are known before any blob arrives.
public struct KnownPiece: Hashable, Sendable {
  /// Where they stand in the archive, in bytes.
  public let offset: Int64
  public let bytes: [UInt8]
  /// The entry they belong to.
  public let path: String
  public let part: ArchivePart
}
