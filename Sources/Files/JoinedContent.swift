/// Several pieces of content laid end to end and read as one: the volumes of an archive, the files of a layout
/// directory, bytes that stand in no file.
///
/// Files are opened when they are first read, and few are open at a time. Reading throws ``FileError/exchanged(path:)``
/// where another file has taken the name of one that was read before.
public final class JoinedContent: RandomAccess {
  public enum Part: Hashable, Sendable {
    /// A plain file of `size` bytes.
    case file(path: String, size: Int64)
    case bytes([UInt8])
    /// A gap of `size` bytes; reading it says that `path` is not there.
    case missing(path: String, size: Int64)

    public var size: Int64 {
      switch self {
      case .file(_, let size), .missing(_, let size): size
      case .bytes(let bytes): Int64(bytes.count)
      }
    }
  }

  public let path: String
  public let parts: [Part]
  /// Where each part begins, and after the last one where all ends.
  private let starts: [Int64]
  private let open = OpenFiles(areWritten: false)

  /// `path` is what errors about the whole call it. Throws when the sizes add up to no size.
  public init(_ parts: [Part], path: String) throws(FileError) {
    var starts: [Int64] = [0]
    for part in parts {
      let (end, overflow) = starts[starts.count - 1].addingReportingOverflow(part.size)
      guard part.size >= 0, !overflow else { throw .oversized(part.size) }
      starts.append(end)
    }
    self.parts = parts
    self.path = path
    self.starts = starts
  }

  public func size() -> Int64 { starts[starts.count - 1] }

  /// The part in which the byte at `offset` lies; nil beyond the end.
  public func part(at offset: Int64) -> Int? {
    guard offset >= 0, offset < size() else { return nil }
    // The last part that begins at or before the offset; empty ones begin where the next one does.
    var low = 0
    var high = parts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// Whether no gap is in `range`.
  public func holds(_ range: Range<Int64>) -> Bool {
    guard !range.isEmpty, var index = part(at: range.lowerBound) else { return true }
    while index < parts.count, starts[index] < range.upperBound {
      if case .missing(_, let size) = parts[index], size > 0 { return false }
      index += 1
    }
    return true
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    var done = 0
    while done < buffer.count, let index = part(at: offset + Int64(done)) {
      let place = offset + Int64(done) - starts[index]
      let count = Int(min(Int64(buffer.count - done), parts[index].size - place))
      let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
      try unsafe read(parts[index], number: index, into: piece, at: place)
      done += count
    }
    return done
  }

  private func read(
    _ part: Part, number: Int, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(FileError) {
    switch part {
    case .bytes(let bytes):
      unsafe bytes[Int(offset)..<(Int(offset) + buffer.count)].withUnsafeBytes { source in
        unsafe buffer.copyMemory(from: source)
      }
    case .missing(let path, _): throw .absent(path: path)
    case .file(let path, _):
      let file = try open.file(number) { () throws(FileError) in try DataFile.open(reading: path) }
      let count = try unsafe file.read(into: buffer, at: offset)
      guard count == buffer.count else { throw .shrunk(path: path) }
    }
  }
}
