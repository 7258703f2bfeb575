/// Streams content out of its compressed form, with memory bounded whatever the content.
///
/// Concatenated gzip members, zstd frames and xz streams are one content, as readers of layers take them.
/// Anything after the last that is none is an error, and so is an early end.
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
    try unsafe withoutActuallyEscaping(source) { source in
      let input = try unsafe DecompressedInput(compression, from: source)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
      defer { unsafe buffer.deallocate() }
      var total: Int64 = 0
      while true {
        let count = try unsafe input.read(into: buffer)
        guard count > 0 else { return total }
        try sink(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
        total += Int64(count)
      }
    }
  }
}
