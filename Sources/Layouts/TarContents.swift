import Archives
import Digests

/// A tar's entries told apart: blobs by digest, other files by name, and what has no business there.
struct TarContents {
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// By path, without a leading `./`.
  private(set) var files: [String: BlobExtent] = [:]
  /// What links point at, by the links' paths.
  private(set) var links: [String: TarEntry.Link] = [:]
  private(set) var problems: [LayoutProblem] = []
  /// Whether there were more entries than could be read.
  let isCut: Bool

  init(_ tar: TarIndex) {
    switch tar.end {
    case .truncated, .damaged, .absent: isCut = true
    case .marker, .none: isCut = false
    }
    var seen: Set<String> = []
    for entry in tar.entries where entry.kind != .directory {
      var path = entry.path[...]
      while path.hasPrefix("./") { path = path.dropFirst(2) }
      add(entry, path: String(path), isNew: seen.insert(String(path)).inserted, fileSize: tar.fileSize)
    }
  }

  init(
    blobs: [Digest: BlobExtent], files: [String: BlobExtent], problems: [LayoutProblem], isCut: Bool
  ) {
    self.blobs = blobs
    self.files = files
    self.problems = problems
    self.isCut = isCut
  }

  private mutating func add(_ entry: TarEntry, path: String, isNew: Bool, fileSize: Int64) {
    guard Self.isSafe(path) else {
      problems.append(.unsafePath(entry.path))
      return
    }
    guard isNew else {
      problems.append(.duplicate(path: path))
      return
    }
    guard entry.kind == .file else {
      links[path] = entry.link
      problems.append(Self.isOwn(path) ? .notAFile(path: path) : .surplus(path: path))
      return
    }
    // The last entry of a tar that was cut: what is left of it is not it.
    guard entry.size <= fileSize - min(entry.offset, fileSize) else { return }
    let extent = BlobExtent(offset: entry.offset, size: entry.size)
    if let digest = BlobPath.digest(of: path) { blobs[digest] = extent } else { files[path] = extent }
  }

  private static func isSafe(_ path: String) -> Bool {
    path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains { $0 < 0x20 || $0 == 0x7f }
    }
  }

  private static let own: Set = [LayoutFile.path, IndexFile.path, DockerManifestFile.path, FerryFile.path]

  /// Whether a layout's own files or blobs have such a path.
  static func isOwn(_ path: String) -> Bool {
    own.contains(path) || path == "blobs" || path.hasPrefix("blobs/") || path.hasPrefix(CarriedFile.folder)
  }
}
