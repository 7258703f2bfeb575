import Glibc

/// One writer at a time.
extension DataFile {
  /// Opens a file as ``create(_:exclusive:privately:replacing:)`` does and locks it as long as it is open. Throws
  /// ``ArchiveError/locked(path:pid:)`` when another process, or this one, has it locked.
  public static func createLocked(
    _ path: String, privately: Bool = false, replacing: Bool = false
  ) throws(ArchiveError) -> DataFile {
    // The file may get its final name between the opening and the locking: then the lock is on another
    // file than the one that bears the name now.
    for _ in 0..<8 {
      let file = try create(path, privately: privately, replacing: replacing)
      try file.lock()
      if try file.hasName() { return file }
    }
    throw .locked(path: path, pid: nil)
  }

  private func lock() throws(ArchiveError) {
    var code = tryLock()
    // Who was just killed, or is a child between fork and exec, holds a lock for a moment longer.
    for _ in 0..<Self.patience where code == EWOULDBLOCK {
      usleep(20_000)
      code = tryLock()
    }
    guard code != 0 else { return }
    switch code {
    case EWOULDBLOCK: throw .locked(path: path, pid: lockHolder())
    // A file system without locks: two writers then cannot be told apart, as with any other tool.
    case ENOLCK, EOPNOTSUPP, ENOSYS: return
    default: throw .file(.lock, path: path, code: code)
    }
  }

  /// How often a held lock is tried again, 20 ms apart.
  private static let patience = 15

  /// 0, or what stands in the way: an errno.
  private func tryLock() -> Int32 {
    var result: Int32
    repeat { result = flock(descriptor, LOCK_EX | LOCK_NB) } while result != 0 && errno == EINTR
    return result == 0 ? 0 : errno
  }

  /// Whether the file still bears its name.
  func hasName() throws(ArchiveError) -> Bool {
    let own = try status()
    guard let named = FileStatus(named: path) else { return false }
    return named.inode == own.inode && named.device == own.device
  }

  /// Who holds the lock, as the kernel's table says (proc(5), `/proc/locks`):
  /// `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`.
  private func lockHolder() -> Int32? {
    guard let status = try? status(),
      let table = try? DataFile.open(reading: "/proc/locks").read(1 << 20, at: 0)
    else { return nil }
    for line in String(decoding: table, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[1] == "FLOCK",
        fields[5].split(separator: ":").last.flatMap({ UInt64($0) }) == status.inode
      else { continue }
      return Int32(fields[4])
    }
    return nil
  }
}
