import Glibc

/// What lies in a directory.
public enum DirectoryListing {
  /// The names in the directory at `path`, sorted, without `.` and `..`; names that are no UTF-8 are left out.
  /// `path` may be a link to it if that `follows`. Throws ``ArchiveError/file(_:path:code:)``, and
  /// ``ArchiveError/tooManyEntries(path:limit:)`` beyond `limit`.
  public static func names(
    in path: String, follows: Bool = true, limit: Int = .max
  ) throws(ArchiveError) -> [String] {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW)
    let descriptor = unsafe Glibc.open(path, flags)
    guard descriptor >= 0 else { throw .file(.open, path: path, code: errno) }
    guard let directory = unsafe fdopendir(descriptor) else {
      let code = errno
      close(descriptor)
      throw .file(.open, path: path, code: code)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(directory) else { break }
      let name = unsafe withUnsafePointer(to: entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
      }
      guard let name, name != ".", name != ".." else { continue }
      guard names.count < limit else { throw .tooManyEntries(path: path, limit: limit) }
      names.append(name)
    }
    guard errno == 0 else { throw .file(.read, path: path, code: errno) }
    return names.sorted()
  }

  /// The one path of a file or directory that leads through no link; nil when nothing is there.
  public static func canonical(_ path: String) -> String? {
    guard let full = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(full) }
    return unsafe String(cString: full)
  }
}
