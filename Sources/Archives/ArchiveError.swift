/// What went wrong with a file, a tar or a compressed stream.
public enum ArchiveError: Error, Hashable, Sendable {
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
  /// Another process works on the file; its id, where the system tells.
  case locked(path: String, pid: Int32?)
  /// The name is taken.
  case exists(path: String)
  /// Something that Ferry did not make, or that others can change, where Ferry would write: it stays as it is.
  case foreign(path: String, ForeignFile)
  /// No tar, or a compressed one.
  case notATar(path: String)
  /// A tar with more entries than Ferry keeps account of, or names without end.
  case tooManyEntries(path: String, limit: Int)
  /// An archive that would be cut into more volumes than have names.
  case tooManyVolumes(path: String, limit: Int)
  /// A name that Ferry does not put into a tar; it writes printable ASCII only.
  case unwritableName(String)
  /// A size that no tar header holds.
  case unwritableSize(Int64)
  /// Compressed content that ends too early.
  case cutStream(Compression)
  /// Compressed content that is damaged, or followed by something else; the detail is the library's word.
  case corruptStream(Compression, reason: String)
  /// What comes before an archive's first layer is more than is kept in memory, in bytes.
  case frontTooLarge(path: String, limit: Int)
  /// The task that made the call was cancelled.
  case cancelled
  /// libarchive or zlib failed in a way that input cannot cause; the detail is the library's word.
  case library(String)
}

/// What was being done to a file when it failed.
public enum FileOperation: String, Hashable, Sendable {
  case open, inspect, read, write, reserve, truncate, lock, synchronize, rename, remove
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
