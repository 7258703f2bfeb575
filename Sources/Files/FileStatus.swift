private import CLinux
import Glibc

/// What the system knows of a file.
struct FileStatus: Hashable, Sendable {
  let isPlain: Bool
  let isDirectory: Bool
  /// Whether it is a symbolic link itself.
  let isLink: Bool
  /// In bytes.
  let size: Int64
  /// What it takes up on the disk, in bytes.
  let allocated: Int64
  /// When its content was last changed, in nanoseconds since 1970.
  let modified: Int64
  let device: UInt64
  let inode: UInt64
  let owner: UInt32
  /// How many names it has.
  let links: UInt64
  /// The mode's bits for reading, writing and running.
  let permissions: UInt32

  init(of descriptor: Int32, path: String) throws(FileError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .file(.inspect, path: path, code: errno) }
    self.init(status)
  }

  /// What bears the name in the open `directory`, without following it if it is a symbolic link; nil when nothing does.
  init?(named path: String, in directory: Int32 = AT_FDCWD) {
    var status = stat()
    guard unsafe fstatat(directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    self.init(status)
  }

  /// Whether `path` leads to a named pipe, as those of `<(…)` and `/dev/stdin` are.
  static func isPipe(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }

  /// Whether the file's file system gives a file another inode once it was closed for a while, as FAT, exFAT, SMB and what
  /// is in user space do (linux/magic.h has the numbers).
  static func losesInodes(_ file: DataFile) -> Bool {
    let kinds: Set<UInt> = [0x4d44, 0x2011_bab0, 0xff53_4d42, 0xfe53_4d42, 0x517b, 0x6573_5546]
    return withExtendedLifetime(file) { kinds.contains(UInt(clinux_file_system(file.descriptor))) }
  }

  private init(_ status: stat) {
    isPlain = status.st_mode & S_IFMT == S_IFREG
    isDirectory = status.st_mode & S_IFMT == S_IFDIR
    isLink = status.st_mode & S_IFMT == S_IFLNK
    size = Int64(status.st_size)
    allocated = Int64(status.st_blocks).multipliedReportingOverflow(by: 512).partialValue
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    owner = UInt32(status.st_uid)
    links = UInt64(status.st_nlink)
    permissions = UInt32(status.st_mode) & 0o7777
  }

  /// What `path` leads to, through links too; nil when that is nothing.
  static func reached(by path: String) -> FileStatus? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return FileStatus(status)
  }
}

/// What a file system has left.
public struct FreeSpace: Hashable, Sendable {
  /// What an ordinary user may still write, in bytes.
  public let available: Int64

  /// Asks the file system that holds `path`, an existing file or directory.
  public init(at path: String) throws(FileError) {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { throw .file(.inspect, path: path, code: errno) }
    let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
    available = overflow ? .max : Int64(clamping: bytes)
  }

  /// Throws ``FileError/noSpace(path:needed:available:code:)`` where less than `needed` bytes are left at `directory`, unless
  /// that is of no matter.
  public static func expect(
    _ needed: Int64, at directory: String, unless isOfNoMatter: Bool = false
  ) throws(FileError) {
    guard !isOfNoMatter else { return }
    let available = try FreeSpace(at: directory).available
    guard available >= needed else {
      throw .noSpace(path: directory, needed: needed, available: available, code: ENOSPC)
    }
  }

  /// What the file at `path` takes up on its disk, in bytes; 0 when there is none.
  public static func taken(by path: String) -> Int64 { FileStatus(named: path)?.allocated ?? 0 }
}
