private import CLinux
import Glibc

/// A file without a name in which bytes that come once are laid down, so that they can be read at any place: its space is
/// free again when it is closed, however that comes about.
public struct Spool: Sendable {
  /// What was laid down. Errors about it call it what the content is called.
  public let file: DataFile
  private let directory: String
  /// Where the next bytes go.
  private var end: Int64 = 0
  /// Up to where the system was told to write.
  private var told: Int64 = 0

  /// Less than that is not worth telling the system of, in bytes.
  private static let writebackSize: Int64 = 64 << 10

  /// A new file in `directory` that only this process can reach. Errors about it call it `path`.
  public static func create(in directory: String, called path: String) throws(FileError) -> Spool {
    let descriptor = unsafe Glibc.open(directory, clinux_nameless | O_RDWR | O_CLOEXEC, mode_t(0o600))
    if descriptor >= 0 {
      return Spool(file: DataFile(path: path, descriptor: descriptor), directory: directory)
    }
    let code = errno
    // Kernels and file systems that know no such files say one of these (open(2), "O_TMPFILE").
    guard code == EOPNOTSUPP || code == EISDIR || code == EINVAL else {
      throw .file(.open, path: directory, code: code)
    }
    return try unlinked(in: directory, called: path)
  }

  /// The same with means that every file system has: the name is gone before anything is written.
  static func unlinked(in directory: String, called path: String) throws(FileError) -> Spool {
    for _ in 0..<64 {
      let name = "\(directory)/.ferry-spool-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
      let descriptor = unsafe Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(0o600))
      if descriptor >= 0 {
        guard unsafe unlink(name) == 0 else {
          let code = errno
          close(descriptor)
          throw .file(.remove, path: name, code: code)
        }
        return Spool(file: DataFile(path: path, descriptor: descriptor), directory: directory)
      }
      guard errno == EEXIST || errno == EINTR else { break }
    }
    throw .file(.open, path: directory, code: errno)
  }

  private init(file: DataFile, directory: String) {
    self.file = file
    self.directory = directory
  }

  /// Lays `bytes` down behind those before. Throws ``FileError/noSpace(path:needed:available:code:)``.
  public mutating func append(_ bytes: RawSpan) throws(FileError) {
    do {
      try file.write(bytes, at: end)
    } catch .noSpace(_, _, _, let code) {
      let available = try? FreeSpace(at: directory).available
      throw .noSpace(path: directory, needed: nil, available: available, code: code)
    } catch .file(.write, _, let code) {
      throw .file(.write, path: directory, code: code)
    }
    end += Int64(bytes.byteCount)
    guard end - told >= Self.writebackSize else { return }
    file.startWriteback(offset: told, count: end - told)
    told = end
  }
}
