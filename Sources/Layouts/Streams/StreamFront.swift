import Files
import Tar

/// What has come of a streamed archive up to where its front ends, and, once that is known, the size of all that is to come:
/// reading that says that it is not there.
struct StreamFront: RandomAccess {
  private let content: ContentFront
  /// How much has come, in bytes.
  let count: Int64
  private let total: Int64

  /// Nothing more is kept of `content` from now on.
  init(_ content: ContentFront) { self.init(content, count: content.count, total: content.count) }

  private init(_ content: ContentFront, count: Int64, total: Int64) {
    self.content = content
    self.count = count
    self.total = total
  }

  /// The same as the beginning of `total` bytes.
  func expecting(_ total: Int64) -> StreamFront {
    StreamFront(content, count: count, total: max(count, total))
  }

  var path: String { content.path }

  func size() -> Int64 { total }

  func holds(_ range: Range<Int64>) -> Bool {
    range.clamped(to: 0..<total).upperBound <= count
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    guard offset >= 0, offset < total else { return 0 }
    let wanted = min(Int64(buffer.count), total - offset)
    guard offset + wanted <= count else { throw .absent(path: path) }
    let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(wanted)])
    let read = try unsafe content.read(into: piece, at: offset)
    guard read == piece.count else { throw .shrunk(path: path) }
    return read
  }
}
