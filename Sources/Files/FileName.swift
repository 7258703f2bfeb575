private import CLinux
import Glibc

/// Gives files their names, and makes names durable. Names are relative to an open `directory`, or to the working
/// directory.
enum FileName {
  /// Gives a file another name in the same directory. Throws ``FileError/exists(path:)`` when the name is taken and
  /// `replacing` is false; errors call it `path`.
  static func change(
    _ former: String, to name: String, in directory: Int32 = AT_FDCWD, replacing: Bool,
    called path: String? = nil
  ) throws(FileError) {
    let path = path ?? name
    guard !replacing else {
      guard unsafe renameat(directory, former, directory, name) == 0 else {
        throw .file(.rename, path: path, code: errno)
      }
      return
    }
    guard unsafe renameat2(directory, former, directory, name, clinux_no_replace) != 0 else { return }
    guard errno == EINVAL || errno == ENOSYS else { throw failure(path, code: errno) }
    // NFS and some FUSE file systems know no such rename; a hard link never replaces either.
    if unsafe linkat(directory, former, directory, name, 0) == 0 {
      guard unsafe unlinkat(directory, former, 0) == 0 else {
        throw .file(.remove, path: former, code: errno)
      }
      return
    }
    guard errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS else { throw failure(path, code: errno) }
    guard FileStatus(named: name, in: directory) == nil else { throw .exists(path: path) }
    guard unsafe renameat(directory, former, directory, name) == 0 else {
      throw .file(.rename, path: path, code: errno)
    }
  }

  private static func failure(_ path: String, code: Int32) -> FileError {
    code == EEXIST ? .exists(path: path) : .file(.rename, path: path, code: code)
  }

  /// Makes the names in the directory that holds `path` durable.
  static func synchronizeDirectory(of path: String) throws(FileError) {
    let directory = DataFile.directory(of: path)
    let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unsynchronized(directory, code: errno) }
    defer { close(descriptor) }
    try synchronize(descriptor, called: directory)
  }

  /// Nobody has named the directory: it is called by its whole path.
  private static func unsynchronized(_ directory: String, code: Int32) -> FileError {
    .file(.synchronizeNames, path: DirectoryListing.canonical(directory) ?? directory, code: code)
  }

  /// Makes the names in an open directory durable.
  static func synchronize(_ directory: Int32, called path: String) throws(FileError) {
    // Some file systems cannot sync a directory and say EINVAL; then there is nothing to wait for.
    guard DataFile.repeating({ fsync(directory) }) == 0 || errno == EINVAL else {
      throw unsynchronized(path, code: errno)
    }
  }
}
