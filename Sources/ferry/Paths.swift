import FoundationEssentials
import Glibc

/// What a path given by the user is.
enum Paths {
  static func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }

  /// Whether its group or everybody may read the plain file at `path`.
  static func isReadableByOthers(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return status.st_mode & 0o044 != 0
  }
}
