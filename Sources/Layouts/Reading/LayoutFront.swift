import Digests
import Files
import Images
import Tar

/// What an archive says of itself: `oci-layout`, `index.json`, docker's list, `ferry.json` and the files that it names,
/// each held against the others. No manifest is read for it.
struct LayoutFront {
  private(set) var file: any RandomAccess
  let tar: TarIndex
  let entries: TarContents
  let form: LayoutForm
  /// What it is read from where that came once.
  let passed: PassedContent?
  /// How many bytes that took as they lie there, where it may be compressed.
  let stored: Int64?
  /// How many signatures lie beside the image that no registry has a place for.
  let signatures: Int
  private(set) var index: IndexFile
  /// What `index.json` lists where it is taken for one image, with its digest.
  private(set) var joined: (index: Digest, parts: [Descriptor])?
  private(set) var archiveDigest: Digest
  private(set) var ferry: FerryFile?
  /// What lies in the archive from its first byte to its last.
  private(set) var blobs: [Digest: BlobExtent]
  /// Blobs of which something lies in a gap.
  private(set) var lost: [Digest: BlobExtent]
  private(set) var carried: [String: BlobExtent] = [:]
  private(set) var omissions: [Digest: Omission] = [:]
  private(set) var findings: LayoutFindings
  /// The roots of the images that what is wrong with the lists is about, where it is of some alone.
  private(set) var hurt: [LayoutProblem: Set<Digest>] = [:]
  /// What else it holds that may be archives of images, where it is a tar.
  private(set) var nested: NestedArchives?
  /// Whether `ferry.json` and its files are what `index.json` says they are.
  private(set) var isFerryFileSound = false

  var isWrittenByFerry: Bool { index.ferryFileDigest != nil }

  /// Reads what the archive says of itself.
  static func read(_ source: LayoutSource) throws(LayoutError) -> LayoutFront {
    let (file, tar, entries) = (source.file, source.tar, source.entries)
    let hasTop =
      source.made != nil || [LayoutFile.path, IndexFile.path].contains { entries.files[$0] != nil }
    if !hasTop, source.isTar, !entries.isCut,
      let nested = try NestedArchives.find(in: source)
    {
      try nested.refuse(in: file.path)
    }
    try checkVersion(entries, tar, file)
    var bytes: [UInt8] = []
    let index: IndexFile
    if let made = source.made {
      var images = made.images
      for (place, image) in made.images.enumerated() where image.reference == nil {
        guard let reference = ArchiveName.reference(image.name, of: image.root.digest) else { continue }
        images[place] = LayoutImage(reference: reference, name: image.name, root: image.root)
      }
      index = IndexFile(images: images, ferryFileDigest: nil)
    } else {
      bytes = try content(of: IndexFile.path, limit: IndexFile.sizeLimit, entries, tar, file)
      // The same content may be listed any number of times.
      var stated: [Digest: MediaType?] = [:]
      do {
        index = try IndexFile(bytes: bytes) { listed in
          guard let extent = entries.blobs[listed.digest], extent.size == listed.size else { return nil }
          if let known = stated[listed.digest] { return known }
          let type = statedType(of: listed.digest, at: extent, file)
          stated[listed.digest] = .some(type)
          return type
        }
      } catch {
        throw .malformed(path: file.path, entry: IndexFile.path, why: error)
      }
      try LayoutError.checkCancellation()
    }
    var front = LayoutFront(source, index, archiveDigest: source.made?.digest ?? Digest(of: bytes))
    if source.made == nil, let image = index.asOneImage(bytes) {
      front.index = IndexFile(images: [image], ferryFileDigest: nil)
      front.joined = (image.root.digest, index.images.map(\.root))
      front.blobs[front.archiveDigest] = entries.files[IndexFile.path]
    }
    // Not in the bytes: the archive digest is the same wherever it lies.
    if let name = source.givenName { front.index = front.index.naming(name) }
    front.findings.note(source.problems)
    front.findings.note(
      index.unreadable.map { entry in
        .unreadableImage(
          entry.name, .malformed(path: file.path, entry: IndexFile.path, why: .json(entry.fault)))
      })
    let noted = Set(source.problems)
    front.findings.note(
      ReaderNames.ambiguous(among: front.index.images).map { .ambiguousName($0) }
        .filter { !noted.contains($0) })
    if !front.isWrittenByFerry, let list = entries.files[DockerManifestFile.path],
      try DockerManifestFile.isList(list, in: file)
    {
      try front.join(
        TwoLists.read(
          list, beside: front.index, front.blobs, file: file, stored: source.stored, tar: tar,
          entries: entries, memoryLimit: source.memoryLimit), bytes)
    }
    front.findNamesakes()
    front.findings.note(entries.problems)
    let before = front.findings.problems.count
    try front.readFerryFile()
    front.isFerryFileSound = front.findings.problems.count == before
    front.noteSurplus()
    if source.isTar {
      front.nested = try NestedArchives.find(in: source) {
        Set(front.blobs.values).union(front.carried.values)
      }
    }
    return front
  }

  private init(_ source: LayoutSource, _ index: IndexFile, archiveDigest: Digest) {
    (file, tar, entries, form, passed) = (
      source.file, source.tar, source.entries, source.form, source.passed
    )
    signatures = source.signatures
    stored = source.stored
    self.index = index
    self.archiveDigest = archiveDigest
    let file = source.file
    lost = entries.blobs.filter { !file.holds($0.value.range) }
    // Where nothing is lost they are in memory once.
    blobs = lost.isEmpty ? entries.blobs : entries.blobs.filter { file.holds($0.value.range) }
    findings = LayoutFindings(isWrittenByFerry: index.ferryFileDigest != nil)
  }

  /// Reads `oci-layout`. A layout without it, which some tools write, is one by its `index.json`.
  private static func checkVersion(
    _ entries: TarContents, _ tar: TarIndex, _ file: any RandomAccess
  ) throws(LayoutError) {
    if entries.files[LayoutFile.path] == nil, entries.files[IndexFile.path] != nil { return }
    let layout = try content(of: LayoutFile.path, limit: LayoutFile.sizeLimit, entries, tar, file)
    let version: String
    do { version = try LayoutFile.version(of: layout) } catch {
      throw .malformed(path: file.path, entry: LayoutFile.path, why: error)
    }
    guard LayoutFile.isReadable(version) else {
      throw .unsupportedVersion(
        path: file.path, entry: LayoutFile.path, found: version, supported: LayoutFile.version)
    }
  }

  /// What content that `index.json` lists as no manifest says it is: nothing proves that list, and its digest proves the content.
  private static func statedType(
    of digest: Digest, at extent: BlobExtent, _ file: any RandomAccess
  ) -> MediaType? {
    guard !Task.isCancelled, file.holds(extent.range), extent.size <= Int64(Manifest.sizeLimit),
      let bytes = try? extent.bytes(in: file), digest.matches(bytes),
      let manifest = try? Manifest(bytes: bytes, mediaType: nil)
    else { return nil }
    return manifest.mediaType
  }

  /// Takes in what docker's list says beside `index.json`, whose bytes these are. Where that is more, the archive
  /// digest is one of both: it stands for every image.
  private mutating func join(_ lists: TwoLists, _ bytes: [UInt8]) throws(LayoutError) {
    findings.note(lists.problems)
    hurt = lists.hurt
    guard lists.images != index.images else { return }
    var tail = GeneratedFiles(behind: try LayoutError.wrapping { () throws(FileError) in try file.size() })
    for (digest, manifest) in lists.made.sorted(by: { $0.key < $1.key }) {
      blobs[digest] = tail.append(manifest)
    }
    let (front, made) = (file, tail.bytes)
    file = try LayoutError.wrapping { () throws(FileError) in try AppendedContent(front, made) }
    blobs.merge(lists.blobs) { present, _ in present }
    index = IndexFile(images: lists.images, others: index.others, ferryFileDigest: nil)
    archiveDigest = Digest(of: bytes + index.bytes)
  }

  /// Finds the images that have, to some reader, a name that stands for two.
  private mutating func findNamesakes() {
    var problems: [String: LayoutProblem] = [:]
    for problem in findings.problems {
      guard case .ambiguousName(let name) = problem else { continue }
      problems[name] = problem
      if let common = (try? Reference(anyTag: name)).flatMap(ReaderNames.name) { problems[common] = problem }
    }
    for image in problems.isEmpty ? [] : index.images {
      for name in ReaderNames.names(of: image).union([image.name]) {
        if let problem = problems[name] { hurt[problem, default: []].insert(image.root.digest) }
      }
    }
  }

  /// The bytes of one of the layout's own files, which an archive cannot do without.
  private static func content(
    of name: String, limit: Int64, _ entries: TarContents, _ tar: TarIndex, _ file: any RandomAccess
  ) throws(LayoutError) -> [UInt8] {
    guard let extent = entries.files[name] else {
      switch tar.end {
      case .truncated(let offset): throw .truncated(path: file.path, at: offset)
      case .damaged(let offset): throw .damagedHeader(path: file.path, at: offset)
      case .absent(let offset): throw .unreachable(path: file.path, at: offset)
      case .none(let offset) where tar.entries.count <= 2: throw .truncated(path: file.path, at: offset)
      // A tar of blobs without a list is not one of anything else.
      case .none, .marker:
        for case .strayLink(let path, let target) in entries.problems
        where [name, IndexFile.path].contains(path) {
          throw .strayLink(path: file.path, entry: path, target: target)
        }
        let hasEnd = if case .marker = tar.end { true } else { false }
        if LegacySave.isLegacy(entries, isWhole: hasEnd) { throw .savedBeforeManifests(path: file.path) }
        let isOfImages = tar.entries.isEmpty || entries.looksLikeImages
        throw .notALayout(path: file.path, missing: isOfImages ? IndexFile.path : name)
      }
    }
    guard extent.size <= limit else {
      throw .oversized(path: file.path, entry: name, size: extent.size, limit: limit)
    }
    return try extent.bytes(in: file)
  }

  /// `ferry.json` and the files it names.
  private mutating func readFerryFile() throws(LayoutError) {
    guard let expected = index.ferryFileDigest else {
      if entries.files[FerryFile.path] != nil { findings.note([.unannounced(path: FerryFile.path)]) }
      return
    }
    guard let extent = entries.files[FerryFile.path] else {
      if !entries.isCut { findings.note([.missingFile(path: FerryFile.path)]) }
      return
    }
    guard extent.size <= FerryFile.sizeLimit else {
      throw .oversized(
        path: file.path, entry: FerryFile.path, size: extent.size, limit: FerryFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes)
    guard actual == expected else {
      findings.note([.damagedFile(path: FerryFile.path, expected: expected, actual: actual)])
      return
    }
    let ferry: FerryFile
    do {
      ferry = try FerryFile(bytes: bytes)
    } catch {
      switch error {
      case .malformed(let why): throw .malformed(path: file.path, entry: FerryFile.path, why: why)
      case .unsupportedVersion(let version):
        throw .unsupportedVersion(
          path: file.path, entry: FerryFile.path, found: String(version),
          supported: String(FerryFile.formatVersion))
      }
    }
    self.ferry = ferry
    // Before the images that it lists join those of `index.json`.
    let isOfIndex = FerryFile.digest(of: index.images) == ferry.imagesDigest
    index = index.adding(ferry.schema1Images + ferry.opaqueImages).marking(ferry.conversions)
    for omission in ferry.omissions where blobs[omission.descriptor.digest] == nil {
      omissions[omission.descriptor.digest] = omission
    }
    if !isOfIndex {
      findings.note([.disagreement(path: IndexFile.path)])
    }
    try readCarriedFiles(ferry.files)
  }

  private mutating func readCarriedFiles(_ files: [CarriedFile]) throws(LayoutError) {
    for expected in files {
      guard let extent = entries.files[expected.path] else {
        if !entries.isCut { findings.note([.missingFile(path: expected.path)]) }
        continue
      }
      carried[expected.path] = extent
      guard extent.size <= CarriedFile.sizeLimit else {
        throw .oversized(
          path: file.path, entry: expected.path, size: extent.size, limit: CarriedFile.sizeLimit)
      }
      let bytes = try extent.bytes(in: file)
      let actual = Digest(of: bytes)
      if actual != expected.digest {
        findings.note([.damagedFile(path: expected.path, expected: expected.digest, actual: actual)])
      }
    }
  }

  /// Files that neither a layout nor `ferry.json` knows.
  private mutating func noteSurplus() {
    let carried = Set(ferry?.files.map(\.path) ?? [])
    for path in entries.files.keys.sorted() {
      let isKnown =
        TarContents.isOwn(path) && !path.hasPrefix("blobs/")
        && (!path.hasPrefix(CarriedFile.folder) || carried.contains(path)
          || (isWrittenByFerry && ferry == nil))
      if !isKnown { findings.note([.surplus(path: path)]) }
    }
  }
}

/// What is found wrong with an archive, in the order in which it is found.
struct LayoutFindings {
  /// Whether Ferry wrote the archive: then nothing may be that is usual elsewhere.
  private var isWrittenByFerry: Bool
  private(set) var problems: [LayoutProblem] = []
  /// The first of them.
  private(set) var remarks: [LayoutProblem] = []

  /// The most remarks that are kept: an archive may have hundreds of thousands of blobs that nothing lists.
  private static let mostRemarks = 1000

  init(isWrittenByFerry: Bool) { self.isWrittenByFerry = isWrittenByFerry }

  /// Takes what the packing of another tool brings for harmless, but files that others look for.
  mutating func forgiveRepacking() {
    isWrittenByFerry = false
    let found = problems
    problems = []
    for problem in found {
      if case .surplus(let path) = problem,
        path == LegacyTags.path || TarContents.isOwn(path.lowercased()) && !path.hasPrefix("blobs/")
      {
        problems.append(problem)
      } else {
        note([problem])
      }
    }
  }

  mutating func note(_ found: [LayoutProblem]) {
    for problem in found {
      if !isWrittenByFerry && problem.isUsualElsewhere {
        if remarks.count < Self.mostRemarks { remarks.append(problem) }
      } else {
        problems.append(problem)
      }
    }
  }
}
