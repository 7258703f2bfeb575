import Glibc

/// Small files that are there whole or not at all: written under another name, synchronized and renamed, and the name
/// synchronized too, so that no reader and no crash ever sees a part of one.
public enum AtomicFile {
  /// Puts a file that holds `bytes` where nothing is, or in place of a plain file that `isOwn` knows, whose permissions it
  /// then has. Throws ``FileError/foreign(path:_:)`` and ``FileError/notAFile(path:)`` for anything else, which stays.
  public static func replace(
    _ path: String, with bytes: [UInt8], where isOwn: (DataFile) -> Bool
  ) throws(FileError) {
    let former = try former(path, where: isOwn)
    try draft(of: path, after: former).publish(bytes, as: path, replacing: former != nil)
  }

  /// The same for a file of more than is to be in memory: `content` is given what takes the file's next bytes. Throws what
  /// `content` throws as well; then nothing has changed. A program `isExecutable`, as far as the file system knows of that.
  public static func replace(
    _ path: String, isExecutable: Bool = false, where isOwn: (DataFile) -> Bool,
    _ content: (([UInt8]) throws -> Void) throws -> Void
  ) throws {
    let former = try former(path, where: isOwn)
    let draft = try draft(of: path, after: former)
    if isExecutable { fchmod(draft.file.descriptor, 0o755) }
    var size: Int64 = 0
    do {
      try content { bytes in
        try unsafe draft.file.write(bytes.span.bytes, at: size)
        size += Int64(bytes.count)
      }
    } catch {
      try? draft.discard()
      throw error
    }
    try draft.publish(as: path, replacing: former != nil)
  }

  /// Whether ``replace(_:with:where:)`` would do now: that files can be made beside `path` is tried, for permissions alone
  /// do not tell. Leaves nothing, or throws the name of what it could not take away again.
  public static func checkReplacing(_ path: String, where isOwn: (DataFile) -> Bool) throws(FileError) {
    _ = try former(path, where: isOwn)
    try FileDraft.make(beside: path).discard()
  }

  /// Whether a file can be made beside `path`: tried. Throws ``FileError/file(_:path:code:)``.
  public static func checkCreating(beside path: String) throws(FileError) {
    try FileDraft.make(beside: path).discard()
  }

  /// The same for a file in `directory`, which errors call `path`.
  public static func checkCreating(in directory: String, called path: String) throws(FileError) {
    try FileDraft.make(beside: "\(directory)/.ferry", called: path).discard()
  }

  /// The file that is to be replaced; nil where none is there. Throws when what is there is not to be.
  private static func former(
    _ path: String, where isOwn: (DataFile) -> Bool
  ) throws(FileError) -> DataFile? {
    guard DataFile.exists(path) else { return nil }
    let present = try DataFile.open(reading: path, following: false)
    guard isOwn(present) else { throw .foreign(path: path, .content) }
    return present
  }

  /// What is to become the file at `path`, as private as the one that was there.
  private static func draft(of path: String, after former: DataFile?) throws(FileError) -> FileDraft {
    let mode = try former?.status().permissions
    let draft = try FileDraft.make(beside: path)
    if let mode { draft.file.setPermissions(mode) }
    return draft
  }
}

/// A file that has a name of its own until it is whole.
struct FileDraft {
  let file: DataFile
  /// In ``directory``.
  private let name: String
  /// Where it is: an open directory and what errors call it; nil where the name says it.
  private let directory: (descriptor: Int32, path: String)?

  private var descriptor: Int32 { directory?.descriptor ?? AT_FDCWD }

  /// A new file in the directory of `path`, named after it and this process. That it cannot be made is said of what the
  /// user named, not of what it is called until it is whole.
  static func make(beside path: String, called name: String? = nil) throws(FileError) -> FileDraft {
    try make(path + ".", in: nil, file: nil, called: name ?? path)
  }

  /// A new file in an open directory, named after this process; errors call it `path`.
  static func make(
    in directory: (descriptor: Int32, path: String), called path: String
  ) throws(FileError) -> FileDraft {
    try make(".ferry-", in: directory, file: path, called: path)
  }

  private static func make(
    _ prefix: String, in directory: (descriptor: Int32, path: String)?, file filePath: String?,
    called path: String
  ) throws(FileError) -> FileDraft {
    let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    for attempt in 0..<64 {
      let name = "\(prefix)\(getpid())-\(attempt).new"
      let opened = DataFile.repeating {
        unsafe openat(directory?.descriptor ?? AT_FDCWD, name, flags, mode_t(0o644))
      }
      if opened >= 0 {
        let file = DataFile(path: filePath ?? name, descriptor: opened)
        return FileDraft(file: file, name: name, directory: directory)
      }
      guard errno == EEXIST else { throw .file(.write, path: path, code: errno) }
    }
    throw .file(.write, path: path, code: EEXIST)
  }

  /// Has the file hold `bytes` at its beginning, and a `mark` where one is given, and gives it the name that it is to have in its
  /// directory; whatever fails, nothing is left of it. Throws ``FileError/exists(path:)`` when the name is taken and
  /// `replacing` is false.
  func publish(
    _ bytes: [UInt8] = [], as name: String, mark: [UInt8]? = nil, replacing: Bool
  ) throws(FileError) {
    do throws(FileError) {
      try unsafe file.write(bytes.span.bytes, at: 0)
      if let mark { file.setMark(mark) }
      try file.synchronize()
      try FileName.change(
        self.name, to: name, in: descriptor, replacing: replacing, called: directory == nil ? nil : file.path)
      if let directory {
        try FileName.synchronize(directory.descriptor, called: directory.path)
      } else {
        try FileName.synchronizeDirectory(of: name)
      }
    } catch {
      try? discard()
      throw error
    }
  }

  /// Takes the name away, unless it is another file's by now. Throws ``FileError/file(_:path:code:)`` with it when it stays.
  func discard() throws(FileError) {
    guard let own = try? file.status(), let named = FileStatus(named: name, in: descriptor),
      named.inode == own.inode, named.device == own.device
    else { return }
    var code: Int32 = 0
    // A disk, or a server that files lie on, may fail once.
    for _ in 0..<2 {
      guard unsafe unlinkat(descriptor, name, 0) != 0, errno != ENOENT else { return }
      code = errno
    }
    throw .file(.remove, path: directory.map { "\($0.path)/\(name)" } ?? name, code: code)
  }
}
