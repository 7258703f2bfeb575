import Glibc

/// Which file a path leads to, whatever it is called there: two paths of one identity are one file, by links of either
/// kind too. Of what is not there yet it is the directory that would hold it, and its name.
public struct FileIdentity: Hashable, Sendable {
  private let device: UInt64
  private let inode: UInt64
  /// Of what is not there yet.
  private let name: String?

  /// nil when neither the file nor its directory can be had.
  public init?(of path: String) {
    if let status = FileStatus.reached(by: path) {
      self.init(status)
      return
    }
    guard let directory = FileStatus.reached(by: DataFile.directory(of: path)), directory.isDirectory,
      let name = path.split(separator: "/").last
    else { return nil }
    self.init(directory, name: String(name))
  }

  /// Of a plain file that is open; nil for a pipe, a terminal, a device, or when nothing is open there.
  public init?(descriptor: Int32) {
    guard let status = try? FileStatus(of: descriptor, path: ""), status.isPlain else { return nil }
    self.init(status)
  }

  /// Of a file that is there.
  init(_ status: FileStatus) { self.init(status, name: nil) }

  private init(_ status: FileStatus, name: String?) {
    device = status.device
    inode = status.inode
    self.name = name
  }
}
