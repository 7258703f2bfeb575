import Synchronization

/// The first bytes of ``PassingContent``, kept for as long as it is not known what they are: content that can be
/// read at any place, and that comes as far as it is read.
public final class ContentFront: RandomAccess {
  private struct State {
    var bytes: [UInt8] = []
    var isAtEnd = false
  }

  public let path: String
  private let content: PassingContent
  /// The most that is kept, in bytes.
  private let limit: Int
  private let state = Mutex(State())

  private static let pieceSize = 64 << 10

  public init(of content: PassingContent, limit: Int) {
    path = content.path
    self.content = content
    self.limit = limit
  }

  /// All that has come.
  public var bytes: [UInt8] { state.withLock { $0.bytes } }

  /// In bytes; as large as can be while the end has not come.
  public func size() -> Int64 { state.withLock { $0.isAtEnd ? Int64($0.bytes.count) : .max } }

  /// Throws ``ArchiveError/frontTooLarge(path:limit:)`` for what lies too far behind.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ArchiveError) -> Int {
    try state.withLock { (state) throws(ArchiveError) in
      let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.count))
      guard offset >= 0, !overflow else { return 0 }
      try extend(&state, to: end)
      guard offset < Int64(state.bytes.count) else { return 0 }
      let part = state.bytes[Int(offset)..<min(Int(end), state.bytes.count)]
      unsafe buffer.copyBytes(from: part)
      return part.count
    }
  }

  /// Sees that the first `end` bytes have come, if there are so many.
  private func extend(_ state: inout State, to end: Int64) throws(ArchiveError) {
    while !state.isAtEnd, Int64(state.bytes.count) < end {
      guard state.bytes.count < limit else { throw .frontTooLarge(path: path, limit: limit) }
      let wanted = min(end - Int64(state.bytes.count), Int64(Self.pieceSize))
      var piece = [UInt8](repeating: 0, count: Int(wanted))
      var span = piece.mutableSpan
      var raw = unsafe span.mutableBytes
      let count = try unsafe raw.withUnsafeMutableBytes { (buffer) throws(ArchiveError) in
        try unsafe content.read(into: buffer)
      }
      state.bytes += piece.prefix(count)
      state.isAtEnd = count < piece.count
    }
  }
}
