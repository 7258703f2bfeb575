import Tar

/// The links of a tar, and where they lead: to any number of links, to files and to directories.
struct TarLinks {
  /// What they point at, and where in the tar they stand, by their paths.
  private var links: [String: (link: TarEntry.Link, offset: Int64)] = [:]
  /// Of the paths of those that may lead to directories: so a path is looked through once for all directories on it, however
  /// long it is.
  private var hashes: Set<Int> = []
  private let effort: Effort

  /// None yet.
  init(_ effort: Effort) { self.effort = effort }

  /// The most links on the way to one file, as Linux has it for a path.
  private static let mostSteps = 40
  /// So many bytes of a path are a step: long ones take as long as many.
  private static let bytesOfStep = 64

  var isEmpty: Bool { links.isEmpty }
  var paths: some Collection<String> { links.keys }

  subscript(path: String) -> TarEntry.Link? { links[path]?.link }

  mutating func add(_ link: TarEntry.Link, at path: String, offset: Int64) {
    links[path] = (link, offset)
    guard case .symbolic = link else { return }
    var hasher = Hasher()
    for byte in path.utf8 { hasher.combine(byte) }
    hashes.insert(hasher.finalize())
  }

  /// The file that `path` leads to, its own name, and every name on the way; nil where that is none. `extent` is where the file
  /// of a name lies. Throws ``LayoutError/tangled(path:limit:)`` and ``LayoutError/cancelled``.
  func follow(
    _ path: String, _ extent: (String) -> BlobExtent?
  ) throws(LayoutError) -> (name: String, extent: BlobExtent, steps: [String])? {
    var name = TarPath.plain(path)
    var steps: [String] = []
    // A hard link stands for what came before it, whatever comes behind.
    var limit = Int64.max
    while steps.count < Self.mostSteps {
      steps.append(name)
      if let extent = extent(name) { return extent.offset < limit ? (name, extent, steps) : nil }
      guard !links.isEmpty else { return nil }
      try effort.take(1 + name.utf8.count / Self.bytesOfStep)
      let next: String?
      switch links[name] {
      case (.symbolic(let target), _)?: next = TarPath.path(target, in: name)
      case (.hard(let target), let offset)?:
        next = TarPath.path(hard: target)
        limit = min(limit, offset)
      case nil: next = throughDirectory(name)
      }
      guard let next else { return nil }
      name = next
    }
    return nil
  }

  /// The path that leads to the same place where a directory on the way is a link; nil where none is.
  private func throughDirectory(_ path: String) -> String? {
    var hasher = Hasher()
    for index in path.utf8.indices {
      let byte = path.utf8[index]
      if byte == UInt8(ascii: "/"), hashes.contains(hasher.finalize()) {
        let folder = String(path[..<index])
        if case .symbolic(let target) = links[folder]?.link {
          return TarPath.path(target + path[index...], in: folder)
        }
      }
      hasher.combine(byte)
    }
    return nil
  }
}
