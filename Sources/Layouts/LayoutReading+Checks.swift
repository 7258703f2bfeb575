import Archives
import Digests
import Images

/// What a layout's files say, held against each other and against the tar.
extension LayoutReading {
  /// Finds everything that is wrong.
  mutating func examine() throws(LayoutError) {
    note(entries.problems)
    let before = problems.count
    try readLedger()
    let isLedgerSound = problems.count == before
    noteSurplus()
    try checkDockerFile()
    var walk = ManifestWalk(file: file, blobs: blobs, omissions: omissions)
    for image in index.images { try walk.descend(from: image.root) }
    walk.list(index.others)
    isEmpty = walk.problems.isEmpty && walk.isEmpty && !entries.isCut
    note(walk.review.problems(sources: ferry?.knownSources ?? []))
    note(index.others.map { .notAnImage($0.digest, $0.mediaType) })

    var canon: [LayoutProblem] = []
    var isWhole = !entries.isCut
    if isLedgerSound, walk.problems.isEmpty, let ferry {
      if let plan = try plan(walk, ferry) {
        self.plan = plan
        let form = CanonicalForm(plan: plan, tar: tar, file: file)
        canon = try self.form == .directory ? form.problems(with: entries.files) : form.problems()
        switch tar.end {
        case .damaged, .absent:
          recoverBlobs(from: plan)
          isWhole = true
        case .marker, .none, .truncated: break
        }
      } else {
        canon = [.notCanonical(path: IndexFile.path, part: .content)]
      }
    }
    if case .truncated = tar.end { isWhole = true }
    note(canon)
    if canon.isEmpty { try noteEnd() }
    // Behind damage blobs may well be, only out of reach.
    note(walk.problems.filter { if case .missing = $0 { isWhole } else { true } })
    if walk.problems.isEmpty && isWhole { noteContent(walk) }
    try noteConfigs(walk)
  }

  /// Throws ``LayoutError/noImage(path:others:)`` when all is well and there is no image.
  func expectImages() throws(LayoutError) {
    guard isEmpty, problems.isEmpty else { return }
    throw .noImage(
      path: file.path, others: index.images.map(\.root.mediaType) + index.others.map(\.mediaType))
  }

  /// Images whose configs speak of other layers than their manifests. Configs that are damaged are found where they
  /// are read.
  mutating func noteConfigs(_ walk: ManifestWalk) throws(LayoutError) {
    var noted: Set<Digest> = []
    for manifest in walk.manifests.values.sorted(by: { $0.digest < $1.digest }) {
      guard case .image(let image) = manifest.content, image.mayBeRunnable,
        let extent = blobs[image.config.digest], extent.size <= Int64(ImageConfig.sizeLimit)
      else { continue }
      let bytes = try extent.bytes(in: file)
      guard Digest(of: bytes) == image.config.digest, let config = try? ImageConfig(bytes: bytes),
        !config.describes(image), noted.insert(image.config.digest).inserted
      else { continue }
      note([.configDisagrees(image.config.digest)])
    }
  }

  /// The plan that Ferry made for these contents; nil when it would not have made any.
  func plan(_ walk: ManifestWalk, _ ferry: FerryFile) throws(LayoutError) -> ArchivePlan? {
    var images: [(reference: Reference, root: Descriptor)] = []
    var referrers: [(reference: Reference, root: Descriptor)] = []
    for image in index.images {
      guard let reference = image.reference else { return nil }
      if image.isReferrer {
        referrers.append((reference, image.root))
      } else {
        images.append((reference, image.root))
      }
    }
    var files: [(path: String, bytes: [UInt8])] = []
    for carried in ferry.files {
      guard let extent = entries.files[carried.path] else { return nil }
      files.append((carried.path, try extent.bytes(in: file)))
    }
    return try? ArchivePlan(
      images: images, referrers: referrers, manifests: Array(walk.manifests.values),
      blobs: walk.listed.values.filter { walk.manifests[$0.digest] == nil }, omissions: ferry.omissions,
      knownSources: ferry.knownSources, extraFiles: files, lacking: ferry.lacking)
  }

  /// Behind a damaged header the tar cannot be read, but where everything lies is known.
  private mutating func recoverBlobs(from plan: ArchivePlan) {
    for digest in plan.blobs.map(\.digest) where blobs[digest] == nil && lost[digest] == nil {
      guard let extent = plan.extent(of: digest), extent.offset + extent.size <= tar.fileSize else {
        continue
      }
      if file.holds(extent.range) { blobs[digest] = extent } else { lost[digest] = extent }
    }
  }

  /// How the tar ends, where nothing more precise was found.
  private mutating func noteEnd() throws(LayoutError) {
    switch tar.end {
    // That something is not there is told of where it should be.
    case .absent: break
    // With a plan every byte was compared.
    case .marker(let offset):
      if plan == nil { try noteTrailing(after: offset + Int64(TarHeader.endMarker.count)) }
    case .none: note([.noEndMarker])
    case .truncated(let offset): note([.truncated(path: tar.entries.last?.path ?? "", at: offset)])
    case .damaged(let offset): note([.damagedHeader(at: offset)])
    }
  }

  /// What stands behind the end where most readers stop, and some go on. Tars end with as many zeros as fill a record.
  private mutating func noteTrailing(after end: Int64) throws(LayoutError) {
    var position = end
    while position < tar.fileSize {
      guard !Task.isCancelled else { throw .cancelled }
      let piece = BlobExtent(offset: position, size: min(1 << 20, tar.fileSize - position))
      position += piece.size
      guard file.holds(piece.range) else { continue }
      if try piece.bytes(in: file).contains(where: { $0 != 0 }) { return note([.trailingBytes(at: end)]) }
    }
  }

  /// Blobs that should be there, have another size, or that nothing lists.
  private mutating func noteContent(_ walk: ManifestWalk) {
    for (digest, descriptor) in walk.listed.sorted(by: { $0.key < $1.key }) {
      if let extent = blobs[digest] {
        guard extent.size != descriptor.size else { continue }
        note([.wrongSize(digest, expected: descriptor.size, actual: extent.size)])
      } else {
        note([.missing(descriptor)])
      }
    }
    for (digest, extent) in blobs.sorted(by: { $0.key < $1.key }) where walk.listed[digest] == nil {
      note([.unreferenced(digest, size: extent.size)])
    }
  }

  /// Files that neither a layout nor `ferry.json` knows.
  mutating func noteSurplus() {
    let carried = Set(ferry?.files.map(\.path) ?? [])
    for path in entries.files.keys.sorted() {
      let isKnown =
        TarContents.isOwn(path) && !path.hasPrefix("blobs/")
        && (!path.hasPrefix(CarriedFile.folder) || carried.contains(path) || (isFerrys && ferry == nil))
      if !isKnown { note([.surplus(path: path)]) }
    }
  }
}
