import Digests
import Files
import Images
import Tar

/// What an archive says of itself held against its manifests and configs, against the tar, and, where Ferry wrote it,
/// against the one form that it can have: finds everything that is wrong.
struct LayoutCheck {
  let front: LayoutFront
  /// What Ferry made for these contents, when all that it takes to know was there.
  private(set) var plan: ArchivePlan?
  /// The archive's bytes, as far as they are there.
  private(set) var file: any RandomAccess
  /// What lies in the archive, and what of it in a gap.
  private(set) var blobs: [Digest: BlobExtent]
  private(set) var lost: [Digest: BlobExtent]
  /// What is left out on purpose, by Ferry or by the tool that wrote the archive.
  private(set) var omissions: [Digest: Omission]
  /// What its manifests list, as the images' trees are to have it.
  private(set) var descriptors = SharedDescriptors()
  /// How much there is in its manifests, each read once.
  private(set) var tally = ManifestTally()
  /// The archive's size in bytes.
  private(set) var totalSize: Int64
  /// Whether another tool packed again what Ferry had written.
  private(set) var isRepacked = false
  /// Whether no image at all was found, but perhaps indexes of none.
  private var isEmpty = false
  private var findings: LayoutFindings

  private var tar: TarIndex { front.tar }
  private var entries: TarContents { front.entries }
  private var index: IndexFile { front.index }

  /// The sha256 of `index.json`; where something was left out by another tool that list does not tell, of both: what it stands
  /// for is to be the same wherever it is held against the archive.
  var archiveDigest: Digest {
    guard !front.isWrittenByFerry, !omissions.isEmpty else { return front.archiveDigest }
    let lines = omissions.values.map { "\($0.reason.rawValue) \($0.descriptor.digest)\n" }.sorted()
    return Digest(of: Array(("\(front.archiveDigest)\n" + lines.joined()).utf8))
  }

  var problems: [LayoutProblem] { findings.problems }
  var remarks: [LayoutProblem] { findings.remarks }

  private init(_ front: LayoutFront) {
    self.front = front
    file = front.file
    blobs = front.blobs
    lost = front.lost
    omissions = front.omissions
    totalSize = front.tar.fileSize
    findings = front.findings
  }

  /// Checks an archive all of which is there.
  static func examine(_ front: LayoutFront) throws(LayoutError) -> LayoutCheck {
    try DocumentMemory.all.whileReading { () throws(LayoutError) in
      var check = LayoutCheck(front)
      try check.examine()
      return check
    }
  }

  /// Checks an archive of which no more than its front has come, and `kept` bytes in all. The plan is that of the whole
  /// archive, if nothing is wrong.
  static func examine(front: LayoutFront, kept: Int64) throws(LayoutError) -> LayoutCheck {
    try DocumentMemory.all.whileReading { () throws(LayoutError) in
      var check = LayoutCheck(front)
      check.totalSize = kept
      try check.examineFront()
      return check
    }
  }

  private mutating func examine() throws(LayoutError) {
    try checkDockerFile()
    let walk = try walkManifests()
    var canon: [LayoutProblem] = []
    var isWhole = !entries.isCut
    if front.isFerryFileSound, walk.problems.isEmpty, let ferry = front.ferry {
      if let plan = try plan(walk, ferry) {
        self.plan = plan
        let form = CanonicalForm(plan: plan, tar: tar, file: file)
        if front.form == .directory {
          canon = try form.problems(with: entries.files)
        } else if let problems = try form.problems() {
          canon = problems
        } else {
          // Where the plan has everything is not where it lies.
          self.plan = nil
          isRepacked = true
          findings.forgiveRepacking()
          canon = try form.problems(with: entries.files)
        }
        switch tar.end {
        case .damaged, .absent:
          // Where another tool packed, nobody knows where what follows lies.
          if let planned = self.plan { recoverBlobs(from: planned) }
          isWhole = true
        case .marker, .none, .truncated: break
        }
      } else {
        canon = [.notCanonical(path: IndexFile.path, part: .content)]
      }
    }
    if case .truncated = tar.end { isWhole = true }
    note(canon)
    if canon.isEmpty || isRepacked { try noteEnd() }
    // Behind damage blobs may well be, only out of reach.
    note(walk.problems.filter { if case .missing = $0 { isWhole } else { true } })
    if !front.isWrittenByFerry, walk.listed.descriptors.contains(where: { blobs[$0.digest] == nil }) {
      noteHole()
    }
    if walk.problems.isEmpty && isWhole { try noteContent(walk) }
    note(walk.disagreeingConfigs.map { .configDisagrees($0) })
  }

  private mutating func examineFront() throws(LayoutError) {
    let walk = try walkManifests()
    var isCut = false
    switch tar.end {
    // What comes once has no gaps.
    case .marker, .none, .absent: break
    case .truncated(let offset):
      note([.truncated(path: tar.entries.last?.path ?? "", at: offset)])
      isCut = true
    case .damaged(let offset):
      note([.damagedHeader(at: offset)])
      isCut = true
    }
    // Behind damage manifests may well be, only out of reach.
    note(walk.problems.filter { if case .missing = $0 { !isCut } else { true } })
    note(walk.disagreeingConfigs.map { .configDisagrees($0) })
    guard problems.isEmpty, let ferry = front.ferry else { return }
    plan = try plan(walk, ferry)
    if plan == nil { note([.notCanonical(path: IndexFile.path, part: .content)]) }
  }

  /// Reads every manifest that the images lead to.
  private mutating func walkManifests() throws(LayoutError) -> ManifestWalk {
    var walk = try walkImages()
    if mayHaveLeftOut(walk) {
      let others = Set(index.others.map(\.digest))
      let strays = StrayBlobs(blobs, among: { walk.listed[$0] == nil && !others.contains($0) }, in: file)
      let parts = AbsentParts(
        in: file, blobs, savedConfigs: try savedConfigs(), needsWitness: hasNoEnd, strays: strays)
      omissions = try parts.find(among: index.images)
      if !omissions.isEmpty { walk = try walkImages() }
    }
    try walk.list(index.others)
    try walk.checkCarriers(of: index.images)
    try walk.checkConversions(front.ferry?.conversions ?? [], beside: entries.files)
    descriptors = walk.descriptors
    tally = walk.tally
    isEmpty = walk.problems.isEmpty && walk.isEmpty && !entries.isCut
    if front.isWrittenByFerry {
      note(walk.review.problems(sources: front.ferry?.knownSources ?? []))
    }
    note(index.others.map { .notAnImage($0.digest, $0.mediaType) })
    return walk
  }

  /// Whether something is not there that can have been left out by who wrote the archive. Ferry writes what it leaves out, a
  /// tar that has its end has all that was written, and what lies in a gap is lost. A directory has no end, one that is half
  /// copied looks like one with less in it, and a tar may have been made of such a one: so ``AbsentParts`` looks for what was
  /// lost leaves behind.
  private func mayHaveLeftOut(_ walk: ManifestWalk) -> Bool {
    !front.isWrittenByFerry && lost.isEmpty && !entries.isCut && CanonicalForm.endsAsItShould(tar)
      && walk.listed.descriptors.contains { blobs[$0.digest] == nil }
  }

  /// Whether nothing in what is read tells that it was written to its end.
  private var hasNoEnd: Bool { front.form == .directory || front.form == .skopeo }

  /// The configs of the images that docker's list names, which must be there.
  private func savedConfigs() throws(LayoutError) -> Set<Digest> {
    guard let list = entries.files[DockerManifestFile.path], list.size <= DockerManifestFile.sizeLimit,
      file.holds(list.range), let images = try? DockerManifestFile.entries(in: list.bytes(in: file))
    else { return [] }
    var configs: Set<Digest> = []
    // One file may be the config of every image.
    var digests = ExtentDigests(file)
    for image in images {
      try LayoutError.checkCancellation()
      let place = try entries.resolve(image.config)
      if let digest = BlobPath.digest(of: place?.name ?? image.config) {
        configs.insert(digest)
      } else if let extent = place?.extent, extent.size <= Int64(Manifest.sizeLimit),
        let digest = try digests.digest(of: extent)
      {
        configs.insert(digest)
      }
    }
    return configs
  }

  private func walkImages() throws(LayoutError) -> ManifestWalk {
    var walk = ManifestWalk(
      file: file, blobs: blobs, omissions: omissions, opaque: front.ferry?.opaque ?? [:],
      stored: front.stored)
    for image in index.images { try walk.descend(from: image.root) }
    return walk
  }

  /// Takes what has not come, of an archive whose front is `kept`, for what the plan says it has to be.
  mutating func expectRest(after kept: StreamFront) throws(LayoutError) {
    guard let plan else { return }
    file = kept.expecting(plan.totalSize)
    totalSize = plan.totalSize
    for digest in plan.manifests.map(\.digest) + plan.blobs.map(\.digest) {
      blobs[digest] = plan.extent(of: digest)
    }
  }

  /// The same of an archive that another tool packed again: what has come lies where it does.
  mutating func expectRest(packedAfter kept: StreamFront) throws(LayoutError) {
    guard let plan else { return }
    isRepacked = true
    findings.forgiveRepacking()
    note(try CanonicalForm(plan: plan, tar: tar, file: kept).problems(with: entries.files))
    totalSize = kept.count
    for blob in plan.blobs where blobs[blob.digest] == nil {
      blobs[blob.digest] = BlobExtent(offset: totalSize, size: blob.size)
      totalSize.add(saturating: blob.size)
    }
    file = kept.expecting(totalSize)
  }

  mutating func note(_ found: [LayoutProblem]) { findings.note(found) }

  /// Throws ``LayoutError/noImage(path:others:)`` when all is well and there is no image, and
  /// ``LayoutError/holdsLayouts(path:first:count:isCertain:)`` when there may be others, which nobody looks for, and something
  /// is taken of it all the same.
  func expectImages() throws(LayoutError) {
    guard problems.allSatisfy({ $0.isAbsence || $0.isOfContent }) else { return }
    try front.nested?.refuse(in: file.path)
    guard problems.isEmpty, isEmpty else { return }
    throw .noImage(
      path: file.path, others: index.images.map(\.root.mediaType) + index.others.map(\.mediaType))
  }

  /// Where each entry lies, header and all, but for those of blobs, of which there may be hundreds of thousands.
  var places: [String: Range<Int64>] {
    var places: [String: Range<Int64>] = [:]
    func note(_ path: String, _ range: Range<Int64>) {
      if places[path] != nil { return }
      if let digest = BlobPath.digest(of: path), blobs[digest] != nil || lost[digest] != nil { return }
      places[path] = range
    }
    if let plan {
      for section in plan.sections { note(section.path, section.headerOffset..<section.end) }
    }
    for entry in tar.entries { note(entry.path, entry.headerOffset..<max(entry.headerOffset, entry.end)) }
    return places
  }

  /// Docker's list of the images, which docker reads and no other tool does: it must say one thing to all of docker's
  /// relatives.
  private mutating func checkDockerFile() throws(LayoutError) {
    let path = DockerManifestFile.path
    guard let extent = entries.files[path], file.holds(extent.range) else { return }
    guard extent.size <= DockerManifestFile.sizeLimit else {
      // Of thousands of images it is larger. Every byte of one of Ferry's is compared anyway.
      if front.isWrittenByFerry { return }
      throw .oversized(path: file.path, entry: path, size: extent.size, limit: DockerManifestFile.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    do { try DocumentShape.dockerManifest.check(bytes, within: .lists) } catch {
      if front.isWrittenByFerry, case .malformed = error { return }
      note([.malformedFile(path: path, why: .json(error.jsonFault))])
    }
  }

  /// The plan that Ferry made for these contents; nil when it would not have made any.
  private func plan(_ walk: ManifestWalk, _ ferry: FerryFile) throws(LayoutError) -> ArchivePlan? {
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
    let blobs = walk.listed.descriptors.lazy.filter { !walk.manifests.contains($0.digest) }
    do {
      return try ArchivePlan(
        images: images, referrers: referrers, planned: walk.manifests, blobs: blobs,
        omissions: ferry.omissions, knownSources: ferry.knownSources, extraFiles: files,
        missingImages: ferry.missingImages)
    } catch {
      switch error {
      // Not what the contents are like, but that they cannot be read.
      case .cancelled, .archive(.file), .archive(.absent), .archive(.shrunk), .archive(.exchanged),
        .tangled:
        throw error
      default: return nil
      }
    }
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

  /// Where the tar may have lost what is missing: without its end it may have been cut between two entries, and what looks like
  /// its end may be where a hole begins.
  private mutating func noteHole() {
    switch tar.end {
    case .none(let offset): note([.truncated(path: tar.entries.last?.path ?? "", at: offset)])
    case .marker(let offset) where !CanonicalForm.endsAsItShould(tar):
      let problem = LayoutProblem.trailingBytes(at: offset + Int64(TarHeader.endMarker.count))
      if !problems.contains(problem) { note([problem]) }
    case .marker, .truncated, .damaged, .absent: break
    }
  }

  /// What stands behind the end where most readers stop, and some read on. Tars end with as many zeros as fill a record.
  private mutating func noteTrailing(after end: Int64) throws(LayoutError) {
    var position = end
    while position < tar.fileSize {
      try LayoutError.checkCancellation()
      let piece = BlobExtent(offset: position, size: min(1 << 20, tar.fileSize - position))
      position += piece.size
      guard file.holds(piece.range) else { continue }
      if try piece.bytes(in: file).contains(where: { $0 != 0 }) { return note([.trailingBytes(at: end)]) }
    }
  }

  /// Blobs that should be there, have another size, or that nothing lists.
  private mutating func noteContent(_ walk: ManifestWalk) throws(LayoutError) {
    // Sorted are only those that are told: all may be hundreds of thousands.
    let unfit = walk.listed.descriptors.filter { blobs[$0.digest]?.size != $0.size }
    for listed in unfit.sorted(by: { $0.digest < $1.digest }) {
      try LayoutError.checkCancellation()
      if let extent = blobs[listed.digest] {
        note([.wrongSize(listed.digest, expected: listed.size, actual: extent.size)])
      } else {
        note([.missing(listed)])
      }
    }
    try LayoutError.checkCancellation()
    for digest in blobs.keys.filter({ walk.listed[$0] == nil }).sorted() {
      guard let extent = blobs[digest] else { continue }
      note([.unreferenced(digest, size: extent.size)])
    }
  }
}
