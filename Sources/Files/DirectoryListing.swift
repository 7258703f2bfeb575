import Glibc

/// What lies in a directory.
public enum DirectoryListing {
  /// The names in the directory at `path`, sorted, without `.` and `..`; names that are no UTF-8 are left out.
  /// `path` may be a link to it if that `follows`. Throws ``FileError/file(_:path:code:)``, and
  /// ``FileError/tooManyEntries(path:limit:)`` beyond `limit`.
  public static func names(
    in path: String, follows: Bool = true, limit: Int = .max
  ) throws(FileError) -> [String] {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW)
    let descriptor = unsafe Glibc.open(path, flags)
    guard descriptor >= 0 else { throw .file(.open, path: path, code: errno) }
    return try names(of: descriptor, path: path, limit: limit)
  }

  /// The same of a directory that is open, which is closed then. Of names that are no UTF-8 `isUnreadable` hears.
  static func names(
    of descriptor: Int32, path: String, limit: Int, unreadable isUnreadable: (String) -> Void = { _ in }
  ) throws(FileError) -> [String] {
    guard let directory = unsafe fdopendir(descriptor) else {
      let code = errno
      close(descriptor)
      throw .file(.open, path: path, code: code)
    }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(directory) else { break }
      var bytes: [UInt8] = []
      unsafe withUnsafePointer(to: entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
          bytes = unsafe Array(UnsafeBufferPointer(start: start, count: 256).prefix { $0 != 0 })
        }
      }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        isUnreadable(String(decoding: bytes, as: UTF8.self))
        continue
      }
      guard name != ".", name != ".." else { continue }
      guard names.count < limit else { throw .tooManyEntries(path: path, limit: limit) }
      names.append(name)
    }
    guard errno == 0 else { throw .file(.read, path: path, code: errno) }
    return names.sorted()
  }

  /// A file below a directory.
  public struct FoundFile: Hashable, Sendable {
    /// From the directory on.
    public let path: String
    /// In bytes; nil for anything but a plain file.
    public let size: Int64?
    /// What it points at, where it is a symbolic link that was not followed.
    public let link: String?
    /// Whether another of the files may be the same one: it has several names, or was found by a link.
    public let mayBeShared: Bool
  }

  /// How much is kept account of below a directory.
  public struct Limits: Sendable {
    /// Names of files and directories.
    let entries: Int
    /// The longest path, and all paths together, in bytes.
    let pathBytes: Int
    let allPathBytes: Int

    public init(entries: Int, pathBytes: Int, allPathBytes: Int) {
      self.entries = entries
      self.pathBytes = pathBytes
      self.allPathBytes = allPathBytes
    }
  }

  /// All but the directories that is below the directory at `path`, sorted by the bytes of the paths. Of symbolic links `path`
  /// itself is followed, and those whose paths `isFollowed` takes, to files and to directories. Throws
  /// ``FileError/tooManyEntries(path:limit:)`` for what is beyond the `limits`.
  public static func files(
    below path: String, _ limits: Limits, following isFollowed: (String) -> Bool = { _ in false }
  ) throws(FileError) -> [FoundFile] {
    let root = withoutLastSlashes(path)
    var found: [FoundFile] = []
    // Not recursion: how deep directories nest is up to who made them.
    var pending = [(folder: "", isByLink: false)]
    var seen = 0
    var bytes = 0
    while let (folder, isByLink) = pending.popLast() {
      let names = try names(
        in: folder.isEmpty ? root : "\(root)/\(folder)", follows: folder.isEmpty || isFollowed(folder),
        limit: limits.entries)
      seen += names.count
      guard seen <= limits.entries else { throw .tooManyEntries(path: path, limit: limits.entries) }
      for name in names {
        let below = folder.isEmpty ? name : "\(folder)/\(name)"
        bytes += below.utf8.count
        guard below.utf8.count <= limits.pathBytes, bytes <= limits.allPathBytes else {
          throw .tooManyEntries(path: path, limit: limits.entries)
        }
        // What is gone since it was listed is not there.
        guard var status = FileStatus(named: "\(root)/\(below)") else { continue }
        let link = target(ofLink: "\(root)/\(below)")
        if link != nil, isFollowed(below) { status = FileStatus.reached(by: "\(root)/\(below)") ?? status }
        let isReached = isByLink || link != nil
        if status.isDirectory {
          pending.append((below, isReached))
        } else {
          found.append(
            FoundFile(
              path: below, size: status.isPlain ? status.size : nil, link: status.isPlain ? nil : link,
              mayBeShared: status.isPlain && (isReached || status.links > 1)))
        }
      }
    }
    return found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// What the symbolic link at `path` points at; nil where it is none.
  public static func target(ofLink path: String) -> String? {
    let bytes = unsafe Pieces.bytes(Int(PATH_MAX)) { buffer in
      guard let start = buffer.baseAddress else { return 0 }
      return unsafe max(0, readlink(path, start.assumingMemoryBound(to: CChar.self), buffer.count))
    }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a symbolic link leads to something that is not there, or to itself; what may not be looked at may be there.
  public static func leadsNowhere(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) != 0 && [ENOENT, ENOTDIR, ELOOP].contains(errno)
  }

  /// Whether what has one path that leads through no link is what has another, or lies below it.
  public static func isBelow(_ path: String, _ directory: String) -> Bool {
    path == directory || path.hasPrefix(directory == "/" ? "/" : directory + "/")
  }

  /// The same directory's path, to which a name can be appended.
  public static func withoutLastSlashes(_ path: String) -> String {
    var path = path
    while path.hasSuffix("/"), path.utf8.count > 1 { path.removeLast() }
    return path
  }

  /// The one path of a file or directory that leads through no link; nil when nothing is there.
  public static func canonical(_ path: String) -> String? {
    guard let full = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(full) }
    return unsafe String(cString: full)
  }
}
