import Synchronization

/// Bytes that come one after the other and are read again at any place, while more of them come: the first of them are in
/// memory, the rest in a file without a name (``Spool``), which is not made before there are so many.
public final class SpooledContent: RandomAccess {
  private struct State {
    var bytes: [UInt8] = []
    /// What came behind ``bytes``.
    var spool: Spool?
    var spooled: Int64 = 0

    var count: Int64 { Int64(bytes.count) + spooled }
  }

  public let path: String
  /// How much is kept in memory, in bytes.
  private let memory: Int
  private let directory: String
  private let state = Mutex(State())

  /// None yet. `memory` is how many bytes are kept in memory, and `directory` where the file goes when there are more; errors
  /// about what is read call it `path`. Makes no file.
  public init(called path: String, memory: Int, spoolingIn directory: String) {
    self.path = path
    self.memory = memory
    self.directory = directory
  }

  /// How many bytes have come.
  public var count: Int64 { state.withLock { $0.count } }

  /// How many of them are in a file.
  public var spooled: Int64 { state.withLock { $0.spooled } }

  /// In bytes.
  public func size() -> Int64 { count }

  /// Lays `bytes` down behind those before, and returns where they begin. Throws what ``Spool`` throws, of which none is left
  /// to be read then.
  @discardableResult
  public func append(_ bytes: RawSpan) throws(FileError) -> Int64 {
    try state.withLock { (state) throws(FileError) in
      let start = state.count
      // What is in memory has to stay the front.
      let room = state.spool == nil ? max(0, min(memory - state.bytes.count, bytes.byteCount)) : 0
      if room < bytes.byteCount {
        var spool: Spool
        if let begun = state.spool {
          spool = begun
        } else {
          spool = try Spool.create(in: directory, called: path)
        }
        try spool.append(bytes.extracting(room...))
        state.spool = spool
        state.spooled += Int64(bytes.byteCount - room)
      }
      // An array that grows by itself takes up to twice what may be kept.
      let needed = state.bytes.count + room
      if needed > state.bytes.capacity { state.bytes.reserveCapacity(min(memory, 2 * needed)) }
      unsafe bytes.extracting(..<room).withUnsafeBytes { unsafe state.bytes.append(contentsOf: $0) }
      return start
    }
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try state.withLock { (state) throws(FileError) in
      guard offset >= 0, offset < state.count else { return 0 }
      var done = 0
      if offset < Int64(state.bytes.count) {
        let part = state.bytes[Int(offset)...].prefix(buffer.count)
        unsafe buffer.copyBytes(from: part)
        done = part.count
      }
      guard let spool = state.spool, done < buffer.count else { return done }
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      return done
        + (try unsafe spool.file.read(into: rest, at: offset + Int64(done) - Int64(state.bytes.count)))
    }
  }
}
