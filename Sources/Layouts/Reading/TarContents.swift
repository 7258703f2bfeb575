import Digests
import Files
import Tar

/// A tar's entries told apart: blobs by digest, other files by name, and what has no business there.
struct TarContents {
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// By path, as ``TarPath/plain(_:)`` has it.
  private(set) var files: [String: BlobExtent] = [:]
  private var links: TarLinks
  private(set) var problems: [LayoutProblem] = []
  /// Entries whose content is not stored from end to end, by their paths.
  private(set) var sparse: Set<String> = []
  /// Files that are there twice, with one size.
  private var copies: [(path: String, first: BlobExtent, second: BlobExtent)] = []
  /// Files of a directory that are one file by several names.
  private(set) var shared: Set<BlobExtent> = []
  /// Blobs that lie where others may lie too: where links lead, or in what has several names.
  private var placed: [Digest] = []
  /// For whoever holds what it says against something else.
  let effort: Effort
  /// Whether there were more entries than could be read.
  let isCut: Bool

  /// `path` is the archive's. Throws ``LayoutError/cancelled``, and ``LayoutError/tangled(path:limit:)``.
  init(_ tar: TarIndex, of path: String) throws(LayoutError) {
    effort = Effort(of: path)
    links = TarLinks(effort)
    switch tar.end {
    case .truncated, .damaged, .absent: isCut = true
    case .marker, .none: isCut = false
    }
    var seen: Set<String> = []
    // Where a blob belongs, and what stands there is none.
    var unread: Set<Digest> = []
    var directories: Set<String> = []
    var end: Int64 = 0
    for entry in tar.entries {
      try LayoutError.checkCancellation()
      let path = TarPath.plain(entry.path)
      if entry.kind == .file, entry.size > 0 {
        let extent = BlobExtent(offset: entry.offset, size: entry.size)
        if extent.offset < end { shared.insert(extent) }
        end = max(end, extent.range.upperBound)
      }
      // What is stored otherwise and belongs to nothing hurts nobody; an image's layer is refused by its name.
      if let contradiction = entry.contradiction, contradiction != .sparse || Self.isOwn(path) {
        problems.append(.contradiction(path: path.isEmpty ? entry.path : path, contradiction))
      }
      guard entry.kind != .directory else {
        directories.insert(TarPath.folded(path))
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

  /// Puts the files of the tar where links stand that lead to them: by any number of links, to files and to directories, and
  /// whether the file comes first or the link.
  private mutating func followLinks() throws(LayoutError) {
    guard !links.isEmpty else { return }
    let names = links.paths.filter(Self.isOwn).sorted()
    var followed = 0
    for name in names {
      try LayoutError.checkCancellation()
      if let found = try resolve(name) {
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
    guard let digest = BlobPath.digest(of: path) else { return files[path] = extent }
    blobs[digest] = extent
    placed.append(digest)
  }

  /// Puts what lies in the directory of the tar that a link leads to, where the link stands.
  private mutating func followDirectory(at link: String) throws(LayoutError) {
    guard case .symbolic(let target) = links[link], let folder = TarPath.path(target, in: link),
      !folder.isEmpty
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
    switch links[path] {
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

  /// Of what an archive of another form at `path` was found to hold; `shared` are files that have several names there.
  init(
    blobs: [Digest: BlobExtent], files: [String: BlobExtent], problems: [LayoutProblem], isCut: Bool,
    shared: Set<BlobExtent> = [], of path: String
  ) {
    self.blobs = blobs
    self.files = files
    self.problems = problems
    self.isCut = isCut
    effort = Effort(of: path)
    links = TarLinks(effort)
    placed = blobs.filter { shared.contains($0.value) }.map(\.key)
  }

  private mutating func add(
    _ entry: TarEntry, path: String, of digest: Digest?, isNew: Bool, fileSize: Int64
  ) {
    // Where a backslash is a slash, another path.
    guard TarPath.isSafe(path), !(TarPath.slashed(path).map(Self.isOwn) ?? false) else {
      problems.append(.unsafePath(entry.path))
      return
    }
    guard isNew else { return addAgain(entry, path: path) }
    guard entry.kind == .file else {
      if let link = entry.link {
        links.add(link, at: path)
        if !Self.isOwn(path) { problems.append(.surplus(path: path)) }
      } else {
        problems.append(Self.isOwn(path) ? .notAFile(path: path) : .surplus(path: path))
      }
      return
    }
    // The last entry of a tar that was cut: what is left of it is not it.
    guard entry.size <= fileSize - min(entry.offset, fileSize) else { return }
    let extent = BlobExtent(offset: entry.offset, size: entry.size)
    guard let digest else { return files[path] = extent }
    blobs[digest] = extent
    if shared.contains(extent) { placed.append(digest) }
  }

  /// Adds an entry of a path that there is an entry of. GNU tar makes a hard link to itself of a file that it is given twice.
  private mutating func addAgain(_ entry: TarEntry, path: String) {
    var second = entry.kind == .file ? BlobExtent(offset: entry.offset, size: entry.size) : nil
    if case .hard(let target) = entry.link {
      if links[path] == entry.link { return }
      second = TarPath.path(hard: target).flatMap(extent(of:))
    }
    guard let first = extent(of: path), let second, first.size == second.size else {
      return problems.append(.duplicate(path: path))
    }
    if first != second { copies.append((path, first, second)) }
  }

  /// The same, once files that are there twice were compared: the same bytes twice are no damage. Each file is hashed once,
  /// however many are to be the same, and so is one that lies there as several blobs: it can be one of them.
  consuming func comparingCopies(in file: any RandomAccess) throws(LayoutError) -> TarContents {
    var digests = ExtentDigests(file)
    for (path, first, second) in copies where try !digests.areSame(first, second) {
      problems.append(.duplicate(path: path))
    }
    copies = []
    var holders: [BlobExtent: [Digest]] = [:]
    for digest in placed { holders[blobs[digest] ?? BlobExtent(offset: 0, size: 0)] = [] }
    if !holders.isEmpty {
      for (digest, extent) in blobs { holders[extent]?.append(digest) }
    }
    placed = []
    for (extent, names) in holders.sorted(by: { $0.key.offset < $1.key.offset }) where names.count > 1 {
      for digest in names.sorted() {
        guard let actual = try digests.digest(of: extent, by: digest.algorithm), actual != digest
        else { continue }
        problems.append(.damaged(digest, actual: actual))
        blobs[digest] = nil
      }
    }
    return self
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
  var looksLikeImages: Bool { !blobs.isEmpty || names.contains(where: Self.looksLikeImages) }

  /// Whether it is such a name.
  static func looksLikeImages(_ path: String) -> Bool {
    if isOwn(path) { return !path.hasPrefix(CarriedFile.folder) }
    let parts = path.split(separator: "/").suffix(3)
    guard let first = path.split(separator: "/").first, let last = parts.last else { return false }
    let folder = parts.dropLast()
    return isDigest(first) || last == LayoutFile.path
      || isDigest(last) && folder.count == 2 && folder.first == "blobs"
        && folder.last.map { Digest.Algorithm(rawValue: String($0)) != nil } ?? false
      || last == "layer.tar" && folder.last.map(isDigest) ?? false
  }

  /// The paths of all files but blobs, and of links to such.
  var names: [String] { Array(files.keys) + links.paths }

  /// Whether a file or folder is called by a digest, with an ending or without.
  private static func isDigest(_ name: Substring) -> Bool {
    Digest(fileName: name.prefix { $0 != "." }) != nil
  }

  /// The file that `path` leads to, its own name, and every name on the way. Where old `docker save` archives have
  /// links for layers that images share, a link leads to another entry of the same tar, or nowhere. Throws
  /// ``LayoutError/cancelled``, and ``LayoutError/tangled(path:limit:)``.
  func resolve(
    _ path: String
  ) throws(LayoutError) -> (name: String, extent: BlobExtent, steps: [String])? {
    if let found = try links.follow(path, extent(of:)) { return found }
    // docker on Windows joined the paths in its list as Windows does, and those of its tar with slashes.
    guard let slashed = TarPath.slashed(path) else { return nil }
    return try links.follow(slashed, extent(of:))
  }
}
