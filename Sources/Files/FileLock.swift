import Glibc

/// The lock of a file that one writes at a time. It is held for as long as the file is open.
public struct FileLock {
  private let file: DataFile

  /// Opens a file as ``DataFile/create(_:exclusive:privately:replacing:)`` does and locks it. Throws
  /// ``FileError/locked(path:pid:)`` when another process, or this one, has it locked.
  public static func create(
    _ path: String, privately: Bool = false, replacing: Bool = false
  ) throws(FileError) -> DataFile {
    // The file may get its final name between the opening and the locking: then the lock is on another
    // file than the one that bears the name now.
    for _ in 0..<8 {
      let file = try DataFile.create(path, privately: privately, replacing: replacing)
      try FileLock(file: file).acquire()
      if try file.hasName() { return file }
    }
    throw .locked(path: path, pid: nil)
  }

  private func acquire() throws(FileError) {
    var code = attempt()
    // Who was just killed, or is a child between fork and exec, holds a lock for a moment longer.
    for _ in 0..<Self.patience where code == EWOULDBLOCK {
      usleep(20_000)
      code = attempt()
    }
    guard code != 0 else { return }
    switch code {
    case EWOULDBLOCK: throw .locked(path: file.path, pid: holder())
    // A file system without locks: two writers then cannot be told apart, as with any other tool.
    case ENOLCK, EOPNOTSUPP, ENOSYS: return
    default: throw .file(.lock, path: file.path, code: code)
    }
  }

  /// How often a held lock is tried again, 20 ms apart.
  private static let patience = 15

  /// 0, or what stands in the way: an errno.
  private func attempt() -> Int32 {
    DataFile.repeating { flock(file.descriptor, LOCK_EX | LOCK_NB) } == 0 ? 0 : errno
  }

  /// Who holds the lock, as the kernel's table says (proc(5), `/proc/locks`):
  /// `1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`.
  private func holder() -> Int32? {
    guard let status = try? file.status(),
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
