import Archives
import FoundationEssentials
import Glibc

/// What a path given by the user is.
enum Paths {
  /// Where Ferry keeps what one run leaves for the next when no other place can be written (XDG Base Directory
  /// Specification); nil when there is no home.
  static func stateDirectory(_ environment: [String: String]) -> String? {
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return "\(state)/ferry" }
    return environment["HOME"].flatMap { $0.hasPrefix("/") ? "\($0)/.local/state/ferry" : nil }
  }

  static func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }

  /// Whether both paths lead to one file, by links of either kind too, or will.
  static func areSame(_ one: String, _ other: String) -> Bool {
    one == other || FileIdentity(of: one).map { $0 == FileIdentity(of: other) } ?? false
  }

  /// Whether something is there that is neither a plain file nor a directory: a device, a pipe.
  static func isSpecial(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return false }
    return status.st_mode & S_IFMT != S_IFREG && status.st_mode & S_IFMT != S_IFDIR
  }

  /// Whether its group or everybody may read the plain file at `path`.
  static func isReadableByOthers(_ path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return status.st_mode & 0o044 != 0
  }
}
