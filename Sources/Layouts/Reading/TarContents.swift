import Digests
import Files
import Tar

/// A tar's entries told apart: blobs by digest, other files by name, and what has no business there.
struct TarContents {
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// By path, as ``plain(_:)`` has it.
  private(set) var files: [String: BlobExtent] = [:]
  /// What links point at, and where in the tar they stand, by the links' paths.
  private(set) var links: [String: (link: TarEntry.Link, offset: Int64)] = [:]
  private(set) var problems: [LayoutProblem] = []
  /// Entries whose content is not stored from end to end, by their paths.
  private(set) var sparse: Set<String> = []
  /// Files that are there twice, with one size.
  private var copies: [(path: String, first: BlobExtent, second: BlobExtent)] = []
  /// Whether there were more entries than could be read.
  let isCut: Bool

  /// Throws ``LayoutError/cancelled``.
  init(_ tar: TarIndex) throws(LayoutError) {
    switch tar.end {
    case .truncated, .damaged, .absent: isCut = true
    case .marker, .none: isCut = false
    }
    var seen: Set<String> = []
    // Where a blob belongs, and what stands there is none.
    var unread: Set<Digest> = []
    var directories: Set<String> = []
    for entry in tar.entries {
      try LayoutError.checkCancellation()
      let path = Self.plain(entry.path)
      // What is stored otherwise and belongs to nothing hurts nobody; an image's layer is refused by its name.
      if let contradiction = entry.contradiction, contradiction != .sparse || Self.isOwn(path) {
        problems.append(.contradiction(path: path, contradiction))
      }
      guard entry.kind != .directory else {
        directories.insert(Self.folded(path))
        continue
      }
      if entry.contradiction == .sparse { sparse.insert(path) }
      // Of blobs there may be hundreds of thousands: their names are not kept.
      if let digest = BlobPath.digest(of: path) {
        let isNew = blobs[digest] == nil && !unread.contains(digest)
        add(entry, path: path, of: digest, isNew: isNew, fileSize: tar.fileSize)
        if blobs[digest] == nil { unread.insert(digest) }
      } else {
        add(entry, path: path, of: nil, isNew: seen.insert(path).inserted, fileSize: tar.fileSize)
      }
    }
    placeByDigests()
    // Of what lies in the tar, and not of what links lead to.
    let nesting = try nesting(of: seen, directories, unread)
    try followLinks()
    problems += nesting
  }

  /// apko lays what its index lists beside that: manifests and configs as `sha256:<hex>`, layers as `<hex>.tar.gz`.
  private mutating func placeByDigests() {
    guard blobs.isEmpty, files[IndexFile.path] != nil, files[LayoutFile.path] == nil else { return }
    for (path, extent) in files.sorted(by: { $0.key < $1.key }) {
      let name = path.hasSuffix(".tar.gz") ? path.dropLast(7) : path[...]
      guard !path.contains("/"), name.count < path.count || path.hasPrefix("sha256:"),
        let digest = Digest(hex: name.hasPrefix("sha256:") ? name.dropFirst(7) : name)
      else { continue }
      blobs[digest] = blobs[digest] ?? extent
    }
  }

  /// A path without what does not change where it leads, as in `/a`, `./a` and `a//b`. What leads upwards stays, and is unsafe.
  static func plain(_ path: String) -> String {
    let isPlain =
      !path.hasPrefix("/") && !path.hasPrefix("./") && !path.contains("//") && !path.contains("/./")
    guard !isPlain || path.hasSuffix("/") || path.hasSuffix("/.") || path == "." else { return path }
    return path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
  }

  /// A directory's path without the steps upwards that are in it.
  private static func folded(_ path: String) -> String {
    guard path.contains("..") else { return path }
    var parts: [Substring] = []
    for part in path.split(separator: "/") {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  /// Puts the files of the tar where links stand that lead to them: by any number of links, to files and to directories, and
  /// whether the file comes first or the link.
  private mutating func followLinks() throws(LayoutError) {
    guard !links.isEmpty else { return }
    let names = links.keys.filter(Self.isOwn).sorted()
    var followed = 0
    for name in names {
      try LayoutError.checkCancellation()
      if let found = resolve(name) {
        place(found.extent, at: name)
      } else if followed < Self.mostDirectories, name.split(separator: "/").count <= 2 {
        followed += 1
        try followDirectory(at: name)
      } else {
        noteLink(name)
      }
    }
  }

  /// The most links to directories: `blobs`, and one for each algorithm.
  private static let mostDirectories = 4

  private mutating func place(_ extent: BlobExtent, at path: String) {
    if let digest = BlobPath.digest(of: path) { blobs[digest] = extent } else { files[path] = extent }
  }

  /// Puts what lies in the directory of the tar that a link leads to, where the link stands.
  private mutating func followDirectory(at link: String) throws(LayoutError) {
    guard case .symbolic(let target) = links[link]?.link,
      let folder = Self.path(target, from: link.split(separator: "/").dropLast()), !folder.isEmpty
    else { return noteLink(link) }
    let below = folder + "/"
    let found = files.filter { $0.key.hasPrefix(below) }
    let foundBlobs = blobs.filter { BlobPath.path(of: $0.key).hasPrefix(below) }
    guard !found.isEmpty || !foundBlobs.isEmpty else { return noteLink(link) }
    let all = found.map { ($0.key, $0.value) } + foundBlobs.map { (BlobPath.path(of: $0.key), $0.value) }
    for (path, extent) in all {
      try LayoutError.checkCancellation()
      let name = "\(link)/\(path.dropFirst(below.count))"
      let isKnown = BlobPath.digest(of: name).map { blobs[$0] != nil } ?? (files[name] != nil)
      if !isKnown { place(extent, at: name) }
    }
  }

  /// A link that leads to nothing that is in the tar.
  private mutating func noteLink(_ path: String) {
    switch links[path]?.link {
    case .symbolic(let target), .hard(let target): problems.append(.strayLink(path: path, target: target))
    case nil: problems.append(.notAFile(path: path))
    }
  }

  /// Entries below one that is no directory: what is unpacked goes where a link leads, or nowhere, while others find
  /// it by its name; and paths that are a directory and something else. Each such place once, in the order of their paths.
  /// `paths` are all but those of blobs, `unread` of these the ones where no blob stands.
  private func nesting(
    of paths: Set<String>, _ directories: Set<String>, _ unread: Set<Digest>
  ) throws(LayoutError) -> [LayoutProblem] {
    func precedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }
    let all = paths.union(directories).sorted(by: precedes)
    // The first of each folder.
    var firstBlobs: [Digest.Algorithm: Digest] = [:]
    func note(_ digest: Digest) {
      firstBlobs[digest.algorithm] = min(digest, firstBlobs[digest.algorithm] ?? digest)
    }
    blobs.keys.forEach(note)
    unread.forEach(note)
    let blobPaths = firstBlobs.values.map(BlobPath.path)
    var doubled: Set<String> = []
    var beneath: [String: String] = [:]
    for path in all {
      try LayoutError.checkCancellation()
      if let digest = BlobPath.digest(of: path), isThere(digest, unread) {
        // A directory, for paths of blobs are not among these.
        doubled.insert(path)
      } else if let parent = BlobPath.digest(above: path), isThere(parent, unread) {
        let parent = BlobPath.path(of: parent)
        beneath[parent] = beneath[parent] ?? path
      }
      guard paths.contains(path) else { continue }
      if directories.contains(path) { doubled.insert(path) }
      // What lies below a path stands together in that order, if there is anything.
      let below = path + "/"
      var low = 0
      var high = all.count
      while low < high {
        let middle = (low + high) / 2
        if precedes(all[middle], below) { low = middle + 1 } else { high = middle }
      }
      let others = blobPaths + (low < all.count ? [all[low]] : [])
      let first = others.filter { $0.utf8.starts(with: below.utf8) }.min(by: precedes)
      if let first { beneath[path] = first }
    }
    var problems: [LayoutProblem] = []
    for path in doubled.union(beneath.keys).sorted(by: precedes) {
      if doubled.contains(path) { problems.append(.duplicate(path: path)) }
      if let child = beneath[path] { problems.append(.beneath(path: child, parent: path)) }
    }
    return problems
  }

  private func isThere(_ blob: Digest, _ unread: Set<Digest>) -> Bool {
    blobs[blob] != nil || unread.contains(blob)
  }

  init(
    blobs: [Digest: BlobExtent], files: [String: BlobExtent], problems: [LayoutProblem], isCut: Bool
  ) {
    self.blobs = blobs
    self.files = files
    self.problems = problems
    self.isCut = isCut
  }

  private mutating func add(
    _ entry: TarEntry, path: String, of digest: Digest?, isNew: Bool, fileSize: Int64
  ) {
    guard Self.isSafe(path) else {
      problems.append(.unsafePath(entry.path))
      return
    }
    guard isNew else { return addAgain(entry, path: path) }
    guard entry.kind == .file else {
      if let link = entry.link {
        links[path] = (link, entry.headerOffset)
        if !Self.isOwn(path) { problems.append(.surplus(path: path)) }
      } else {
        problems.append(Self.isOwn(path) ? .notAFile(path: path) : .surplus(path: path))
      }
      return
    }
    // The last entry of a tar that was cut: what is left of it is not it.
    guard entry.size <= fileSize - min(entry.offset, fileSize) else { return }
    let extent = BlobExtent(offset: entry.offset, size: entry.size)
    if let digest { blobs[digest] = extent } else { files[path] = extent }
  }

  /// Adds an entry of a path that there is an entry of. GNU tar makes a hard link to itself of a file that it is given twice.
  private mutating func addAgain(_ entry: TarEntry, path: String) {
    var second = entry.kind == .file ? BlobExtent(offset: entry.offset, size: entry.size) : nil
    if case .hard(let target) = entry.link {
      if let link = links[path]?.link, link == entry.link { return }
      second = Self.path(hard: target).flatMap(extent(of:))
    }
    guard let first = extent(of: path), let second, first.size == second.size else {
      return problems.append(.duplicate(path: path))
    }
    if first != second { copies.append((path, first, second)) }
  }

  /// The same, once files that are there twice were compared: the same bytes twice are no damage.
  consuming func comparingCopies(in file: any RandomAccess) throws(LayoutError) -> TarContents {
    for (path, first, second) in copies where try !Self.areSame(first, second, in: file) {
      problems.append(.duplicate(path: path))
    }
    copies = []
    return self
  }

  private static func areSame(
    _ first: BlobExtent, _ second: BlobExtent, in file: any RandomAccess
  ) throws(LayoutError) -> Bool {
    guard file.holds(first.range), file.holds(second.range) else { return false }
    if let passed = file as? PassedContent, let one = passed.passage(at: first.offset, size: first.size),
      let other = passed.passage(at: second.offset, size: second.size)
    {
      return one.digests[0] == other.digests[0]
    }
    var done: Int64 = 0
    while done < first.size {
      try LayoutError.checkCancellation()
      let count = min(1 << 20, first.size - done)
      let pieces = try [first, second].map { (extent) throws(LayoutError) in
        try BlobExtent(offset: extent.offset + done, size: count).bytes(in: file)
      }
      guard pieces[0] == pieces[1], pieces[0].count == Int(count) else { return false }
      done += count
    }
    return true
  }

  private static func isSafe(_ path: String) -> Bool {
    // Where a backslash is a slash, another path.
    guard !isOwn(path.replacing("\\", with: "/")) || !path.contains("\\") else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0 != "." && $0 != ".." && !$0.utf8.contains { $0 < 0x20 || $0 == 0x7f }
    }
  }

  /// Where the file lies that is called `path`, which no link is followed for.
  func extent(of path: String) -> BlobExtent? {
    BlobPath.digest(of: path).flatMap { blobs[$0] } ?? files[path]
  }

  private static let own: Set = [LayoutFile.path, IndexFile.path, DockerManifestFile.path, FerryFile.path]

  /// Whether a layout's own files or blobs have such a path.
  static func isOwn(_ path: String) -> Bool {
    own.contains(path) || path == "blobs" || path.hasPrefix("blobs/") || path.hasPrefix(CarriedFile.folder)
  }

  /// Whether something in it has a name as image layouts and `docker save` give one, to whatever it is, at the top or in a
  /// folder.
  var looksLikeImages: Bool {
    guard blobs.isEmpty else { return true }
    return (Array(files.keys) + links.keys).contains { path in
      if Self.isOwn(path) { return !path.hasPrefix(CarriedFile.folder) }
      let parts = path.split(separator: "/").suffix(3)
      guard let first = path.split(separator: "/").first, let last = parts.last else { return false }
      let folder = parts.dropLast()
      return Self.isDigest(first) || last == LayoutFile.path
        || Self.isDigest(last) && folder.count == 2 && folder.first == "blobs"
          && folder.last.map { Digest.Algorithm(rawValue: String($0)) != nil } ?? false
        || last == "layer.tar" && folder.last.map(Self.isDigest) ?? false
    }
  }

  /// The files that are called like archives, by name.
  var namesOfArchives: [String] {
    let endings = [".tar", ".tgz", ".tar.gz", ".tar.zst", ".tar.xz"]
    return files.keys.filter { path in endings.contains { path.hasSuffix($0) } }.sorted()
  }

  /// Whether a file or folder is called by a digest, with an ending or without.
  private static func isDigest(_ name: Substring) -> Bool {
    Digest(fileName: name.prefix { $0 != "." }) != nil
  }

  /// The most links on the way to one file, as Linux has it for a path.
  private static let mostSteps = 40

  /// The file that `path` leads to, its own name, and every name on the way. Where old `docker save` archives have
  /// links for layers that images share, a link leads to another entry of the same tar, or nowhere.
  func resolve(_ path: String) -> (name: String, extent: BlobExtent, steps: [String])? {
    if let found = follow(path) { return found }
    // docker on Windows joined the paths in its list as Windows does, and those of its tar with slashes.
    return path.contains("\\") ? follow(path.replacing("\\", with: "/")) : nil
  }

  private func follow(_ path: String) -> (name: String, extent: BlobExtent, steps: [String])? {
    var name = Self.plain(path)
    var steps: [String] = []
    // A hard link stands for what came before it, whatever comes behind.
    var limit = Int64.max
    while steps.count < Self.mostSteps {
      steps.append(name)
      if let extent = files[name] ?? BlobPath.digest(of: name).flatMap({ blobs[$0] }) {
        return extent.offset < limit ? (name, extent, steps) : nil
      }
      let step = links[name]
      let next: String?
      switch step?.link {
      case .symbolic(let target): next = Self.path(target, from: name.split(separator: "/").dropLast())
      case .hard(let target):
        next = Self.path(hard: target)
        limit = min(limit, step?.offset ?? limit)
      case nil: next = throughDirectory(name)
      }
      guard let next else { return nil }
      name = next
    }
    return nil
  }

  /// The path that leads to the same place where a directory on the way is a link; nil where none is.
  private func throughDirectory(_ path: String) -> String? {
    guard !links.isEmpty else { return nil }
    var position = path.startIndex
    while let slash = path[position...].firstIndex(of: "/") {
      let folder = path[..<slash]
      position = path.index(after: slash)
      guard case .symbolic(let target) = links[String(folder)]?.link else { continue }
      return Self.path("\(target)/\(path[position...])", from: folder.split(separator: "/").dropLast())
    }
    return nil
  }

  /// What a hard link leads to, from the tar's top on however it begins.
  private static func path(hard target: String) -> String? {
    path(String(target.drop { $0 == "/" }), from: [])
  }

  /// `target` as seen from a directory of the tar; nil when it leads out of it.
  private static func path(_ target: String, from folder: some Sequence<Substring>) -> String? {
    guard !target.hasPrefix("/") else { return nil }
    var parts = Array(folder)
    for part in target.split(separator: "/") where part != "." {
      if part != ".." {
        parts.append(part)
      } else if parts.popLast() == nil {
        return nil
      }
    }
    return parts.joined(separator: "/")
  }
}
