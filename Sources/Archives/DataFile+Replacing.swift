import Glibc

/// Small files that are there whole or not at all.
extension DataFile {
  /// Puts a file that holds `bytes` in place of whatever plain file `path` names, or where nothing is: written
  /// beside it, synchronized and renamed, so that no reader and no crash ever sees a part of it.
  public static func replace(_ path: String, with bytes: [UInt8]) throws(ArchiveError) {
    let file = try createBeside(path)
    do {
      try unsafe file.write(bytes.span.bytes, at: 0)
      try file.synchronize()
      try file.publish(as: path, replacing: true)
    } catch {
      file.remove()
      throw error
    }
  }

  /// Whether ``replace(_:with:)`` can make files beside `path`: tried, for permissions alone do not tell.
  public static func checkReplacing(_ path: String) throws(ArchiveError) {
    if let status = FileStatus(named: path), !status.isPlain { throw .notAFile(path: path) }
    try createBeside(path).remove()
  }

  /// A new file in the directory of `path`, named after it and this process.
  private static func createBeside(_ path: String) throws(ArchiveError) -> DataFile {
    for attempt in 0..<64 {
      do {
        return try create("\(path).\(getpid())-\(attempt).new", exclusive: true)
      } catch .exists {
        continue
      } catch .file(_, _, let code) {
        // What the user named, not what it is called until it is whole.
        throw .file(.write, path: path, code: code)
      }
    }
    throw .exists(path: path)
  }
}
