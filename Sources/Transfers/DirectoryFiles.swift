import Files

/// Files that are written below a directory of the user's choice, over nothing but what an earlier run wrote there.
struct DirectoryFiles: Sendable {
  typealias File = (path: String, bytes: [UInt8])

  let directory: String
  /// Whether all of these bytes, which a file holds, are what an earlier run wrote.
  let isOwn: @Sendable (DataFile, [UInt8]) -> Bool
  /// What is noted beside a file's content.
  var mark: @Sendable ([UInt8]) -> [UInt8]? = { _ in nil }

  /// Makes sure that ``write(_:)`` can do its work. Leaves nothing. Throws `FileError`: `foreign` where a file has one of the
  /// names that is not own, or where a link or something else has. Blocks.
  func check(_ files: [File]) throws(FileError) {
    guard let root = try OpenDirectory(directory, creating: false) else {
      // It is made when it is needed, in the nearest directory above it.
      var above = directory
      while !DataFile.exists(above), above != ".", above != "/" {
        while above.count > 1, above.hasSuffix("/") { above.removeLast() }
        above = DataFile.directory(of: above)
      }
      return try AtomicFile.checkCreating(in: above, called: directory)
    }
    try root.checkWritable()
    for file in files { _ = try isWanted(file, below: root) }
  }

  /// Writes each file that is not there yet, whole or not at all. Throws what ``check(_:)`` throws. Blocks.
  func write(_ files: [File]) throws(FileError) {
    guard let root = try OpenDirectory(directory, creating: true) else { return }
    for file in files {
      guard let isThere = try isWanted(file, below: root) else { continue }
      let (parents, name) = parts(of: file.path)
      var place = root
      for parent in parents { place = try place.directory(parent, creating: true) ?? place }
      try place.write(file.bytes, to: name, mark: mark(file.bytes), replacing: isThere)
    }
  }

  /// Takes away each own file `name` in a directory of `folder` whose path is not among `kept`, and what it lies in when that
  /// is empty then. What is not own stays. Blocks.
  func remove(_ name: String, below folder: String, except kept: Set<String>) throws(FileError) {
    guard let root = try OpenDirectory(directory, creating: false),
      let above = try root.directory(folder, creating: false)
    else { return }
    for parent in try DirectoryListing.names(in: above.path, follows: false)
    where !kept.contains("\(folder)/\(parent)/\(name)") {
      guard let place = try? above.directory(parent, creating: false), let file = try? place.file(name),
        isOwn(file, try content(of: file))
      else { continue }
      try place.remove(name)
      above.removeIfEmpty(parent)
    }
  }

  /// Whether a file has to be written, and if so whether one is there to be replaced; nil when it is there as it should be.
  private func isWanted(_ file: File, below root: OpenDirectory) throws(FileError) -> Bool? {
    let (parents, name) = parts(of: file.path)
    var place = root
    for parent in parents {
      guard let below = try place.directory(parent, creating: false) else { return false }
      place = below
    }
    guard let present = try place.file(name) else { return false }
    let bytes = try content(of: present, upTo: file.bytes.count)
    if bytes == file.bytes { return nil }
    // Whoever changes it makes it another's.
    guard isOwn(present, bytes) else { throw .foreign(path: present.path, .content) }
    return true
  }

  private func content(of file: DataFile, upTo count: Int = 0) throws(FileError) -> [UInt8] {
    try file.read(Int(min(file.size(), max(Self.longest, Int64(count) + 1))), at: 0)
  }

  /// The directories that a file lies in, and its name there.
  private func parts(of path: String) -> (parents: [String], name: String) {
    let parts = path.split(separator: "/").map(String.init)
    return (Array(parts.dropLast()), parts.last ?? path)
  }

  /// A file is read up to here, in bytes, or as far as the one that is to be there.
  private static let longest: Int64 = 64 << 20
}
