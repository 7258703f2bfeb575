import Files
import Tar

/// What comes of an archive from its first byte on: what was kept of it once more, and then the rest.
struct FollowedContent: Sendable {
  /// In bytes.
  private(set) var position: Int64 = 0
  /// Whether compressed content ended before its own end.
  private(set) var isCut = false

  private let kept: StreamFront
  private let content: StreamedContent

  init(_ kept: StreamFront, then content: StreamedContent) {
    self.kept = kept
    self.content = content
  }

  /// What errors call it.
  var path: String { content.path }

  /// The next `count` bytes; fewer only at the end.
  mutating func bytes(_ count: Int) throws(LayoutError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    let read = try unsafe raw.withUnsafeMutableBytes { (buffer) throws(LayoutError) in
      try unsafe self.read(into: buffer)
    }
    bytes.removeLast(count - read)
    return bytes
  }

  /// Whether nothing follows but at most so many zeros.
  mutating func endsWithZeros(_ limit: Int64) throws(LayoutError) -> Bool {
    var rest = limit
    while rest > 0 {
      let piece = try bytes(64 << 10)
      guard piece.allSatisfy({ $0 == 0 }) else { return false }
      if piece.count < 64 << 10 { return true }
      rest -= Int64(piece.count)
    }
    return false
  }

  /// Fills `buffer`; fewer bytes only at the end. Compressed content that is cut has an end, too early.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(LayoutError) -> Int {
    let again = Int(min(Int64(buffer.count), max(0, kept.count - position)))
    if again > 0 {
      let start = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<again])
      do { _ = try unsafe kept.read(into: start, at: position) } catch { throw LayoutError(error) }
    }
    position += Int64(again)
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[again...])
    guard unsafe !rest.isEmpty else { return again }
    do {
      let count = try unsafe content.read(into: rest)
      position += Int64(count)
      return again + count
    } catch .cutStream {
      isCut = true
      return again
    } catch {
      throw LayoutError(error, in: content.path)
    }
  }
}
