import Glibc

/// A directory that is open, below which nothing is reached through a link: each part of a path is opened by itself.
public final class OpenDirectory: Sendable {
  /// What errors call it.
  public let path: String
  private let descriptor: Int32

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens the directory at `path`, where its user has put it: that itself may be reached through links. It is made, with
  /// those above it, where it is missing and `creating`.
  public convenience init?(_ path: String, creating: Bool) throws(FileError) {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    var descriptor = unsafe Glibc.open(path, flags)
    if descriptor < 0, errno == ENOENT {
      guard creating else { return nil }
      Self.make(path)
      descriptor = unsafe Glibc.open(path, flags)
    }
    guard descriptor >= 0 else { throw .file(.write, path: path, code: errno) }
    self.init(path: path, descriptor: descriptor)
  }

  /// Opens the directory at `path` to be looked into; that itself may be reached through links. Throws
  /// ``FileError/file(_:path:code:)``.
  public static func open(reading path: String) throws(FileError) -> OpenDirectory {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(.open, path: path, code: errno) }
    return OpenDirectory(path: DirectoryListing.withoutLastSlashes(path), descriptor: descriptor)
  }

  /// Makes the directory and those above it; that it could not, opening it will show.
  private static func make(_ path: String) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let above = DataFile.directory(of: path)
    if above != path, !DataFile.isDirectory(above) { make(above) }
    _ = unsafe mkdir(path, 0o755)
  }

  /// The directory `name` in this one; nil when it is not there and not `creating`. Throws
  /// ``FileError/foreign(path:_:)`` when something else is.
  public func directory(_ name: String, creating: Bool) throws(FileError) -> OpenDirectory? {
    let below = "\(path)/\(name)"
    if creating, unsafe mkdirat(descriptor, name, 0o755) != 0, errno != EEXIST {
      throw .file(.write, path: below, code: errno)
    }
    let opened = unsafe openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard opened < 0 else { return OpenDirectory(path: below, descriptor: opened) }
    switch errno {
    case ENOENT where !creating: return nil
    case ENOTDIR, ELOOP: throw .foreign(path: below, .kind)
    case let code: throw .file(.open, path: below, code: code)
    }
  }

  /// The plain file `name` in this directory, for reading; nil when nothing is there. Throws
  /// ``FileError/foreign(path:_:)`` when something else is.
  public func file(_ name: String) throws(FileError) -> DataFile? {
    let below = "\(path)/\(name)"
    let opened = unsafe openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard opened >= 0 else {
      switch errno {
      case ENOENT: return nil
      case ELOOP, ENXIO: throw .foreign(path: below, .kind)
      case let code: throw .file(.open, path: below, code: code)
      }
    }
    let file = DataFile(path: below, descriptor: opened)
    guard try file.status().isPlain else { throw .foreign(path: below, .kind) }
    return file
  }

  /// Something in a directory.
  public struct Entry: Hashable, Sendable {
    public let name: String
    public let kind: Kind

    public enum Kind: Hashable, Sendable {
      case file, directory
      /// A symbolic link, which is not followed, whatever it leads to.
      case link
      /// A pipe, a device, a socket.
      case special
      /// What has a name that is no UTF-8: `name` shows what can be shown of it.
      case unreadable
    }
  }

  /// What is in this directory, sorted by name. Throws ``FileError/file(_:path:code:)``, and
  /// ``FileError/tooManyEntries(path:limit:)`` beyond `limit`.
  public func entries(limit: Int) throws(FileError) -> [Entry] {
    // Another description of it: reading it moves no position that others have.
    let opened = unsafe openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard opened >= 0 else { throw .file(.open, path: path, code: errno) }
    var entries: [Entry] = []
    let names = try DirectoryListing.names(of: opened, path: path, limit: limit) {
      entries.append(Entry(name: $0, kind: .unreadable))
    }
    for name in names {
      // What is gone since it was listed is not there.
      guard let status = FileStatus(named: name, in: descriptor) else { continue }
      let kind: Entry.Kind =
        status.isPlain ? .file : status.isDirectory ? .directory : status.isLink ? .link : .special
      entries.append(Entry(name: name, kind: kind))
    }
    return entries
  }

  /// Makes the file `name` with these bytes, whole or not at all, and where one is given with a `mark`, ``DataFile/mark``.
  /// Throws ``FileError/exists(path:)`` when the name is taken and `replacing` is false.
  public func write(
    _ bytes: [UInt8], to name: String, mark: [UInt8]? = nil, replacing: Bool
  ) throws(FileError) {
    try FileDraft.make(in: (descriptor, path), called: "\(path)/\(name)")
      .publish(bytes, as: name, mark: mark, replacing: replacing)
  }

  /// Takes the file `name` away.
  public func remove(_ name: String) throws(FileError) {
    guard unsafe unlinkat(descriptor, name, 0) == 0 else {
      throw .file(.remove, path: "\(path)/\(name)", code: errno)
    }
  }

  /// Takes the directory `name` away, if there is nothing in it.
  public func removeIfEmpty(_ name: String) { _ = unsafe unlinkat(descriptor, name, AT_REMOVEDIR) }

  /// Tries whether files can be made here; leaves nothing, or throws the name of what it could not take away again.
  public func checkWritable() throws(FileError) {
    try FileDraft.make(in: (descriptor, path), called: path).discard()
  }
}
