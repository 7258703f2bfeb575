/// Reads what comes piece by piece. A source puts at least one byte into the buffer that it is given, and returns how many
/// it put there; 0 only at its end.
public enum Pieces {
  /// How much is asked for at a time where nothing else is said, in bytes.
  public static let size = 256 << 10

  /// Fills `buffer` from `source`; fewer bytes only at the source's end. Returns how many there are.
  public static func fill<Failure: Error>(
    _ buffer: UnsafeMutableRawBufferPointer,
    from source: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    var done = 0
    while done < buffer.count {
      let count = try unsafe source(UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
      guard count > 0 else { break }
      done += count
    }
    return done
  }

  /// At most `count` bytes, as many as `source`, which is asked once, puts into the buffer that it is given. The caller
  /// bounds `count`.
  public static func bytes<Failure: Error>(
    _ count: Int, from source: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(0, count))
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    let read = try unsafe raw.withUnsafeMutableBytes { (buffer) throws(Failure) in try unsafe source(buffer) }
    bytes.removeLast(bytes.count - read)
    return bytes
  }

  /// Hands all that is left of `source` to `body`, at most `size` bytes at a time. Returns how many those were.
  @discardableResult
  public static func forEach<Failure: Error>(
    of size: Int = size, from source: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int,
    _ body: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) -> Int64 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var total: Int64 = 0
    while true {
      let count = try unsafe source(buffer)
      guard count > 0 else { return total }
      try body(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count]).bytes)
      total += Int64(count)
    }
  }
}
