import Glibc

/// One open file, read and written at offsets from any number of threads.
///
/// Every call loops over short counts and interrupts, and throws ``ArchiveError`` with path and errno.
public final class DataFile: RandomAccess {
  public let path: String
  /// Open until the last reference is gone.
  public let descriptor: Int32

  init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens a plain file for reading. Never waits: a pipe without a writer is refused like any other.
  /// Without `following`, a symbolic link is no plain file.
  public static func open(reading path: String, following: Bool = true) throws(ArchiveError) -> DataFile {
    try open(path, flags: O_RDONLY | O_NONBLOCK | (following ? 0 : O_NOFOLLOW))
  }

  /// Opens a plain file of Ferry's own for reading and writing and makes it where it is missing; what it holds stays.
  /// A symbolic link is not followed; what is made `privately` only its owner may read. Throws
  /// ``ArchiveError/exists(path:)`` when `exclusive` and it is there, and ``ArchiveError/foreign(path:_:)`` when what is
  /// there is not this user's alone; with `replacing` that gives way, and keeps its other names.
  public static func create(
    _ path: String, exclusive: Bool = false, privately: Bool = false, replacing: Bool = false
  ) throws(ArchiveError) -> DataFile {
    let mode: mode_t = privately ? 0o600 : 0o644
    let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
    // Names come and go while others work there.
    for _ in 0..<8 {
      do throws(ArchiveError) {
        return try open(path, flags: flags | O_CREAT | O_EXCL, mode: mode)
      } catch .exists(let path) {
        if exclusive { throw .exists(path: path) }
      }
      do throws(ArchiveError) {
        let file = try open(path, flags: flags)
        guard let reason = try file.foreignness() else { return file }
        guard replacing, unsafe unlink(path) == 0 else { throw .foreign(path: path, reason) }
      } catch .file(.open, _, ENOENT) {
        continue
      }
    }
    throw .exists(path: path)
  }

  private static func open(
    _ path: String, flags: Int32, mode: mode_t = 0
  ) throws(ArchiveError) -> DataFile {
    var descriptor: Int32
    repeat {
      descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else {
      let code = errno
      if code == EEXIST { throw .exists(path: path) }
      if code == EISDIR || code == ELOOP { throw .notAFile(path: path) }
      throw .file(.open, path: path, code: code)
    }
    let file = DataFile(path: path, descriptor: descriptor)
    guard try file.status().isPlain else { throw .notAFile(path: path) }
    return file
  }

  /// Opens a named pipe for reading, without waiting for its writer.
  static func open(pipe path: String) throws(ArchiveError) -> DataFile {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(.open, path: path, code: errno) }
    return DataFile(path: path, descriptor: descriptor)
  }

  func status() throws(ArchiveError) -> FileStatus { try FileStatus(of: descriptor, path: path) }

  /// In bytes.
  public func size() throws(ArchiveError) -> Int64 { try status().size }

  /// Fills `buffer` from `offset` on; fewer bytes only at the file's end, none beyond it.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ArchiveError) -> Int {
    var done = 0
    while done < buffer.count {
      let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let (position, overflow) = offset.addingReportingOverflow(Int64(done))
      guard !overflow, position >= 0 else { throw .file(.read, path: path, code: EINVAL) }
      let count = unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(position))
      if count < 0 {
        if errno == EINTR { continue }
        throw .file(.read, path: path, code: errno)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Writes all of `bytes` at `offset`.
  public func write(_ bytes: RawSpan, at offset: Int64) throws(ArchiveError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(ArchiveError) in
      var done = 0
      while done < buffer.count {
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
        let (position, overflow) = offset.addingReportingOverflow(Int64(done))
        guard !overflow, position >= 0 else { throw .file(.write, path: path, code: EINVAL) }
        let count = unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(position))
        if count < 0 {
          if errno == EINTR { continue }
          throw failure(.write, code: errno)
        }
        done += count
      }
    }
  }

  /// An error of writing: a full disk has a case of its own.
  func failure(_ operation: FileOperation, code: Int32, needed: Int64? = nil) -> ArchiveError {
    guard code == ENOSPC || code == EDQUOT else { return .file(operation, path: path, code: code) }
    return .noSpace(path: path, needed: needed, available: try? FreeSpace(at: path).available, code: code)
  }
}
