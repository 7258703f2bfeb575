public import Files
import Synchronization

/// The first bytes of ``StreamedContent``, kept for as long as they are needed: content that can be read at any place, and
/// that comes as far as it is read. The first of it is in memory, the rest in a file without a name.
public final class ContentFront: RandomAccess {
  private struct State: ~Copyable {
    var bytes: [UInt8] = []
    /// What came behind ``bytes``.
    var spool: Spool?
    var spooled: Int64 = 0
    var isAtEnd = false
    var failure: TarError?

    var count: Int64 { Int64(bytes.count) + spooled }
  }

  public let path: String
  private let content: StreamedContent
  /// The most that is kept, in bytes.
  private let limit: Int64
  /// And how much of that in memory.
  private let memory: Int64
  private let directory: String
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
    self.memory = min(memory, limit)
    self.directory = directory
  }

  /// How much has come, in bytes.
  public var count: Int64 { state.withLock { $0.count } }

  /// Why what was read last could not be had; reading throws only that it could not.
  var failure: TarError? { state.withLock { $0.failure } }

  /// In bytes; as large as can be while the end has not come.
  public func size() -> Int64 { state.withLock { $0.isAtEnd ? $0.count : .max } }

  /// Throws ``FileError/sourceFailed(path:)`` where nothing more can be had, or what lies too far behind.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try state.withLock { (state) throws(FileError) in
      let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.count))
      guard offset >= 0, !overflow else { return 0 }
      do throws(TarError) { try extend(&state, to: end) } catch {
        state.failure = error
        throw .sourceFailed(path: path)
      }
      guard offset < state.count else { return 0 }
      var done = 0
      if offset < Int64(state.bytes.count) {
        let part = state.bytes[Int(offset)..<min(Int(end), state.bytes.count)]
        unsafe buffer.copyBytes(from: part)
        done = part.count
      }
      guard let spool = state.spool, done < buffer.count else { return done }
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      return done
        + (try unsafe spool.file.read(into: rest, at: offset + Int64(done) - Int64(state.bytes.count)))
    }
  }

  /// Sees that the first `end` bytes have come, if there are so many.
  private func extend(_ state: inout State, to end: Int64) throws(TarError) {
    while !state.isAtEnd, state.count < end {
      guard state.count < limit else { throw .frontTooLarge(path: path, limit: limit) }
      let isInMemory = state.spool == nil && state.count < memory
      let room = isInMemory ? memory - state.count : Int64(Self.pieceSize)
      let wanted = min(end - state.count, Int64(Self.pieceSize), room)
      let piece = try unsafe Pieces.bytes(Int(wanted)) { (buffer) throws(TarError) in
        try unsafe content.read(into: buffer)
      }
      if isInMemory { state.bytes += piece } else { try spool(piece, &state) }
      state.isAtEnd = piece.count < Int(wanted)
    }
  }

  private func spool(_ piece: [UInt8], _ state: inout State) throws(TarError) {
    guard !piece.isEmpty else { return }
    do throws(FileError) {
      var spool: Spool
      if let begun = state.spool {
        spool = begun
      } else {
        spool = try Spool.create(in: directory, called: path)
      }
      try unsafe spool.append(piece.span.bytes)
      state.spool = spool
      state.spooled += Int64(piece.count)
    } catch {
      throw .file(error)
    }
  }
}
