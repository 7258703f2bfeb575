public import Files

/// A directory read as the tar it could have been extracted from: its files laid end to end, in the order of
/// their names.
///
/// A symbolic link in it that is not followed stands in the index as what it is. A file that has several names there lies where
/// the first of them does.
public struct DirectoryContent: Sendable {
  public let content: JoinedContent
  /// What the directory holds, with paths below it; offsets are those of ``content``.
  public let index: TarIndex

  /// Lists all that is below the directory at `path`, beyond the links whose paths `isFollowed` takes too; files are not
  /// opened yet. Throws ``FileError/tooManyEntries(path:limit:)`` for more than is kept account of.
  public static func read(
    _ path: String, following isFollowed: (String) -> Bool = { _ in false }
  ) throws(TarError) -> DirectoryContent {
    let files = try TarError.wrapping { () throws(FileError) in
      try DirectoryListing.files(
        below: path,
        DirectoryListing.Limits(
          entries: TarIndex.mostEntries, pathBytes: TarIndex.longestPath, allPathBytes: TarIndex.mostNameBytes
        ), following: isFollowed)
    }
    return try DirectoryContent(files, path: path)
  }

  /// What is smaller, in bytes, is read again for each of its names.
  private static let smallestShared: Int64 = 4 << 10

  private init(_ files: [DirectoryListing.FoundFile], path: String) throws(TarError) {
    let root = DirectoryListing.withoutLastSlashes(path)
    var parts: [JoinedContent.Part] = []
    var entries: [TarEntry] = []
    var position: Int64 = 0
    // Of few it takes asking, for most directories have none.
    let mayShare = files.contains(where: \.mayBeShared)
    var known: [FileIdentity: (offset: Int64, size: Int64)] = [:]
    for file in files {
      let size = file.size ?? 0
      let place = "\(root)/\(file.path)"
      var offset = position
      if mayShare, size >= Self.smallestShared, let identity = FileIdentity(of: place) {
        if let first = known[identity], first.size == size { offset = first.offset }
        known[identity] = (offset, size)
      }
      entries.append(
        TarEntry(
          path: file.path, kind: file.size == nil ? .other : .file, size: size, headerOffset: offset,
          offset: offset, link: file.link.map { .symbolic($0) }))
      guard file.size != nil, offset == position else { continue }
      parts.append(.file(path: place, size: size))
      let (next, overflow) = position.addingReportingOverflow(size)
      guard !overflow else { throw .unwritableSize(size) }
      position = next
    }
    let joined = parts
    content = try TarError.wrapping { () throws(FileError) in try JoinedContent(joined, path: path) }
    index = TarIndex(entries: entries, end: .marker(at: position), fileSize: position)
  }
}
