import Digests
import Images
import Layouts

/// What is taken out of archives.
struct ImageChoice {
  /// An archive, and what was found of its images.
  private struct Source {
    let layout: Layout
    let found: DamagedImages
    /// By root: an image may have thousands of names; it is walked once.
    var trees: [Digest: ImageTree] = [:]
  }

  private let request: ImportRequest
  private let wanted: [Glob]
  /// Whether images that cannot be taken are put aside, and do not stop the others.
  private let allowsIncomplete: Bool
  /// Whether there is an option that takes the images that are whole.
  private let offersWays: Bool
  private let layouts: [Layout]
  private let archives: ImportedArchives
  /// By the archives' layouts.
  private var sources: [ObjectIdentifier: Source] = [:]
  private let succession: NameSuccession
  /// What of the images that cannot be taken out of one archive is taken out of another.
  private var copies: WholeCopies

  private(set) var selected: [SelectedImage] = []
  private(set) var incomplete: [ImageFailure] = []
  /// Those of the globs that mean an image of the archives.
  private(set) var matched: Set<Glob> = []
  /// What is worth a line of what is taken.
  private(set) var notes: [TransferNote] = []

  /// The archives that hold more of images than the platform that is asked for.
  private var readInPart: Set<String> = []
  /// Images that have nothing for the platforms that are asked for; without an error where they are looked at all the same.
  private var unfit: [(image: ArchivedImage, error: TransferError?)] = []
  /// What of indexes in whose place one platform is taken, and what refers to that: each with the place in ``selected`` of the
  /// image that it is of, and why what refers to it stays behind.
  private var replaced: [RepositoryContent: (image: Int, reason: UncarriedReferrer.Reason)] = [:]
  /// What may be referred to, by repository.
  private var chosen: [String: Set<Digest>] = [:]
  /// The same of another shard.
  private var others: [String: Set<Digest>] = [:]

  /// Looks into what `archives` are damaged in, where that does not stop everything. Throws what cannot be read.
  init(
    from archives: ImportedArchives, request: ImportRequest, wanted: [Glob], allowsIncomplete: Bool,
    offersWays: Bool
  ) throws {
    self.request = request
    self.wanted = wanted
    self.allowsIncomplete = allowsIncomplete
    self.offersWays = offersWays
    layouts = archives.layouts
    self.archives = archives
    for layout in layouts where sources[ObjectIdentifier(layout)] == nil {
      let found =
        try archives.examined[ObjectIdentifier(layout)]
        ?? ArchiveDamage(of: layout, request.platformScope).examination()
      sources[ObjectIdentifier(layout)] = Source(layout: layout, found: found)
    }
    let copies = try WholeCopies(among: layouts, for: request.platformScope) { [sources] layout in
      sources[ObjectIdentifier(layout)]?.found ?? DamagedImages()
    }
    self.copies = copies
    succession = try NameSuccession(layouts, putAside: archives.putAside) { image in
      wanted.isEmpty || wanted.contains { image.isNamed(by: $0) }
    } isLost: { [sources] image, layout in
      guard let error = sources[ObjectIdentifier(layout)]?.found.absences[image.root.digest] else {
        return false
      }
      return copies.copy(of: image, in: layout, insteadOf: error) == nil
    }
  }

  mutating func make() throws {
    let complete = try putDamagedAside()
    var (untold, strays): ([ArchivedImage], [ArchivedImage]) = ([], [])
    let referrals = try ArchiveReferrals.find(
      among: complete, tree: { try tree(of: $0) }, replaced: { [self] in try replaced(by: $0) })
    // Arrays that grow take twice their room meanwhile.
    if wanted.isEmpty, request.shard == nil { selected.reserveCapacity(complete.count) }
    for (images, isPart) in [(referrals.images, false), (referrals.parts, true)] {
      for archived in images {
        guard isNamed(archived.image) || (wanted.isEmpty && !isPart) else {
          if archived.image.isOfUntold, !isPart { strays.append(archived) }
          continue
        }
        guard isShards(archived.image) else {
          try leaveToOthers(archived)
          continue
        }
        if archived.image.isOfUntold { untold.append(archived) } else { try take(archived, nil) }
      }
    }
    try settleUnfit()
    for (archived, referral) in referrals.referrers {
      let isNamed = isNamed(archived.image)
      guard request.takesReferrers else { continue }
      let repository = archived.image.reference?.repositoryName ?? ""
      guard chosen[repository]?.contains(referral.subject) != true else {
        try take(archived, referral)
        continue
      }
      guard others[repository]?.contains(referral.subject) != true else {
        try leaveToOthers(archived)
        continue
      }
      if !isNamed, let left = replaced[RepositoryContent(repository: repository, digest: referral.subject)] {
        try leave(archived, referral, left, in: repository)
        continue
      }
      // One may be asked for by its own name; and the subject of one may not be here at all.
      guard isNamed || (wanted.isEmpty && referral.depth == 0), isShards(archived.image) else { continue }
      try take(archived, referral)
    }
    if !readInPart.isEmpty { notes.append(.othersNotRead(archives: readInPart.sorted())) }
    guard request.takesReferrers else { return }
    let names = strays.isEmpty ? [] : Set(selected.map(\.image.name))
    try fail(untold + strays.filter { $0.image.nameOfUntold.map(names.contains) ?? false })
  }

  /// What belongs to images that nothing tells fails: nobody would find it at the destination.
  private mutating func fail(_ untold: [ArchivedImage]) throws {
    let failures = untold.map { archived in
      let image = archived.image
      return ImageFailure(
        image: image.label,
        error: TransferError.subjectUntold(
          archive: archived.layout.path, image.root.digest, of: image.nameOfUntold))
    }
    guard allowsIncomplete || failures.isEmpty else {
      throw offersWays
        ? TransferError.imagesFailed(failures, total: selected.count + failures.count) : failures[0].error
    }
    incomplete += failures
  }

  /// The images that are whole, here or in another archive, or spared. Of the others those that are asked for are failures, and
  /// stop everything unless they may be put aside.
  private mutating func putDamagedAside() throws -> [ArchivedImage] {
    var complete: [ArchivedImage] = []
    complete.reserveCapacity(layouts.map(\.images.count).saturatingSum())
    for layout in layouts {
      let absences = sources[ObjectIdentifier(layout)]?.found.absences ?? [:]
      var failures: [ImageFailure] = []
      for image in archives.images(of: layout, chosenBy: wanted) {
        guard let error = absences[image.root.digest] else {
          complete.append(ArchivedImage(image: image, layout: layout))
          continue
        }
        if let copy = copies.copy(of: image, in: layout, insteadOf: error) {
          if isNamed(image) || wanted.isEmpty, isShards(image) {
            notes.append(.imageElsewhere(image: image.label, error: error, taken: copy.path))
          }
          copies.take(copy, for: image, of: layout).map { complete.append($0) }
          continue
        }
        guard isNamed(image) || wanted.isEmpty, isShards(image) else { continue }
        // The name itself may come with a later archive.
        let isOlder = succession.isOlder(image, in: layout)
        let label = (isOlder ? image.byDigest : nil)?.label ?? image.label
        failures.append(ImageFailure(image: label, error: error))
      }
      if request.shard?.index ?? 1 == 1 {
        failures += ArchiveDamage(of: layout).failures { isNamed($0) || wanted.isEmpty }
      }
      guard allowsIncomplete || failures.isEmpty else { throw try refusal(of: layout, absences) }
      incomplete += failures
    }
    return complete
  }

  /// Why nothing is taken where not all that is asked for is whole.
  private func refusal(of layout: Layout, _ absences: [Digest: TransferError]) throws -> TransferError {
    let others = layout.images.contains { absences[$0.root.digest] == nil && isMeant($0) }
    let damage = ArchiveDamage(of: layout, request.platformScope)
    let way = others && offersWays ? try damage.wayAround() : nil
    return try damage.incompleteness(way)
      ?? .damaged(archive: layout.path, try damage.findings(), way: way)
  }

  private func isMeant(_ image: LayoutImage) -> Bool { wanted.contains { image.isNamed(by: $0) } }

  /// Whether a name that stands for nothing readable is asked for.
  private mutating func isNamed(_ name: String) -> Bool {
    let reference = try? Reference(anyTag: name)
    let names = [name] + (reference.map { [$0.repositoryName, $0.repository] } ?? [])
    let tagged = reference.flatMap { one in one.tag.map { "\(one.repository):\($0)" } }
    let matching = wanted.filter { glob in (names + [tagged].compactMap(\.self)).contains { glob.matches($0) }
    }
    matched.formUnion(matching)
    return !matching.isEmpty
  }

  /// `isUnfit`: although it has nothing for the platforms that are looked at.
  private mutating func take(
    _ archived: ArchivedImage, _ referral: Referral?, isUnfit: Bool = false
  ) throws {
    let (image, layout) = (archived.image, archived.layout)
    var tree = try tree(of: archived)
    var origin: PlatformOrigin?
    /// The manifests in whose place one is taken.
    var whole: [Descriptor] = []
    let choice = TakenPlatform(request, configsIn: layouts)
    if case .platform(let one) = spared(of: archived) {
      whole = [image.root] + (try layout.entries(of: image.root).children)
      origin = try self.origin(of: one, in: archived, choice)
      readInPart.insert(layout.path)
      notes += [choice.remark(on: image, taking: one, in: layout)].compactMap(\.self)
    } else if referral == nil {
      let looked = request.lookedAt
      if !isUnfit, !looked.isEmpty, looked.allSatisfy({ choice.lacks($0, image, in: layout) }) {
        unfit.append((archived, nil))
        return
      }
      do {
        let one = try choice.choose(from: image, tree, in: layout)
        if let one {
          whole = tree.manifests + tree.omitted
          let held = tree.blobs.count
          var alone = archived
          alone.image = LayoutImage(reference: image.reference, name: image.name, root: one.descriptor)
          tree = try self.tree(of: alone)
          if tree.blobs.count < held { readInPart.insert(layout.path) }
          origin = try self.origin(of: one, in: archived, choice)
        }
        notes += [choice.remark(on: image, taking: one, in: layout)].compactMap(\.self)
      } catch let error as TransferError {
        if case .platformNotHere = error {
          unfit.append((archived, error))
          return
        }
        guard allowsIncomplete else { throw error }
        incomplete.append(ImageFailure(image: image.label, error: error))
        return
      }
    }
    try expectHeld(tree, in: layout)
    chosen[image.reference?.repositoryName ?? "", default: []].formUnion(image.subjects(in: tree))
    var taken = SelectedImage(archived, tree: tree, referral: referral)
    if let superseded = succession.successor(of: image, in: archived.home), let named = image.byDigest {
      var renamed = archived
      renamed.image = named
      taken = SelectedImage(renamed, tree: tree, referral: referral)
      taken.superseded = superseded
    }
    taken.origin = origin
    if let carried = try layout.schema1(image) {
      taken.tree = carried.tree
      taken.manifests = ImportManifests(schema1: image, in: layout)
    }
    replace(whole, of: image, by: selected.count)
    selected.append(taken)
  }

  /// What `one` is taken out of, after it was said what else could have been taken.
  private mutating func origin(
    of one: ListedPlatform, in archived: ArchivedImage, _ choice: TakenPlatform
  ) throws -> PlatformOrigin {
    let others = try choice.others(than: one, of: archived.image, in: archived.layout)
    if !others.isEmpty, let wanted = choice.wanted {
      notes.append(
        .platformTwice(
          image: archived.image.label, wanted, taken: one.descriptor.digest, others: others))
    }
    return PlatformOrigin(original: archived.image.digest, platform: one.platform, others: others)
  }

  /// Notes the manifests in whose place the image at `index` of ``selected`` goes.
  private mutating func replace(_ manifests: [Descriptor], of image: LayoutImage, by index: Int) {
    let repository = image.reference?.repositoryName ?? ""
    for part in manifests {
      replaced[RepositoryContent(repository: repository, digest: part.digest)] = (index, .replaced)
    }
  }

  /// An image that has nothing for the platforms is passed over where its name has another one that has it, in whichever archive;
  /// else it fails, or is looked at as it is.
  private mutating func settleUnfit() throws {
    guard !unfit.isEmpty else { return }
    var taken: [String: Int] = [:]
    for (index, one) in selected.enumerated() where one.superseded == nil {
      let name = one.image.taggedName ?? one.image.label
      taken[name] = taken[name] ?? index
    }
    for (archived, error) in unfit {
      try Task.checkCancellation()
      let image = archived.image
      // The name is a later image's, and there is nothing to be taken of this one.
      if succession.successor(of: image, in: archived.home) != nil { continue }
      if let index = taken[image.taggedName ?? image.label] {
        notes.append(
          .platformElsewhere(
            image: image.label, archive: archived.home.path, taken: selected[index].layout.path))
        let tree = try tree(of: archived)
        replace(tree.manifests + tree.omitted, of: image, by: index)
        continue
      }
      guard let error else {
        try take(archived, nil, isUnfit: true)
        continue
      }
      guard allowsIncomplete else { throw error }
      incomplete.append(ImageFailure(image: image.label, error: error))
    }
  }

  private func spared(of archived: ArchivedImage) -> SparedPart? {
    sources[ObjectIdentifier(archived.layout)]?.found.spared[archived.image.root.digest]
  }

  /// The manifests in whose place some platforms of an index are taken that is not whole.
  private func replaced(by archived: ArchivedImage) throws -> [Digest] {
    guard spared(of: archived) != nil else { return [] }
    let root = archived.image.root
    return [root.digest] + (try archived.layout.entries(of: root).children.map(\.digest))
  }

  /// What refers to something of an index that is not pushed stays behind with it, and so does what refers to that.
  private mutating func leave(
    _ archived: ArchivedImage, _ referral: Referral,
    _ left: (image: Int, reason: UncarriedReferrer.Reason), in repository: String
  ) throws {
    selected[left.image].referrersLeft.append(
      UncarriedReferrer(
        archived.image.root, of: referral.subject, kind: referral.tag.flatMap(\.artifact), left.reason))
    for part in try tree(of: archived).manifests {
      replaced[RepositoryContent(repository: repository, digest: part.digest)] = (left.image, .subject)
    }
  }

  /// The image is another shard's, and with it what refers to it.
  private mutating func leaveToOthers(_ archived: ArchivedImage) throws {
    others[archived.image.reference?.repositoryName ?? "", default: []].formUnion(
      archived.image.subjects(in: try tree(of: archived)))
  }

  private mutating func tree(of archived: ArchivedImage) throws -> ImageTree {
    let (image, layout) = (archived.image, archived.layout)
    let source = ObjectIdentifier(layout)
    if let tree = sources[source]?.trees[image.root.digest] { return tree }
    try Task.checkCancellation()
    let tree: ImageTree
    switch spared(of: archived) {
    case .index(let part): tree = part
    case .platform(let one):
      tree = try layout.tree(
        of: LayoutImage(reference: image.reference, name: image.name, root: one.descriptor),
        withKnown: true)
    case nil: tree = try layout.tree(of: image, orIn: archived.others, withKnown: true)
    }
    sources[source]?.trees[image.root.digest] = tree
    return tree
  }

  private mutating func isNamed(_ image: LayoutImage) -> Bool {
    let matching = wanted.filter { image.isNamed(by: $0) }
    matched.formUnion(matching)
    return !matching.isEmpty
  }

  private func isShards(_ image: LayoutImage) -> Bool { request.shard?.holds(image.label) ?? true }

  /// Throws unless every blob in `tree` lies in the archive with its size, or in another, or is left out on purpose.
  private func expectHeld(_ tree: ImageTree, in layout: Layout) throws {
    let isHeld = tree.blobs.allSatisfy { blob in
      layout.problem(with: blob) == nil || layouts.contains { $0.holds(blob) }
    }
    guard !isHeld else { return }
    throw TransferError.damaged(archive: layout.path, try ArchiveDamage(of: layout).findings(), way: nil)
  }

  /// Of archives that are put aside the images that are asked for, where they are named or another archive's image loses its
  /// name to them, as failures.
  mutating func leaveOut(_ putAside: [Layout]) throws {
    var taken: [String: Set<Digest>] = [:]
    for one in selected {
      taken[one.image.taggedName ?? one.image.label, default: []].insert(one.image.digest)
    }
    for layout in putAside {
      for image in layout.images where isShards(image) {
        try Task.checkCancellation()
        guard request.takesReferrers || !image.looksLikeReferrer else { continue }
        let isNamed = isNamed(image)
        let losers = isNamed || wanted.isEmpty ? succession.losers(to: image, in: layout) : []
        let isTaken = taken[image.taggedName ?? image.label]?.contains(image.digest) ?? false
        // Another archive may have the very same image.
        guard !isTaken, isNamed || !losers.isEmpty else { continue }
        incomplete.append(
          ImageFailure(
            image: image.label, error: TransferError.imageLeftOut(archive: layout.path, others: losers)))
      }
    }
  }
}
