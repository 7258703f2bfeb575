/// Streams content out of its compressed form, with memory bounded whatever the content.
///
/// Concatenated gzip members and zstd frames are one content, as readers of layers take them. Anything after
/// the last that is none is an error, and so is an early end.
public struct Decompressor: Sendable {
  /// How much is asked for and handed on at a time, in bytes.
  static let pieceSize = 256 << 10

  public let compression: Compression

  public init(_ compression: Compression) {
    self.compression = compression
  }

  /// Reads with `source`, which fills the buffer it is given as far as it can and returns 0 at the end, and
  /// hands the decompressed bytes to `sink`. Returns how many those were. Throws ``ArchiveError`` and
  /// whatever the closures throw.
  @discardableResult
  public func decompress(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int, into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    switch compression {
    case .none: try unsafe copy(from: source, into: sink)
    case .gzip: try unsafe inflate(from: source, into: sink)
    case .zstd: try unsafe decompressZstd(from: source, into: sink)
    }
  }

  private func copy(
    from source: (UnsafeMutableRawBufferPointer) throws -> Int, into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var total: Int64 = 0
    while true {
      let count = try unsafe min(source(buffer), buffer.count)
      guard count > 0 else { return total }
      try sink(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
      total += Int64(count)
    }
  }
}
