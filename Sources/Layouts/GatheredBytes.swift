/// Small pieces on their way to a file, gathered so that they need fewer calls of the system.
@safe final class GatheredBytes {
  private static let capacity = 256 << 10

  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 4096)
  private(set) var count = 0

  deinit { unsafe buffer.deallocate() }

  var room: Int { Self.capacity - count }

  /// Takes as many bytes as there is ``room`` for, at most.
  func append(_ bytes: RawSpan) {
    let piece = bytes.extracting(first: room)
    let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
    unsafe piece.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
    count += piece.byteCount
  }

  func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try unsafe body(UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
  }

  func removeAll() { count = 0 }
}
