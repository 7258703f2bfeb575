import Glibc

/// Small files that are there whole or not at all.
extension DataFile {
  /// Puts a file that holds `bytes` where nothing is, or in place of a plain file that is empty or that `isOwn` knows:
  /// written beside it, synchronized and renamed, so that no reader and no crash ever sees a part of it. Throws
  /// ``ArchiveError/foreign(path:_:)`` and ``ArchiveError/notAFile(path:)`` for anything else, which stays.
  public static func replace(
    _ path: String, with bytes: [UInt8], where isOwn: (DataFile) -> Bool
  ) throws(ArchiveError) {
    let isThere = try isToReplace(path, where: isOwn)
    let file = try createBeside(path)
    do {
      try unsafe file.write(bytes.span.bytes, at: 0)
      try file.synchronize()
      try file.publish(as: path, replacing: isThere)
    } catch {
      file.remove()
      throw error
    }
  }

  /// Whether ``replace(_:with:where:)`` would do now: that files can be made beside `path` is tried, for permissions alone
  /// do not tell. Leaves nothing.
  public static func checkReplacing(_ path: String, where isOwn: (DataFile) -> Bool) throws(ArchiveError) {
    _ = try isToReplace(path, where: isOwn)
    try createBeside(path).remove()
  }

  /// Whether a file can be made beside `path`: tried. Throws ``ArchiveError/file(_:path:code:)``.
  public static func checkCreating(beside path: String) throws(ArchiveError) {
    try createBeside(path).remove()
  }

  /// The same for a file in `directory`, which errors call `path`.
  public static func checkCreating(in directory: String, called path: String) throws(ArchiveError) {
    try createBeside("\(directory)/.ferry", called: path).remove()
  }

  /// Whether there is a file to be replaced; throws when what is there is not to be.
  private static func isToReplace(
    _ path: String, where isOwn: (DataFile) -> Bool
  ) throws(ArchiveError) -> Bool {
    guard exists(path) else { return false }
    let present = try open(reading: path, following: false)
    guard try present.size() == 0 || isOwn(present) else { throw .foreign(path: path, .content) }
    return true
  }

  /// A new file in the directory of `path`, named after it and this process.
  static func createBeside(_ path: String, called name: String? = nil) throws(ArchiveError) -> DataFile {
    for attempt in 0..<64 {
      do {
        return try create("\(path).\(getpid())-\(attempt).new", exclusive: true)
      } catch .exists {
        continue
      } catch .file(_, _, let code) {
        // What the user named, not what it is called until it is whole.
        throw .file(.write, path: name ?? path, code: code)
      }
    }
    throw .exists(path: path)
  }
}
