import Files
import Tar

/// What came of an archive before, and then what comes of it.
struct PassingStream: Sendable {
  private let front: ContentFront?
  private let content: StreamedContent
  private var taken: Int64 = 0
  private(set) var isAtEnd = false
  /// Whether compressed content ended before its own end.
  private(set) var isCut = false

  init(_ front: ContentFront?, _ content: StreamedContent) {
    self.front = front
    self.content = content
  }

  /// Fills `buffer`; fewer bytes only at the end.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(TarError) -> Int {
    guard !isAtEnd else { return 0 }
    var done = 0
    if let front, taken < front.count {
      let count = Int(min(Int64(buffer.count), front.count - taken))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      do throws(FileError) { done = try unsafe front.read(into: part, at: taken) } catch {
        throw .file(error)
      }
      taken += Int64(done)
      if done == buffer.count { return done }
    }
    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
    do throws(TarError) {
      let count = try unsafe content.read(into: rest)
      isAtEnd = count < rest.count
      return done + count
    } catch {
      guard case .cutStream = error else { throw error }
      (isAtEnd, isCut) = (true, true)
      return done
    }
  }
}
