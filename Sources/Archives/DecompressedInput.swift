/// Decompresses as it is read: the other way round than ``Decompressor``, for whoever asks for bytes.
///
/// `@unchecked Sendable`: it may go from thread to thread, and is used by one at a time.
final class DecompressedInput: @unchecked Sendable {
  @safe private enum Engine {
    case plain((UnsafeMutableRawBufferPointer) throws -> Int)
    case gzip(GzipReader)
    case filter(FilterReader)
  }

  private let engine: Engine

  /// Reads with `source`, which fills the buffer it is given as far as it can and returns 0 at the end.
  init(
    _ compression: Compression, from source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws {
    engine =
      switch compression {
      case .none: unsafe .plain(source)
      case .gzip: .gzip(try unsafe GzipReader(source))
      case .zstd, .xz: .filter(unsafe FilterReader(compression, source))
      }
  }

  /// Puts the next bytes into `buffer`; 0 only at the end, which is checked. Throws ``ArchiveError`` and what
  /// the source throws.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    switch engine {
    case .plain(let source): try unsafe min(source(buffer), buffer.count)
    case .gzip(let reader): try unsafe reader.read(into: buffer)
    case .filter(let reader): try unsafe reader.read(into: buffer)
    }
  }
}
