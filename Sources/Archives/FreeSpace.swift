import Glibc

/// What a file system has left.
public struct FreeSpace: Hashable, Sendable {
  /// What an ordinary user may still write, in bytes.
  public let available: Int64

  /// Asks the file system that holds `path`, an existing file or directory.
  public init(at path: String) throws(ArchiveError) {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { throw .file(.inspect, path: path, code: errno) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    available = overflow ? .max : Int64(clamping: bytes)
  }

  /// What the file at `path` takes up on its disk, in bytes; 0 when there is none.
  public static func taken(by path: String) -> Int64 { FileStatus(named: path)?.allocated ?? 0 }
}
