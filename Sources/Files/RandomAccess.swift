/// Content that can be read at any place: a file, or several that are laid end to end.
public protocol RandomAccess: Sendable {
  /// What errors call it.
  var path: String { get }

  /// In bytes.
  func size() throws(FileError) -> Int64

  /// Fills `buffer` from `offset` on; fewer bytes only at the end, none beyond it.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int

  /// Whether nothing of `range` is known to be missing.
  func holds(_ range: Range<Int64>) -> Bool
}

extension RandomAccess {
  public func holds(_ range: Range<Int64>) -> Bool { true }

  /// Whether nothing is known to be missing of `count` bytes from `offset` on.
  public func holds(_ count: Int, at offset: Int64) -> Bool {
    holds(
      offset..<max(
        offset, offset.addingReportingOverflow(Int64(count)).overflow ? .max : offset + Int64(count)))
  }

  /// At most `count` bytes from `offset` on; fewer only at the end. The caller bounds `count`.
  public func read(_ count: Int, at offset: Int64) throws(FileError) -> [UInt8] {
    try unsafe Pieces.bytes(count) { (buffer) throws(FileError) in try unsafe read(into: buffer, at: offset) }
  }
}
