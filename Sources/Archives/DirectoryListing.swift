import Glibc

/// What lies in a directory.
public enum DirectoryListing {
  /// The names in the directory at `path`, sorted, without `.` and `..`; names that are no UTF-8 are left out.
  /// Throws ``ArchiveError/file(_:path:code:)``.
  public static func names(in path: String) throws(ArchiveError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw .file(.open, path: path, code: errno) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(directory) else { break }
      let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      if let name, name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw .file(.read, path: path, code: errno) }
    return names.sorted()
  }

  /// Whether `path` is a directory, or a link to one.
  public static func isDirectory(_ path: String) -> Bool {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
  }

  /// The one path of a file or directory that leads through no link; nil when nothing is there.
  public static func canonical(_ path: String) -> String? {
    guard let full = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(full) }
    return unsafe String(cString: full)
  }
}
