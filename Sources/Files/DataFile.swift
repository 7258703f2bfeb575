private import CLinux
import Glibc

/// One open file, read and written at offsets from any number of threads.
///
/// Every call loops over short counts and interrupts, and throws ``FileError`` with path and errno.
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
  public static func open(reading path: String, following: Bool = true) throws(FileError) -> DataFile {
    try open(path, flags: O_RDONLY | O_NONBLOCK | (following ? 0 : O_NOFOLLOW))
  }

  /// Opens a plain file of Ferry's own for reading and writing and makes it where it is missing; what it holds stays.
  /// A symbolic link is not followed; what is made `privately` only its owner may read. Throws
  /// ``FileError/exists(path:)`` when `exclusive` and it is there, and ``FileError/foreign(path:_:)`` when what is
  /// there is not this user's alone; with `replacing` that gives way, and keeps its other names.
  public static func create(
    _ path: String, exclusive: Bool = false, privately: Bool = false, replacing: Bool = false
  ) throws(FileError) -> DataFile {
    let mode: mode_t = privately ? 0o600 : 0o644
    let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK
    // Names come and go while others work there.
    for _ in 0..<8 {
      do throws(FileError) {
        return try open(path, flags: flags | O_CREAT | O_EXCL, mode: mode)
      } catch .exists(let path) {
        if exclusive { throw .exists(path: path) }
      }
      do throws(FileError) {
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
  ) throws(FileError) -> DataFile {
    let descriptor = repeating { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) }
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

  func status() throws(FileError) -> FileStatus { try FileStatus(of: descriptor, path: path) }

  /// In bytes.
  public func size() throws(FileError) -> Int64 { try status().size }

  /// Whether it is known to hold nothing.
  public var isEmpty: Bool { (try? size()) == 0 }

  /// Fills `buffer` from `offset` on; fewer bytes only at the file's end, none beyond it.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
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
  public func write(_ bytes: RawSpan, at offset: Int64) throws(FileError) {
    try unsafe bytes.withUnsafeBytes { (buffer) throws(FileError) in
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
  func failure(_ operation: FileOperation, code: Int32, needed: Int64? = nil) -> FileError {
    guard code == ENOSPC || code == EDQUOT else { return .file(operation, path: path, code: code) }
    return .noSpace(path: path, needed: needed, available: try? FreeSpace(at: path).available, code: code)
  }
}

/// Space before writing, and certainty after it.
extension DataFile {
  /// Makes the file `size` bytes long with the space for it set aside. Where the file system cannot set
  /// space aside the file only gets its length. Throws ``FileError/noSpace(path:needed:available:code:)``.
  public func reserve(_ size: Int64) throws(FileError) {
    // Asked first: an attempt that must fail would still take all there is for a moment.
    let status = try status()
    if let available = try? FreeSpace(at: path).available, size - status.allocated > available {
      throw .noSpace(path: path, needed: size, available: available, code: ENOSPC)
    }
    try truncate(to: size)
    guard size > 0 else { return }
    // Not posix_fallocate: where the file system cannot, glibc writes every block instead.
    guard DataFile.repeating({ fallocate(descriptor, 0, 0, off_t(size)) }) != 0 else { return }
    let code = errno
    guard code != EOPNOTSUPP, code != ENOSYS else { return }
    throw failure(.reserve, code: code, needed: size)
  }

  /// Cuts or lengthens the file.
  public func truncate(to size: Int64) throws(FileError) {
    guard DataFile.repeating({ ftruncate(descriptor, off_t(size)) }) == 0 else {
      throw failure(.truncate, code: errno, needed: size)
    }
  }

  /// What `call` returns once no signal interrupts it: below 0 it failed.
  static func repeating(_ call: () -> Int32) -> Int32 {
    var result: Int32
    repeat { result = call() } while result < 0 && errno == EINTR
    return result
  }

  /// Asks the system to begin writing a range to the disk, so that ``synchronize()`` has less to wait for.
  /// Only a hint: it cannot fail.
  public func startWriteback(offset: Int64, count: Int64) {
    _ = sync_file_range(descriptor, off_t(offset), off_t(count), clinux_start_write)
  }

  /// Returns when what was written can be read from the disk, whatever else the system keeps of a file.
  public func synchronizeData() throws(FileError) {
    guard DataFile.repeating({ fdatasync(descriptor) }) == 0 else { throw failure(.synchronize, code: errno) }
  }

  /// Returns when everything written is on the disk.
  public func synchronize() throws(FileError) {
    guard DataFile.repeating({ fsync(descriptor) }) == 0 else { throw failure(.synchronize, code: errno) }
  }

  /// Lets go of what the system keeps of the file in memory, but for what is not yet on the disk. Only a hint: it
  /// cannot fail.
  func dropCached() { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

  /// Returns when the file's name is on the disk.
  public func synchronizeName() throws(FileError) { try FileName.synchronizeDirectory(of: path) }

  /// Gives the file its final name in the same directory and makes that durable too. Throws
  /// ``FileError/exists(path:)`` when the name is taken and `replacing` is false.
  public func publish(as name: String, replacing: Bool) throws(FileError) {
    try FileName.change(path, to: name, replacing: replacing)
    try FileName.synchronizeDirectory(of: name)
  }

  /// Whether the file still bears its name.
  func hasName() throws(FileError) -> Bool {
    let own = try status()
    guard let named = FileStatus(named: path) else { return false }
    return named.inode == own.inode && named.device == own.device
  }

  /// Takes the file's name away, unless that is another file's by now.
  public func remove() {
    guard (try? hasName()) == true else { return }
    unsafe unlink(path)
  }
}

/// What a path leads to.
extension DataFile {
  /// Whether there is anything of that name, a dangling link included.
  public static func exists(_ path: String) -> Bool { FileStatus(named: path) != nil }

  /// Whether `path` is a plain file itself, and no link, directory, pipe or device.
  public static func isPlain(_ path: String) -> Bool { FileStatus(named: path)?.isPlain ?? false }

  /// Whether `path` is a directory, or a symbolic link to one.
  public static func isDirectory(_ path: String) -> Bool {
    // A last slash makes the system follow a link; alone it is another directory.
    !path.isEmpty
      && FileStatus(named: path.hasSuffix("/") ? path : path + "/")?.isDirectory ?? false
  }

  /// The directory that holds `path`, as its text says.
  public static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    let directory = path[..<slash]
    return directory.isEmpty ? "/" : String(directory)
  }
}
