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
  /// The roots of the images that these are about, where they are of some alone.
  private(set) var hurt: [LayoutProblem: Set<Digest>] = [:]
  /// Where what only `manifest.json` leads to lies, but for ``made``.
  private(set) var blobs: [Digest: BlobExtent] = [:]
  /// The manifests that are missing in the archive, by their digests.
  private(set) var made: [Digest: [UInt8]] = [:]

  /// The most images of both lists, each name one: to hold the lists against each other takes more memory than one of them.
  static let mostImages = 24 << 10

  private let file: any RandomAccess
  private let entries: TarContents
  private let walk: ManifestWalk
  /// The images' manifests, by their configs.
  private let known: [Digest: [ListedImage]]
  /// The indexes that list a manifest, by its digest.
  private let parents: [Digest: Set<Digest>]
  /// The images' roots, each once, in their order, and their numbers.
  private var roots: [Root] = []
  private var numbers: [Digest: Int32] = [:]
  /// The roots that have a name, by their numbers.
  private var byReference: [Reference: [Int32]] = [:]
  /// The same for every name by which some reader knows it.
  private var byName: [String: [Int32]] = [:]
  private var standings: [Digest: [Int32]] = [:]
  /// Indexes whose parts have the names that docker's list gives.
  private var divided: Set<Digest> = []
  /// The manifests of which docker's list gives a config other layers.
  private var disputed: Set<Digest> = []
  /// The manifests that lie in the archive and no list names, by their configs; nil before they were looked for.
  private var strays: [Digest: [ListedImage]]?

  private struct Root {
    let descriptor: Descriptor
    /// The names that it has.
    var names: Set<String> = []
    /// Where in ``images`` it has no name yet, by the tags that it has there, the first of them last.
    var unnamed: [String?: [Int]] = [:]
  }

  /// Reads `manifest.json`, which lies at `extent`, beside `index`. Throws what keeps it from being read.
  static func read(
    _ extent: BlobExtent, beside index: IndexFile, _ blobs: [Digest: BlobExtent], file: any RandomAccess,
    stored: Int64?, tar: TarIndex, entries: TarContents, memoryLimit: Int64
  ) throws(LayoutError) -> TwoLists {
    guard index.images.count <= mostImages else {
      throw .malformed(path: file.path, entry: IndexFile.path, why: .tooManyNames(limit: mostImages))
    }
    var walk = ManifestWalk(file: file, blobs: blobs, omissions: [:], stored: stored)
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
    try docker.joinLegacyTags { !lists.called($0).isEmpty }
    do { try DockerManifestFile.checkNames(of: docker.list, most: mostImages) } catch {
      throw .malformed(path: file.path, entry: DockerManifestFile.path, why: error)
    }
    try lists.findDivided(docker.list, &docker)
    for entry in docker.list {
      try LayoutError.checkCancellation()
      do { try lists.take(entry, &docker) } catch {
        guard docker.list.count > 1, error.isOfOneImage else { throw error }
        lists.note(.unreadableImage(DockerSaveArchive.name(of: entry), error))
      }
    }
    lists.blobs = docker.blobs.filter { blobs[$0.key] == nil }
    for problem in docker.problems { lists.note(problem) }
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
    self.known = ListedImage.byConfig(known)
    self.parents = parents
    for image in images {
      let number = number(of: image.root)
      roots[Int(number)].names.insert(image.name)
      if let reference = image.reference { byReference[reference, default: []].appendNew(number) }
      for name in ReaderNames.names(of: image) { byName[name, default: []].appendNew(number) }
    }
    // The last is the first to be taken. A name that no registry takes is another one, which is told.
    for (place, image) in images.enumerated().reversed()
    where image.reference == nil && (image.bareTag != nil || ArchiveName.standsForNone(image.name)) {
      roots[Int(number(of: image.root))].unnamed[image.bareTag, default: []].append(place)
    }
  }

  private mutating func number(of root: Descriptor) -> Int32 {
    if let known = numbers[root.digest] { return known }
    let number = Int32(clamping: roots.count)
    numbers[root.digest] = number
    roots.append(Root(descriptor: root))
    return number
  }

  /// Finds the indexes without a name of which docker's list names several parts, each otherwise, as apko has it: these names
  /// are the parts' own.
  private mutating func findDivided(
    _ list: [DockerManifestFile.Entry], _ docker: inout DockerSaveArchive
  ) throws(LayoutError) {
    let unnamed = images.filter { $0.name.isEmpty && $0.root.mediaType.isIndex }
    guard !unnamed.isEmpty, list.count > 1 else { return }
    // Whose each name is, by configs, and the configs of which a name is another's too.
    var owners: [String: Digest] = [:]
    var named: Set<Digest> = []
    var contested: Set<Digest> = []
    for entry in list where !entry.names.isEmpty {
      try LayoutError.checkCancellation()
      guard let config = try? docker.config(of: entry).descriptor.digest else { continue }
      named.insert(config)
      for name in entry.names {
        guard let other = owners.updateValue(config, forKey: name), other != config else { continue }
        contested.formUnion([config, other])
      }
    }
    var configs: [Digest: Set<Digest>] = [:]
    var mixed: Set<Digest> = []
    for config in named {
      for image in known[config] ?? [] {
        guard let root = try standing(of: image.descriptor.digest)?.root.digest else { continue }
        let isNew = configs[root, default: []].insert(config).inserted
        if !isNew || contested.contains(config) { mixed.insert(root) }
      }
    }
    for root in unnamed.map(\.root.digest) where configs[root]?.count ?? 0 > 1 && !mixed.contains(root) {
      divided.insert(root)
    }
  }

  private mutating func take(
    _ entry: DockerManifestFile.Entry, _ docker: inout DockerSaveArchive
  ) throws(LayoutError) {
    let config = try docker.config(of: entry)
    if let candidates = known[config.descriptor.digest] {
      guard let image = try first(of: candidates, with: entry, config, &docker) else {
        return try disagree(entry, candidates)
      }
      guard let root = try standing(of: image.descriptor.digest)?.root, divided.contains(root.digest) else {
        return try name(image.descriptor.digest, as: entry.names)
      }
      return try add(image.descriptor, as: entry.names)
    }
    let strays = try findStrays()[config.descriptor.digest] ?? []
    if let image = try first(of: strays, with: entry, config, &docker) {
      return try add(image.descriptor, as: entry.names)
    }
    let bytes = try docker.manifest(of: entry)
    let digest = Digest(of: bytes)
    made[digest] = bytes
    try add(Descriptor(mediaType: .ociManifest, digest: digest, size: Int64(bytes.count)), as: entry.names)
  }

  private mutating func note(_ problem: LayoutProblem, hurting numbers: [Int32] = []) {
    if noted.insert(problem).inserted { problems.append(problem) }
    for number in numbers { hurt[problem, default: []].insert(roots[Int(number)].descriptor.digest) }
  }

  /// Notes that an entry has other layers than its config's manifests: that hurts the images that have these, or its names.
  private mutating func disagree(
    _ entry: DockerManifestFile.Entry, _ manifests: [ListedImage]
  ) throws(LayoutError) {
    var numbers: [Int32] = []
    for manifest in manifests where disputed.insert(manifest.descriptor.digest).inserted {
      numbers += try standing(of: manifest.descriptor.digest)?.above ?? []
    }
    for name in entry.names { numbers += (try? Reference(dockerName: name)).map(called) ?? [] }
    try entries.effort.take(numbers.count)
    note(.disagreement(path: DockerManifestFile.path), hurting: numbers)
  }

  /// A layer as an entry names it.
  private struct LayerFile {
    let path: String
    let place: (name: String, extent: BlobExtent)?
    /// What it must be by its name.
    let digest: Digest?
  }

  /// The first of `candidates` that lists the layers which an entry's files are. A layer may lie there uncompressed: then the
  /// config says what it is.
  private mutating func first(
    of candidates: [ListedImage], with entry: DockerManifestFile.Entry, _ config: DockerConfig,
    _ docker: inout DockerSaveArchive
  ) throws(LayoutError) -> ListedImage? {
    var files: [LayerFile]?
    for image in candidates {
      // Any number of manifests may list one config, and so may any number of entries.
      try entries.effort.take()
      guard image.layers.count == entry.layers.count else { continue }
      if files == nil {
        files = []
        for path in entry.layers {
          let place = try entries.resolve(path).map { (name: $0.name, extent: $0.extent) }
          files?.append(
            LayerFile(path: path, place: place, digest: BlobPath.digest(of: place?.name ?? path)))
        }
      }
      guard let files, try agrees(image, with: files, config, &docker) else { continue }
      for (file, layer) in zip(files, image.layers)
      where file.place == nil && file.digest != layer && !entries.isCut {
        // Docker reads no other file, though the same layer lies there compressed; of the layer itself it is told anyway.
        note(.missingFile(path: file.path))
      }
      return image
    }
    return nil
  }

  private func agrees(
    _ image: ListedImage, with files: [LayerFile], _ config: DockerConfig,
    _ docker: inout DockerSaveArchive
  ) throws(LayoutError) -> Bool {
    for (index, (file, layer)) in zip(files, image.layers).enumerated() {
      if index > 0 { try entries.effort.take() }
      let content = config.diffIDs.indices.contains(index) ? config.diffIDs[index] : nil
      if let digest = file.digest {
        guard digest == layer || digest == content else { return false }
      } else if let place = file.place {
        let measured = try docker.measure(
          place.name, place.extent,
          by: MeasuredLayer.Algorithms(whole: layer.algorithm, content: content?.algorithm ?? .sha256))
        guard measured.digest == layer || (measured.content != nil && measured.content == content)
        else { return false }
      } else {
        return false
      }
    }
    return true
  }

  /// Sees that an image that `index.json` names too has the names that `manifest.json` gives it.
  private mutating func name(_ digest: Digest, as names: [String]) throws(LayoutError) {
    guard let (above, root) = try standing(of: digest) else { return }
    for image in DockerSaveArchive.images(names, root: root) {
      guard let reference = image.reference else {
        try keep(image, below: above)
        continue
      }
      let sameName = called(reference)
      try entries.effort.take(sameName.count * above.count)
      guard sameName.isEmpty || sameName.contains(where: above.contains) else {
        try contradict(image, by: sameName)
        continue
      }
      guard byReference[reference] == nil else { continue }
      guard let place = try takeUnnamed(above, tag: reference.tag) else {
        try append(image)
        continue
      }
      let root = images[place].root
      images[place] = LayoutImage(reference: reference, name: image.name, root: root)
      images[place].givenDigest = image.givenDigest
      let number = number(of: root)
      byReference[reference] = [number]
      if let name = ReaderNames.name(reference) { byName[name] = [number] }
    }
  }

  /// Keeps a name of an image of `index.json` that no registry takes: nobody would learn otherwise that it does not arrive.
  private mutating func keep(_ image: LayoutImage, below above: [Int32]) throws(LayoutError) {
    let number = Int(number(of: image.root))
    guard !ArchiveName.standsForNone(image.name), roots[number].names.insert(image.name).inserted else {
      return
    }
    guard let place = try takeUnnamed(above, tag: nil) else { return try append(image) }
    images[place] = LayoutImage(reference: nil, name: image.name, root: images[place].root)
  }

  /// The images' roots that a manifest is below, in their order, and the first of them; nil where there is none.
  private mutating func standing(
    of digest: Digest
  ) throws(LayoutError) -> (above: [Int32], root: Descriptor)? {
    let above: [Int32]
    if let known = standings[digest] {
      above = known
    } else {
      above = try holders(of: digest).compactMap { numbers[$0] }.sorted()
      standings[digest] = above
    }
    return above.first.map { (above, roots[Int($0)].descriptor) }
  }

  /// Where in ``images`` the first of these roots has no name yet, and no tag or this one.
  private mutating func takeUnnamed(_ above: [Int32], tag: String?) throws(LayoutError) -> Int? {
    try entries.effort.take(above.count)
    var first: (place: Int, root: Int, tag: String?)?
    for root in above.lazy.map(Int.init) {
      for tag in Set([nil, tag]) {
        // It may have been named as that of another manifest.
        while let last = roots[root].unnamed[tag]?.last, images[last].reference != nil {
          roots[root].unnamed[tag]?.removeLast()
        }
        guard let place = roots[root].unnamed[tag]?.last, place < first?.place ?? .max else { continue }
        first = (place, root, tag)
      }
    }
    guard let first else { return nil }
    roots[first.root].unnamed[first.tag]?.removeLast()
    return first.place
  }

  /// The numbers of the roots that some reader knows by that name.
  private func called(_ reference: Reference) -> [Int32] {
    ReaderNames.name(reference).flatMap { byName[$0] } ?? byReference[reference] ?? []
  }

  /// Adds an image that `manifest.json` alone names.
  private mutating func add(_ root: Descriptor, as names: [String]) throws(LayoutError) {
    let number = number(of: root)
    for image in DockerSaveArchive.images(names, root: root) {
      let sameName = image.reference.map(called) ?? []
      try entries.effort.take(sameName.count)
      guard sameName.allSatisfy({ $0 == number }) else {
        try contradict(image, by: sameName)
        continue
      }
      if !roots[Int(number)].names.contains(image.name) { try append(image) }
    }
  }

  private mutating func append(_ image: LayoutImage) throws(LayoutError) {
    guard images.count < Self.mostImages else {
      throw .malformed(
        path: file.path, entry: DockerManifestFile.path, why: .tooManyNames(limit: Self.mostImages))
    }
    let number = number(of: image.root)
    roots[Int(number)].names.insert(image.name)
    if let reference = image.reference {
      byReference[reference, default: []].appendNew(number)
      if let name = ReaderNames.name(reference) { byName[name, default: []].appendNew(number) }
    }
    images.append(image)
  }

  /// Notes that a name stands for two images, unless the other one cannot be read: that is told by itself.
  private mutating func contradict(_ image: LayoutImage, by others: [Int32]) throws(LayoutError) {
    try entries.effort.take(others.count)
    let digests = others.map { roots[Int($0)].descriptor.digest }
    guard digests.contains(where: { walk.manifests.contains($0) || made[$0] != nil }) else { return }
    note(.ambiguousName(image.name), hurting: others + [number(of: image.root)])
  }

  /// The manifest `digest` and all indexes that it is below.
  private func holders(of digest: Digest) throws(LayoutError) -> Set<Digest> {
    var pending = [digest]
    var seen: Set<Digest> = []
    while let next = pending.popLast() {
      guard seen.insert(next).inserted else { continue }
      let above = parents[next] ?? []
      try entries.effort.take(1 + above.count)
      pending += above
    }
    return seen
  }

  /// The manifests among the blobs that `index.json` does not lead to.
  private mutating func findStrays() throws(LayoutError) -> [Digest: [ListedImage]] {
    if let strays { return strays }
    let strays = try ListedImage.strays(among: entries.blobs, in: file) { walk.listed[$0] != nil }
    self.strays = strays
    return strays
  }
}

extension [Int32] {
  /// Adds a number, unless it was the last that was added.
  fileprivate mutating func appendNew(_ number: Int32) {
    if last != number { append(number) }
  }
}
