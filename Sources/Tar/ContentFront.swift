public import Files
import Synchronization

/// The first bytes of ``StreamedContent``, kept for as long as it is not known what they are: content that can be
/// read at any place, and that comes as far as it is read.
public final class ContentFront: RandomAccess {
  private struct State {
    var bytes: [UInt8] = []
    var isAtEnd = false
    var failure: TarError?
  }

  public let path: String
  private let content: StreamedContent
  /// The most that is kept, in bytes.
  private let limit: Int
  private let state = Mutex(State())

  private static let pieceSize = 64 << 10

  public init(of content: StreamedContent, limit: Int) {
    path = content.path
    self.content = content
    self.limit = limit
  }

  /// All that has come.
  public var bytes: [UInt8] { state.withLock { $0.bytes } }

  /// Why what was read last could not be had; reading throws only that it could not.
  var failure: TarError? { state.withLock { $0.failure } }

  /// In bytes; as large as can be while the end has not come.
  public func size() -> Int64 { state.withLock { $0.isAtEnd ? Int64($0.bytes.count) : .max } }

  /// Throws ``FileError/sourceFailed(path:)`` where nothing more can be had, or what lies too far behind.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try state.withLock { (state) throws(FileError) in
      let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.count))
      guard offset >= 0, !overflow else { return 0 }
      do throws(TarError) { try extend(&state, to: end) } catch {
        state.failure = error
        throw .sourceFailed(path: path)
      }
      guard offset < Int64(state.bytes.count) else { return 0 }
      let part = state.bytes[Int(offset)..<min(Int(end), state.bytes.count)]
      unsafe buffer.copyBytes(from: part)
      return part.count
    }
  }

  /// Sees that the first `end` bytes have come, if there are so many.
  private func extend(_ state: inout State, to end: Int64) throws(TarError) {
    while !state.isAtEnd, Int64(state.bytes.count) < end {
      guard state.bytes.count < limit else { throw .frontTooLarge(path: path, limit: limit) }
      let wanted = min(end - Int64(state.bytes.count), Int64(Self.pieceSize))
      let piece = try unsafe Pieces.bytes(Int(wanted)) { (buffer) throws(TarError) in
        try unsafe content.read(into: buffer)
      }
      state.bytes += piece
      state.isAtEnd = piece.count < Int(wanted)
    }
  }
}
