private import CLinux
import Glibc

/// Which files are Ferry's own: what others own, name or can write is never written to, for what comes of it would be
/// theirs to change, or what it holds theirs to lose.
extension DataFile {
  /// Why this file is not this user's alone; nil when it is.
  func foreignness() throws(FileError) -> ForeignFile? {
    let status = try status()
    guard status.links <= 1 else { return .names(Int(clamping: status.links)) }
    guard let reason = status.foreignness(owner: geteuid(), writable: 0) else { return nil }
    // A file system without owners and permissions (FAT, exFAT, many a network's) gives every file the same ones. There
    // a file that is made now looks no different, and nothing can be told.
    guard let fresh = try? FileDraft.make(beside: path) else { return reason }
    let made = try? fresh.file.status()
    try fresh.discard()
    guard let usual = made else { return reason }
    return status.foreignness(owner: usual.owner, writable: usual.permissions & FileStatus.othersWrite)
  }

  /// Why what bears the name `path` is no plain file that is this user's alone; nil when it is, or nothing is there.
  /// Never changes it. Throws ``FileError/foreign(path:_:)`` and ``FileError/notAFile(path:)``.
  public static func checkOwn(_ path: String) throws(FileError) {
    guard exists(path) else { return }
    let file = try open(reading: path, following: false)
    if let reason = try file.foreignness() { throw .foreign(path: path, reason) }
  }

  /// What Ferry notes beside the content of a file that it writes, to know it by: an attribute that stays with the file,
  /// where the file system keeps such. nil when there is none.
  public var mark: [UInt8]? {
    var found = [UInt8](repeating: 0, count: 256)
    let count = unsafe fgetxattr(descriptor, Self.attribute, &found, found.count)
    return count > 0 ? Array(found[..<count]) : nil
  }

  /// Notes it; where that cannot be done, the file is not known again.
  func setMark(_ mark: [UInt8]) { _ = unsafe fsetxattr(descriptor, Self.attribute, mark, mark.count, 0) }

  private static let attribute = "user.ferry.written"

  /// Makes it readable and writable for its owner alone, where the file system knows that. Returns the mode it had.
  @discardableResult
  public func makePrivate() throws(FileError) -> UInt32 {
    let before = try status().permissions
    if before != Self.privateMode { setPermissions(Self.privateMode) }
    return before
  }

  /// Readable and writable for its owner alone.
  public static var privateMode: UInt32 { 0o600 }

  /// Gives the file a mode, where the file system knows modes.
  public func setPermissions(_ mode: UInt32) { _ = fchmod(descriptor, mode) }
}

extension FileStatus {
  /// Writing by the group and by everybody.
  static let othersWrite: UInt32 = 0o022

  /// What keeps the file from being its owner's alone; `writable` are the bits for others that every file has there.
  fileprivate func foreignness(owner usual: UInt32, writable: UInt32) -> ForeignFile? {
    if owner != usual { return .owner(owner) }
    let others = permissions & Self.othersWrite & ~writable
    return others == 0 ? nil : .writable(mode: permissions)
  }
}
