import Glibc
import Synchronization

/// Content that comes once, from its first byte to its last: through a pipe, or out of a compressed file. What is
/// compressed, by its first bytes, is decompressed on the way.
public final class PassingContent: Sendable {
  /// What errors call it.
  public let path: String
  public let compression: Compression
  private let input: Mutex<DecompressedInput>

  /// How standard input is written as an archive's path.
  public static let standardInput = "-"
  private static let nameOfStandardInput = "standard input"

  /// Content that `source` gives: at most as many bytes as a buffer holds, 0 only at the end. Throws what it throws
  /// if that is an ``ArchiveError``.
  public init(
    _ path: String, from source: @escaping @Sendable (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws(ArchiveError) {
    self.path = path
    do {
      var magic: [UInt8] = []
      while magic.count < Compression.magicSize {
        var more = [UInt8](repeating: 0, count: Compression.magicSize - magic.count)
        let count = try unsafe more.withUnsafeMutableBytes { try unsafe source($0) }
        guard count > 0 else { break }
        magic += more.prefix(count)
      }
      compression = Compression(magic: magic)
      input = Mutex(try unsafe DecompressedInput(compression, beginningWith: magic, then: source))
    } catch {
      throw Self.archiveError(error)
    }
  }

  /// Opens what cannot be read in place: standard input (`-`), a named pipe, a compressed file. nil for all else,
  /// what is not there included.
  public static func open(_ path: String) throws(ArchiveError) -> PassingContent? {
    if path == standardInput {
      let stream = InputStream(descriptor: STDIN_FILENO, name: nameOfStandardInput)
      return try unsafe PassingContent(stream.name, from: { try unsafe stream.read(into: $0) })
    }
    if FileStatus.isPipe(path) {
      let pipe = try DataFile.open(pipe: path)
      let stream = InputStream(descriptor: pipe.descriptor, name: path)
      return try unsafe PassingContent(path) { [pipe] buffer in
        try withExtendedLifetime(pipe) { try unsafe stream.read(into: buffer) }
      }
    }
    guard let file = try? DataFile.open(reading: path),
      let magic = try? file.read(Compression.magicSize, at: 0), Compression(magic: magic) != .none
    else { return nil }
    let position = Atomic<Int64>(0)
    return try unsafe PassingContent(path) { buffer in
      guard !Task.isCancelled else { throw ArchiveError.cancelled }
      let count = try unsafe file.read(into: buffer, at: position.load(ordering: .relaxed))
      position.wrappingAdd(Int64(count), ordering: .relaxed)
      return count
    }
  }

  /// Fills `buffer` with the next bytes; fewer only at the end, which is checked where the content is compressed.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    do {
      return try input.withLock { input in
        var done = 0
        while done < buffer.count {
          let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
          let count = try unsafe input.read(into: rest)
          guard count > 0 else { break }
          done += count
        }
        return done
      }
    } catch {
      throw Self.archiveError(error)
    }
  }

  /// The sources throw nothing else.
  private static func archiveError(_ error: any Error) -> ArchiveError {
    error as? ArchiveError ?? .library("\(error)")
  }
}

extension DecompressedInput {
  /// Content whose first bytes were read already.
  fileprivate convenience init(
    _ compression: Compression, beginningWith start: [UInt8],
    then source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws {
    var start = start[...]
    try unsafe self.init(compression) { buffer in
      guard !start.isEmpty else { return try unsafe source(buffer) }
      let part = start.prefix(buffer.count)
      unsafe buffer.copyBytes(from: part)
      start = start.dropFirst(part.count)
      return part.count
    }
  }
}
