private import CArchive
import Glibc

/// Passing content laid down, so that it can be read at any place.
extension DataFile {
  private static let pieceSize = 1 << 20

  /// Copies what is left of `content` into a file of `directory` that has no name: its space is free again when it is
  /// closed, however that comes about. Throws ``ArchiveError/noSpace(path:needed:available:code:)``.
  public static func spooling(
    _ content: PassingContent, in directory: String
  ) throws(ArchiveError) -> DataFile {
    let file = try nameless(in: directory, called: content.path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceSize, alignment: 16)
    defer { unsafe buffer.deallocate() }
    var position: Int64 = 0
    while true {
      let count = try unsafe content.read(into: buffer)
      guard count > 0 else { return file }
      let piece = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
      do {
        try unsafe file.write(piece.bytes, at: position)
      } catch .noSpace(_, _, _, let code) {
        let available = try? FreeSpace(at: directory).available
        throw .noSpace(path: directory, needed: nil, available: available, code: code)
      } catch .file(.write, _, let code) {
        throw .file(.write, path: directory, code: code)
      }
      file.startWriteback(offset: position, count: Int64(count))
      position += Int64(count)
    }
  }

  /// A new file in `directory` that only this process can reach. Errors about it call it `path`.
  private static func nameless(in directory: String, called path: String) throws(ArchiveError) -> DataFile {
    let descriptor = unsafe Glibc.open(directory, carchive_nameless | O_RDWR | O_CLOEXEC, mode_t(0o600))
    if descriptor >= 0 { return DataFile(path: path, descriptor: descriptor) }
    let code = errno
    // Kernels and file systems that know no such files say one of these (open(2), "O_TMPFILE").
    guard code == EOPNOTSUPP || code == EISDIR || code == EINVAL else {
      throw .file(.open, path: directory, code: code)
    }
    return try unlinked(in: directory, called: path)
  }

  /// The same with means that every file system has: the name is gone before anything is written.
  static func unlinked(in directory: String, called path: String) throws(ArchiveError) -> DataFile {
    for _ in 0..<64 {
      let name = "\(directory)/.ferry-spool-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
      let descriptor = unsafe Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(0o600))
      if descriptor >= 0 {
        _ = unsafe unlink(name)
        return DataFile(path: path, descriptor: descriptor)
      }
      guard errno == EEXIST || errno == EINTR else { break }
    }
    throw .file(.open, path: directory, code: errno)
  }
}
