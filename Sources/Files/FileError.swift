/// What went wrong with a file or a directory, or with bytes that come through a descriptor.
public enum FileError: Error, Hashable, Sendable {
  /// A system call failed; `code` is its errno.
  case file(FileOperation, path: String, code: Int32)
  /// The disk or the user's quota is full. `needed` is the size in bytes that was to fit, where it is known;
  /// `available` what the file system had left for it.
  case noSpace(path: String, needed: Int64?, available: Int64?, code: Int32)
  /// Not a plain file: a directory, a pipe, a device.
  case notAFile(path: String)
  /// A piece of an archive that is not there, or not reachable now.
  case absent(path: String)
  /// A file that was longer when it was looked at first.
  case shrunk(path: String)
  /// Another file has the name of one that was open before.
  case exchanged(path: String)
  /// Another process works on the file; its id, where the system tells.
  case locked(path: String, pid: Int32?)
  /// The name is taken.
  case exists(path: String)
  /// Something that Ferry did not make, or that others can change, where Ferry would write: it stays as it is.
  case foreign(path: String, ForeignFile)
  /// A directory with more in it than Ferry keeps account of.
  case tooManyEntries(path: String, limit: Int)
  /// A directory that lies too deep in the one that was named.
  case tooDeep(path: String, limit: Int)
  /// A file or directory with a name that is no UTF-8: `path` shows what can be shown of it.
  case unreadableName(path: String)
  /// An archive that would be cut into more volumes than have names.
  case tooManyVolumes(path: String, limit: Int)
  /// The size of a part with which its content becomes larger than offsets can tell, in bytes.
  case oversized(Int64)
  /// Content that cannot be had, for a reason that only its source knows.
  case sourceFailed(path: String)
  /// Content that comes once, of which something is needed that has passed.
  case passed(path: String)
  /// Compressed content that would be read from its beginning more often than is done to learn what it is.
  case readTooOften(path: String, limit: Int)
  /// The task that made the call was cancelled.
  case cancelled
}

/// What was being done to a file when it failed.
public enum FileOperation: String, Hashable, Sendable {
  case open, inspect, read, write, reserve, truncate, lock, synchronize, rename, remove
  /// Bringing the names in a directory to the disk; the path is the directory's.
  case synchronizeNames
}

/// Why a file is not taken for one of Ferry's own.
public enum ForeignFile: Hashable, Sendable {
  /// Another user's, by the user's number.
  case owner(UInt32)
  /// It has other names, under which it is somebody's too.
  case names(Int)
  /// Others may write it; its mode.
  case writable(mode: UInt32)
  /// It holds something else than Ferry writes there.
  case content
  /// It is a link, or something else than what belongs there.
  case kind
}
