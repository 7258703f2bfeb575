/// Reads content in order, a piece at a time and through one buffer, to hash it, copy it or look at it.
enum ContentPieces {
  private static let size: Int64 = 1 << 20

  /// Gives `sink` what `source` reads of `range`, piece by piece; `source` fills a buffer from an offset on and returns 0
  /// at the content's end. Returns where reading ended: behind the range, or with the content. Throws what both throw,
  /// and `CancellationError`. Blocks.
  @discardableResult
  static func read(
    _ range: Range<Int64>, from source: (UnsafeMutableRawBufferPointer, Int64) throws -> Int,
    into sink: (RawSpan) throws -> Void
  ) throws -> Int64 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Int(max(1, min(size, Int64(clamping: range.count)))), alignment: 4096)
    defer { unsafe buffer.deallocate() }
    var offset = range.lowerBound
    while offset < range.upperBound {
      try Task.checkCancellation()
      let room = Int(min(Int64(buffer.count), range.upperBound - offset))
      let count = try unsafe source(UnsafeMutableRawBufferPointer(rebasing: buffer[..<room]), offset)
      guard count > 0 else { break }
      try sink(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
      offset += Int64(count)
    }
    return offset
  }
}
