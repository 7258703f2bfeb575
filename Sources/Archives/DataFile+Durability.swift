private import CArchive
import Glibc

/// Space before writing, and certainty after it.
extension DataFile {
  /// Makes the file `size` bytes long with the space for it set aside. Where the file system cannot set
  /// space aside the file only gets its length. Throws ``ArchiveError/noSpace(path:needed:available:code:)``.
  public func reserve(_ size: Int64) throws(ArchiveError) {
    // Asked first: an attempt that must fail would still take all there is for a moment.
    let status = try status()
    if let available = try? FreeSpace(at: path).available, size - status.allocated > available {
      throw .noSpace(path: path, needed: size, available: available, code: ENOSPC)
    }
    try truncate(to: size)
    guard size > 0 else { return }
    var result: Int32
    // Not posix_fallocate: where the file system cannot, glibc writes every block instead.
    repeat { result = fallocate(descriptor, 0, 0, off_t(size)) } while result != 0 && errno == EINTR
    guard result != 0 else { return }
    let code = errno
    guard code != EOPNOTSUPP, code != ENOSYS else { return }
    throw failure(.reserve, code: code, needed: size)
  }

  /// Cuts or lengthens the file.
  public func truncate(to size: Int64) throws(ArchiveError) {
    guard Self.repeating({ ftruncate(descriptor, off_t(size)) }) == 0 else {
      throw failure(.truncate, code: errno, needed: size)
    }
  }

  /// What `call` returns once no signal interrupts it.
  private static func repeating(_ call: () -> Int32) -> Int32 {
    var result: Int32
    repeat { result = call() } while result != 0 && errno == EINTR
    return result
  }

  /// Asks the system to begin writing a range to the disk, so that ``synchronize()`` has less to wait for.
  /// Only a hint: it cannot fail.
  public func startWriteback(offset: Int64, count: Int64) {
    _ = sync_file_range(descriptor, off_t(offset), off_t(count), carchive_start_write)
  }

  /// Returns when what was written can be read from the disk, whatever else the system keeps of a file.
  public func synchronizeData() throws(ArchiveError) {
    guard Self.repeating({ fdatasync(descriptor) }) == 0 else { throw failure(.synchronize, code: errno) }
  }

  /// Returns when everything written is on the disk.
  public func synchronize() throws(ArchiveError) {
    guard Self.repeating({ fsync(descriptor) }) == 0 else { throw failure(.synchronize, code: errno) }
  }

  /// Lets go of what the system keeps of the file in memory, but for what is not yet on the disk. Only a hint: it
  /// cannot fail.
  func dropCached() { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) }

  /// Returns when the file's name is on the disk.
  public func synchronizeName() throws(ArchiveError) { try Self.synchronizeDirectory(of: path) }

  /// Gives the file its final name in the same directory and makes that durable too. Throws
  /// ``ArchiveError/exists(path:)`` when the name is taken and `replacing` is false.
  public func publish(as name: String, replacing: Bool) throws(ArchiveError) {
    try Self.rename(path, to: name, replacing: replacing)
    try Self.synchronizeDirectory(of: name)
  }

  /// Gives a file another name in the same directory.
  static func rename(_ path: String, to name: String, replacing: Bool) throws(ArchiveError) {
    if replacing {
      guard unsafe Glibc.rename(path, name) == 0 else { throw .file(.rename, path: name, code: errno) }
    } else {
      try renameWithoutReplacing(path, to: name)
    }
  }

  /// Takes the file's name away, unless that is another file's by now.
  public func remove() {
    guard (try? hasName()) == true else { return }
    unsafe unlink(path)
  }

  private static func renameWithoutReplacing(_ path: String, to name: String) throws(ArchiveError) {
    guard unsafe renameat2(AT_FDCWD, path, AT_FDCWD, name, carchive_no_replace) != 0 else { return }
    guard errno == EINVAL || errno == ENOSYS else { throw renaming(name, code: errno) }
    // NFS and some FUSE file systems know no such rename; a hard link never replaces either.
    if unsafe link(path, name) == 0 {
      guard unsafe unlink(path) == 0 else { throw .file(.remove, path: path, code: errno) }
      return
    }
    guard errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS else {
      throw renaming(name, code: errno)
    }
    guard !exists(name) else { throw .exists(path: name) }
    guard unsafe Glibc.rename(path, name) == 0 else { throw .file(.rename, path: name, code: errno) }
  }

  private static func renaming(_ name: String, code: Int32) -> ArchiveError {
    code == EEXIST ? .exists(path: name) : .file(.rename, path: name, code: code)
  }

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

  /// Makes the names in the directory that holds `path` durable.
  static func synchronizeDirectory(of path: String) throws(ArchiveError) {
    let directory = directory(of: path)
    let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(.synchronize, path: directory, code: errno) }
    defer { close(descriptor) }
    // Some file systems cannot sync a directory and say EINVAL; then there is nothing to wait for.
    guard repeating({ fsync(descriptor) }) == 0 || errno == EINVAL else {
      throw .file(.synchronize, path: directory, code: errno)
    }
  }

  /// The directory that holds `path`, as its text says.
  public static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    let directory = path[..<slash]
    return directory.isEmpty ? "/" : String(directory)
  }
}
