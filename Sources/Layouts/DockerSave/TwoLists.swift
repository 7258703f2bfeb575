import Digests
import Files
import Images
import Tar

/// The images of another tool's archive that has two lists of them: `index.json`, and docker's `manifest.json`.
///
/// Some readers take the one, some the other, so both must speak of the same images; and what one alone names, as
/// `docker save` leaves images without a tag out of `index.json`, is an image all the same. Its manifest is the one
/// that lies in the archive, or else is made as for ``DockerSaveArchive``.
struct TwoLists {
  /// Those of `index.json`, by the names that either list gives them, then those that `manifest.json` alone names.
  private(set) var images: [LayoutImage]
  private(set) var problems: [LayoutProblem] = []
  private var noted: Set<LayoutProblem> = []
  /// Where what only `manifest.json` leads to lies, but for ``made``.
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// The manifests that are missing in the archive, by their digests.
  private(set) var made: [Digest: [UInt8]] = [:]

  private let file: any RandomAccess
  private let entries: TarContents
  private let walk: ManifestWalk
  /// The images' manifests, by their configs.
  private let known: [Digest: [ListedImage]]
  /// The indexes that list a manifest, by its digest.
  private let parents: [Digest: Set<Digest>]
  /// Where in ``images`` a root's names are, and a name's roots.
  private var byRoot: [Digest: [Int]] = [:]
  private var byReference: [Reference: [Int]] = [:]
  /// The same for every name by which some reader knows it.
  private var byName: [String: [Int]] = [:]
  /// The names that a root has.
  private var byNames: [Digest: Set<String>] = [:]
  private var standings: [Digest: Standing] = [:]
  /// Indexes whose parts have the names that docker's list gives.
  private var divided: Set<Digest> = []
  /// The manifests that lie in the archive and no list names, by their configs; nil before they were looked for.
  private var strays: [Digest: [ListedImage]]?

  /// Which images a manifest is of, so that it is found once however many names it has.
  private struct Standing {
    /// It and all indexes that it is below.
    let above: Set<Digest>
    let root: Descriptor
    /// The images without a name, by their tags, the first of them last.
    var unnamed: [String?: [Int]]
  }

  /// What of an image's manifest can be held against docker's list.
  private struct ListedImage {
    let descriptor: Descriptor
    let config: Digest
    let layers: [Digest]

    init?(_ manifest: Manifest) {
      guard case .image(let image) = manifest.content else { return nil }
      descriptor = manifest.descriptor
      config = image.config.digest
      layers = image.layers.map(\.digest)
    }
  }

  /// Reads `manifest.json`, which lies at `extent`, beside `index`. Throws what keeps it from being read.
  static func read(
    _ extent: BlobExtent, beside index: IndexFile, _ blobs: [Digest: BlobExtent], file: any RandomAccess,
    tar: TarIndex, entries: TarContents, memoryLimit: Int64
  ) throws(LayoutError) -> TwoLists {
    var walk = ManifestWalk(file: file, blobs: blobs, omissions: [:])
    var listed: [Digest: ListedImage] = [:]
    var parents: [Digest: Set<Digest>] = [:]
    for image in index.images {
      try walk.descend(from: image.root) { manifest in
        listed[manifest.digest] = ListedImage(manifest)
        for child in manifest.children { parents[child.digest, default: []].insert(manifest.digest) }
      }
    }
    var lists = TwoLists(
      index.images, walk, known: listed.values, parents: parents, file: file, entries: entries)
    var docker = try DockerSaveArchive.open(
      list: extent, file: file, tar: tar, entries: entries, memoryLimit: memoryLimit)
    try lists.findDivided(docker.list, &docker)
    for entry in docker.list {
      try LayoutError.checkCancellation()
      do { try lists.take(entry, &docker) } catch {
        guard docker.list.count > 1, error.isOfOneImage else { throw error }
        lists.note(.unreadableImage(DockerSaveArchive.name(of: entry), error))
      }
    }
    lists.blobs = docker.blobs.filter { blobs[$0.key] == nil }
    let legacy = try LegacyTags.read(entries, file)?.problems(beside: docker.list) ?? []
    for problem in docker.problems + legacy { lists.note(problem) }
    return lists
  }

  private init(
    _ images: [LayoutImage], _ walk: ManifestWalk, known: some Sequence<ListedImage>,
    parents: [Digest: Set<Digest>], file: any RandomAccess, entries: TarContents
  ) {
    self.file = file
    self.entries = entries
    self.images = images
    self.walk = walk
    self.known = Self.byConfig(known)
    self.parents = parents
    for (place, image) in images.enumerated() {
      byRoot[image.root.digest, default: []].append(place)
      byNames[image.root.digest, default: []].insert(image.name)
      if let reference = image.reference { byReference[reference, default: []].append(place) }
      for name in ReaderNames.names(of: image) { byName[name, default: []].append(place) }
    }
  }

  private static func byConfig(_ images: some Sequence<ListedImage>) -> [Digest: [ListedImage]] {
    Dictionary(grouping: images, by: \.config)
      .mapValues { $0.sorted { $0.descriptor.digest < $1.descriptor.digest } }
  }

  /// Finds the indexes without a name of which docker's list names several parts, each otherwise, as apko has it: these names
  /// are the parts' own.
  private mutating func findDivided(
    _ list: [DockerManifestFile.Entry], _ docker: inout DockerSaveArchive
  ) throws(LayoutError) {
    let unnamed = images.filter { $0.name.isEmpty && $0.root.mediaType.isIndex }
    guard !unnamed.isEmpty, list.count > 1 else { return }
    var names: [Digest: [Digest: Set<String>]] = [:]
    for entry in list where !entry.names.isEmpty {
      try LayoutError.checkCancellation()
      guard let config = try? docker.config(at: entry.config).descriptor.digest else { continue }
      for image in known[config] ?? [] {
        guard let root = standing(of: image.descriptor.digest)?.root.digest else { continue }
        names[root, default: [:]][image.descriptor.digest, default: []].formUnion(entry.names)
      }
    }
    for root in unnamed.map(\.root.digest) {
      let parts = names[root] ?? [:]
      let all = parts.values.reduce(into: Set<String>()) { $0.formUnion($1) }
      if parts.count > 1, parts.values.map(\.count).saturatingSum() == all.count { divided.insert(root) }
    }
  }

  private mutating func take(
    _ entry: DockerManifestFile.Entry, _ docker: inout DockerSaveArchive
  ) throws(LayoutError) {
    let config = try docker.config(at: entry.config)
    if let candidates = known[config.descriptor.digest] {
      for image in candidates where try agrees(image, with: entry, config, &docker) {
        guard let root = standing(of: image.descriptor.digest)?.root, divided.contains(root.digest) else {
          return name(image.descriptor.digest, as: entry.names)
        }
        return add(image.descriptor, as: entry.names)
      }
      note(.disagreement(path: DockerManifestFile.path))
      return
    }
    for image in try findStrays()[config.descriptor.digest] ?? []
    where try agrees(image, with: entry, config, &docker) {
      return add(image.descriptor, as: entry.names)
    }
    let bytes = try docker.manifest(of: entry)
    let digest = Digest(of: bytes)
    made[digest] = bytes
    add(Descriptor(mediaType: .ociManifest, digest: digest, size: Int64(bytes.count)), as: entry.names)
  }

  private mutating func note(_ problem: LayoutProblem) {
    if noted.insert(problem).inserted { problems.append(problem) }
  }

  /// Whether an entry's files are the config and the layers that `image` lists. A layer may lie there
  /// uncompressed: then the config says what it is.
  private mutating func agrees(
    _ image: ListedImage, with entry: DockerManifestFile.Entry, _ config: DockerConfig,
    _ docker: inout DockerSaveArchive
  ) throws(LayoutError) -> Bool {
    guard image.layers.count == entry.layers.count else { return false }
    var missing: [String] = []
    for (index, (path, layer)) in zip(entry.layers, image.layers).enumerated() {
      let place = entries.resolve(path)
      let digest = BlobPath.digest(of: place?.name ?? path)
      let content = config.diffIDs.indices.contains(index) ? config.diffIDs[index] : nil
      if let digest {
        guard digest == layer || digest == content else { return false }
        // Docker reads no other file, though the same layer lies there compressed; of the layer itself it is told anyway.
        if place == nil, digest != layer, !entries.isCut { missing.append(path) }
      } else if let place {
        let measured = try docker.measure(
          place.name, place.extent, docker.compression(of: place.extent),
          by: MeasuredLayer.Algorithms(
            whole: layer.algorithm, content: content?.algorithm ?? .sha256))
        guard measured.digest == layer || (measured.content != nil && measured.content == content)
        else { return false }
      } else {
        return false
      }
    }
    for path in missing { note(.missingFile(path: path)) }
    return true
  }

  /// Sees that an image that `index.json` names too has the names that `manifest.json` gives it.
  private mutating func name(_ digest: Digest, as names: [String]) {
    guard let (above, root) = standing(of: digest) else { return }
    for image in DockerSaveArchive.images(names, root: root) {
      guard let reference = image.reference else {
        keep(image, of: digest)
        continue
      }
      let sameName = called(reference)
      guard sameName.isEmpty || sameName.contains(where: { above.contains($0.root.digest) }) else {
        contradict(image, by: sameName)
        continue
      }
      guard byReference[reference] == nil else { continue }
      guard let place = takeUnnamed(digest, tag: reference.tag) else {
        append(image)
        continue
      }
      images[place] = LayoutImage(reference: reference, name: image.name, root: images[place].root)
      byReference[reference] = [place]
      if let name = ReaderNames.name(reference) { byName[name] = [place] }
    }
  }

  /// Keeps a name of an image of `index.json` that no registry takes: nobody would learn otherwise that it does not arrive.
  private mutating func keep(_ image: LayoutImage, of digest: Digest) {
    guard !ArchiveName.standsForNone(image.name),
      byNames[image.root.digest, default: []].insert(image.name).inserted
    else { return }
    guard let place = takeUnnamed(digest, tag: nil) else { return append(image) }
    images[place] = LayoutImage(reference: nil, name: image.name, root: images[place].root)
  }

  /// What is above a manifest, and the first image that it is of; nil where that is none.
  private mutating func standing(of digest: Digest) -> (above: Set<Digest>, root: Descriptor)? {
    if let known = standings[digest] { return (known.above, known.root) }
    let above = holders(of: digest)
    let places = above.flatMap { byRoot[$0] ?? [] }.sorted()
    guard let root = places.first.map({ images[$0].root }) else { return nil }
    // The last is the first to be taken. A name that no registry takes is another one, which is told.
    let free = places.reversed().filter {
      let image = images[$0]
      return image.reference == nil && (image.bareTag != nil || ArchiveName.standsForNone(image.name))
    }
    standings[digest] = Standing(
      above: above, root: root, unnamed: Dictionary(grouping: free) { images[$0].bareTag })
    return (above, root)
  }

  /// The first image of a manifest that has no name yet, and no tag or this one.
  private mutating func takeUnnamed(_ digest: Digest, tag: String?) -> Int? {
    var places: [(place: Int, tag: String?)] = []
    for tag in Set([nil, tag]) {
      // It may have been named as that of another manifest.
      while let last = standings[digest]?.unnamed[tag]?.last, images[last].reference != nil {
        standings[digest]?.unnamed[tag]?.removeLast()
      }
      if let place = standings[digest]?.unnamed[tag]?.last { places.append((place, tag)) }
    }
    guard let first = places.min(by: { $0.place < $1.place }) else { return nil }
    standings[digest]?.unnamed[first.tag]?.removeLast()
    return first.place
  }

  /// The images that some reader knows by that name.
  private func called(_ reference: Reference) -> [LayoutImage] {
    (ReaderNames.name(reference).flatMap { byName[$0] } ?? byReference[reference] ?? []).map { images[$0] }
  }

  /// Adds an image that `manifest.json` alone names.
  private mutating func add(_ root: Descriptor, as names: [String]) {
    for image in DockerSaveArchive.images(names, root: root) {
      let sameName = image.reference.map(called) ?? []
      guard !sameName.contains(where: { $0.root.digest != root.digest }) else {
        contradict(image, by: sameName)
        continue
      }
      if !(byNames[root.digest]?.contains(image.name) ?? false) { append(image) }
    }
  }

  private mutating func append(_ image: LayoutImage) {
    byRoot[image.root.digest, default: []].append(images.count)
    byNames[image.root.digest, default: []].insert(image.name)
    if let reference = image.reference {
      byReference[reference, default: []].append(images.count)
      if let name = ReaderNames.name(reference) { byName[name, default: []].append(images.count) }
    }
    images.append(image)
  }

  /// Notes that a name stands for two images, unless the other one cannot be read: that is told by itself.
  private mutating func contradict(_ image: LayoutImage, by others: [LayoutImage]) {
    guard others.contains(where: { walk.manifests.contains($0.root.digest) || made[$0.root.digest] != nil })
    else { return }
    note(.ambiguousName(image.name))
  }

  /// The manifest `digest` and all indexes that it is below.
  private func holders(of digest: Digest) -> Set<Digest> {
    var pending = [digest]
    var seen: Set<Digest> = []
    while let next = pending.popLast() {
      if seen.insert(next).inserted { pending += parents[next] ?? [] }
    }
    return seen
  }

  /// The manifests among the blobs that `index.json` does not lead to.
  private mutating func findStrays() throws(LayoutError) -> [Digest: [ListedImage]] {
    if let strays { return strays }
    var found: [ListedImage] = []
    var bytesRead: Int64 = 0
    var tally = ManifestTally()
    for (digest, extent) in entries.blobs.sorted(by: { $0.key < $1.key })
    where walk.listed[digest] == nil && extent.size <= Int64(Manifest.sizeLimit) && file.holds(extent.range) {
      try LayoutError.checkCancellation()
      let start = try BlobExtent(offset: extent.offset, size: min(1, extent.size)).bytes(in: file)
      guard start == [UInt8(ascii: "{")] else { continue }
      bytesRead.add(saturating: extent.size)
      guard bytesRead <= ManifestWalk.sizeLimit, !tally.isDense(beyond: ManifestWalk.mostValues) else {
        break
      }
      let bytes = try extent.bytes(in: file)
      guard digest.matches(bytes),
        let manifest = try? Manifest(bytes: bytes, mediaType: nil, by: digest.algorithm)
      else { continue }
      tally.add(manifest)
      if let image = ListedImage(manifest) { found.append(image) }
    }
    let strays = Self.byConfig(found)
    self.strays = strays
    return strays
  }
}
