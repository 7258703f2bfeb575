import Tar

/// The links of a tar, and where they lead: to any number of links, to files and to directories.
struct TarLinks {
  /// What they point at, by their paths.
  private var links: [String: TarEntry.Link] = [:]
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

  subscript(path: String) -> TarEntry.Link? { links[path] }

  mutating func add(_ link: TarEntry.Link, at path: String) {
    links[path] = link
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
    while steps.count < Self.mostSteps {
      steps.append(name)
      if let extent = extent(name) { return (name, extent, steps) }
      guard !links.isEmpty else { return nil }
      try effort.take(1 + name.utf8.count / Self.bytesOfStep)
      let next: String?
      switch links[name] {
      case .symbolic(let target)?: next = TarPath.path(target, in: name)
      // What packs in the order of names writes links before what they lead to. Two entries of that name are told elsewhere.
      case .hard(let target)?: next = TarPath.path(hard: target)
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
        if case .symbolic(let target) = links[folder] {
          return TarPath.path(target + path[index...], in: folder)
        }
      }
      hasher.combine(byte)
    }
    return nil
  }
}
