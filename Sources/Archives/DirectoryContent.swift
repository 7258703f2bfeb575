/// A directory read as the tar it could have been extracted from: its files laid end to end, in the order of
/// their names.
///
/// No symbolic link in it is followed: it stands in the index as what it is.
public struct DirectoryContent: Sendable {
  public let content: JoinedContent
  /// What the directory holds, with paths below it; offsets are those of ``content``.
  public let index: TarIndex

  /// Lists all that is below the directory at `path`; files are not opened yet. Throws
  /// ``ArchiveError/tooManyEntries(path:limit:)``.
  public static func read(_ path: String) throws(ArchiveError) -> DirectoryContent {
    var root = path
    while root.hasSuffix("/"), root.utf8.count > 1 { root.removeLast() }
    var found: [(path: String, status: FileStatus)] = []
    // Not recursion: how deep directories nest is up to who made them.
    var pending = [""]
    var seen = 0
    var nameBytes = 0
    while let folder = pending.popLast() {
      let names = try DirectoryListing.names(
        in: folder.isEmpty ? root : "\(root)/\(folder)", follows: folder.isEmpty, limit: TarIndex.mostEntries)
      seen += names.count
      guard seen <= TarIndex.mostEntries else {
        throw .tooManyEntries(path: path, limit: TarIndex.mostEntries)
      }
      for name in names {
        let below = folder.isEmpty ? name : "\(folder)/\(name)"
        nameBytes += below.utf8.count
        guard below.utf8.count <= TarIndex.longestPath, nameBytes <= TarIndex.mostNameBytes else {
          throw .tooManyEntries(path: path, limit: TarIndex.mostEntries)
        }
        // What is gone since it was listed is not there.
        guard let status = FileStatus(named: "\(root)/\(below)") else { continue }
        if status.isDirectory { pending.append(below) } else { found.append((below, status)) }
      }
    }
    return try DirectoryContent(
      found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }, root: root, path: path)
  }

  private init(
    _ files: [(path: String, status: FileStatus)], root: String, path: String
  ) throws(ArchiveError) {
    var parts: [JoinedContent.Part] = []
    var entries: [TarEntry] = []
    var position: Int64 = 0
    for (name, status) in files {
      let size = status.isPlain ? status.size : 0
      entries.append(
        TarEntry(
          path: name, kind: status.isPlain ? .file : .other, size: size, headerOffset: position,
          offset: position))
      guard status.isPlain else { continue }
      parts.append(.file(path: "\(root)/\(name)", size: size))
      let (next, overflow) = position.addingReportingOverflow(size)
      guard !overflow else { throw .unwritableSize(size) }
      position = next
    }
    content = try JoinedContent(parts, path: path)
    index = TarIndex(entries: entries, end: .marker(at: position), fileSize: position)
  }
}
