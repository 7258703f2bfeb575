public import Files
import Synchronization

/// The first bytes of ``StreamedContent``, kept for as long as they are needed: content that can be read at any place, and
/// that comes as far as it is read. The first of it is in memory, the rest in a file without a name.
public final class ContentFront: RandomAccess {
  private struct State: ~Copyable {
    var isAtEnd = false
    var failure: TarError?
  }

  public let path: String
  private let content: StreamedContent
  /// The most that is kept, in bytes.
  private let limit: Int64
  /// What has come.
  private let kept: SpooledContent
  private let state = Mutex(State())

  private static let pieceSize = 64 << 10

  /// `limit` is the most that is kept, in bytes, `memory` how much of it in memory, and `directory` where the file goes when
  /// that is not enough.
  public init(
    of content: StreamedContent, limit: Int64, memory: Int64 = 4 << 20, spoolingIn directory: String
  ) {
    path = content.path
    self.content = content
    self.limit = limit
    kept = SpooledContent(called: content.path, memory: Int(memory), spoolingIn: directory)
  }

  /// How much has come, in bytes.
  public var count: Int64 { kept.count }

  /// Why what was read last could not be had; reading throws only that it could not.
  var failure: TarError? { state.withLock { $0.failure } }

  /// In bytes; as large as can be while the end has not come.
  public func size() -> Int64 { state.withLock { $0.isAtEnd ? kept.count : .max } }

  /// Throws ``FileError/sourceFailed(path:)`` where nothing more can be had, or what lies too far behind.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try state.withLock { (state) throws(FileError) in
      let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.count))
      guard offset >= 0, !overflow else { return 0 }
      do throws(TarError) { try extend(&state, to: end) } catch {
        state.failure = error
        throw .sourceFailed(path: path)
      }
      return try unsafe kept.read(into: buffer, at: offset)
    }
  }

  /// Sees that the first `end` bytes have come, if there are so many.
  private func extend(_ state: inout State, to end: Int64) throws(TarError) {
    var count = kept.count
    while !state.isAtEnd, count < end {
      guard count < limit else { throw .frontTooLarge(path: path, limit: limit) }
      let wanted = min(end - count, Int64(Self.pieceSize))
      let piece = try unsafe Pieces.bytes(Int(wanted)) { (buffer) throws(TarError) in
        try unsafe content.read(into: buffer)
      }
      do throws(FileError) { _ = try unsafe kept.append(piece.span.bytes) } catch { throw .file(error) }
      count += Int64(piece.count)
      state.isAtEnd = piece.count < Int(wanted)
    }
  }
}
