public import Files
import Synchronization

/// Content that is streamed: it comes once, from its first byte to its last, through a pipe, or out of a compressed file. What is
/// compressed, by its first bytes, is decompressed on the way.
public final class StreamedContent: Sendable {
  /// What errors call it.
  public let path: String
  public let compression: Compression
  private let input: Mutex<DecompressedInput>
  /// Where it comes from, if that can be read once more.
  private let file: DataFile?
  private let memoryLimit: Int64
  private let cut = Atomic<Bool>(false)

  /// Content that `source` gives: at most as many bytes as a buffer holds, 0 only at the end. Throws what it throws
  /// if that is a ``TarError`` or a ``FileError``.
  public init(
    _ path: String, memoryLimit: Int64 = Decompressor.usualMemory, of file: DataFile? = nil,
    from source: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws(TarError) {
    self.path = path
    self.file = file
    self.memoryLimit = memoryLimit
    do {
      let magic = try unsafe Pieces.bytes(Compression.magicSize) { try unsafe Pieces.fill($0, from: source) }
      compression = Compression(magic: magic)
      input = Mutex(
        try unsafe DecompressedInput(
          compression, memoryLimit: memoryLimit, beginningWith: magic, then: source))
    } catch {
      throw TarError.of(error).located(in: path)
    }
  }

  /// What comes through a pipe, a socket or a terminal.
  public convenience init(
    _ stream: InputStream, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(TarError) {
    try unsafe self.init(stream.name, memoryLimit: memoryLimit, from: { try unsafe stream.read(into: $0) })
  }

  /// Opens a file that cannot be read in place: a named pipe, a compressed file. nil for all else, what is not there
  /// included.
  public static func open(
    _ path: String, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(TarError) -> StreamedContent? {
    let pipe = try TarError.wrapping { () throws(FileError) in try InputStream.open(pipe: path) }
    if let pipe { return try StreamedContent(pipe, memoryLimit: memoryLimit) }
    guard let file = try? DataFile.open(reading: path),
      let magic = try? file.read(Compression.magicSize, at: 0), Compression(magic: magic) != .none
    else { return nil }
    return try StreamedContent(file, memoryLimit: memoryLimit)
  }

  /// What lies in a file, from its first byte on.
  private convenience init(_ file: DataFile, memoryLimit: Int64) throws(TarError) {
    let position = Atomic<Int64>(0)
    try unsafe self.init(file.path, memoryLimit: memoryLimit, of: file) { buffer in
      guard !Task.isCancelled else { throw FileError.cancelled }
      let count = try unsafe file.read(into: buffer, at: position.load(ordering: .relaxed))
      position.wrappingAdd(Int64(count), ordering: .relaxed)
      return count
    }
  }

  /// How many bytes of it have come so far, as they lie there: compressed, where it is.
  public var taken: Int64 { input.withLock { $0.taken } }

  /// How many bytes it takes up as it lies there; of what comes through a pipe, what has come so far.
  public var storedSize: Int64 { file.flatMap { try? $0.size() } ?? taken }

  /// Whether it can be read more than once: it lies in a file.
  public var isRepeatable: Bool { file != nil }

  /// The same content from its first byte on; nil where that has passed for good.
  public func again() throws(TarError) -> StreamedContent? {
    guard let file else { return nil }
    return try StreamedContent(file, memoryLimit: memoryLimit)
  }

  /// Fills `buffer` with the next bytes; fewer only at the end, which is checked where the content is compressed.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TarError) -> Int {
    do {
      return try input.withLock { input in
        try unsafe Pieces.fill(buffer) { try unsafe input.read(into: $0) }
      }
    } catch {
      throw TarError.of(error).located(in: path)
    }
  }

  /// Whether what was laid down is compressed content that ended too early: it may look like the whole.
  public var isCut: Bool { cut.load(ordering: .relaxed) }

  /// Lays what is left down in a file of `directory` that has no name, behind what came of it before, if `front` has that; as
  /// long as `reserve` bytes are left on the disk. Of what ends too early it lays down what came (``isCut``). Throws
  /// ``FileError/noSpace(path:needed:available:code:)``.
  public func spooled(
    in directory: String, after front: ContentFront? = nil, leaving reserve: Int64 = 0
  ) throws(TarError) -> DataFile {
    var spool = try TarError.wrapping { () throws(FileError) in try Spool.create(in: directory, called: path)
    }
    var taken: Int64 = 0
    let known = front?.count ?? 0
    let pieceSize = compression == .none ? Self.spoolPieceSize : Self.unpackedPieceSize
    try unsafe Pieces.forEach(of: pieceSize) { (buffer) throws(TarError) in
      guard let front, taken < known else { return try unsafe readToCut(into: buffer) }
      let count = Int(min(Int64(buffer.count), known - taken))
      let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      let offset = taken
      taken += Int64(count)
      return try TarError.wrapping { () throws(FileError) in try unsafe front.read(into: part, at: offset) }
    } _: { (piece) throws(TarError) in
      try TarError.wrapping { () throws(FileError) in
        try FreeSpace.expect(Int64(piece.byteCount) + reserve, at: directory, unless: reserve == 0)
        try spool.append(piece)
      }
    }
    return spool.file
  }

  private static let spoolPieceSize = 1 << 20
  /// What is unpacked together is lost together where it is cut.
  private static let unpackedPieceSize = 64 << 10

  /// Puts the next bytes into `buffer`; 0 only at the end, or where the content is cut.
  private func readToCut(into buffer: UnsafeMutableRawBufferPointer) throws(TarError) -> Int {
    do {
      return try input.withLock { try unsafe $0.read(into: buffer) }
    } catch TarError.cutStream {
      cut.store(true, ordering: .relaxed)
      return 0
    } catch {
      throw TarError.of(error).located(in: path)
    }
  }
}

extension DecompressedInput {
  /// Content whose first bytes were read already.
  fileprivate convenience init(
    _ compression: Compression, memoryLimit: Int64, beginningWith start: [UInt8],
    then source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws {
    var start = start[...]
    try unsafe self.init(compression, memoryLimit: memoryLimit) { buffer in
      guard !start.isEmpty else { return try unsafe source(buffer) }
      let part = start.prefix(buffer.count)
      unsafe buffer.copyBytes(from: part)
      start = start.dropFirst(part.count)
      return part.count
    }
  }
}
