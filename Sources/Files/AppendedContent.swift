/// Content with bytes behind it that stand in no file.
public struct AppendedContent: RandomAccess {
  public let path: String
  private let front: any RandomAccess
  private let frontSize: Int64
  private let tail: [UInt8]

  /// `tail` behind all of `front`, which keeps its name and is not to change its size.
  public init(_ front: any RandomAccess, _ tail: [UInt8]) throws(FileError) {
    self.front = front
    self.tail = tail
    path = front.path
    frontSize = try front.size()
  }

  public func holds(_ range: Range<Int64>) -> Bool {
    let inFront = range.clamped(to: 0..<frontSize)
    return inFront.isEmpty || front.holds(inFront)
  }

  public func size() -> Int64 { frontSize + Int64(tail.count) }

  public func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(FileError) -> Int {
    var done = 0
    if offset < frontSize {
      let count = Int(min(Int64(buffer.count), frontSize - offset))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      done = try unsafe front.read(into: piece, at: offset)
      guard done == count else { throw .shrunk(path: path) }
    }
    let place = offset + Int64(done) - frontSize
    guard (0..<Int64(tail.count)).contains(place) else { return done }
    let count = min(buffer.count - done, tail.count - Int(place))
    unsafe tail[Int(place)..<(Int(place) + count)].withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)]).copyMemory(from: source)
    }
    return done + count
  }
}
