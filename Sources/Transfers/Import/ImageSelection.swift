import Digests
import Images
import Layouts

/// An image of an archive that is to be imported.
struct SelectedImage: Sendable {
  let layout: Layout
  let image: LayoutImage
  /// With what the archive leaves out because the destination has it.
  var tree: ImageTree
  /// The manifests of ``tree``.
  var manifests: ImportManifests
  let referral: Referral?
  /// Where ``tree`` is that of one platform alone: what it was taken out of.
  var origin: PlatformOrigin?
  /// What refers to it, and is not pushed.
  var referrersLeft: [UncarriedReferrer] = []

  init(layout: Layout, image: LayoutImage, tree: ImageTree, referral: Referral?) {
    self.layout = layout
    self.image = image
    self.tree = tree
    self.referral = referral
    manifests = ImportManifests(layout)
  }

  /// The index in whose place it stands since its export, which took some platforms alone; nil where it is no such.
  var takenFrom: Digest? { origin == nil ? layout.indexDigest(of: image) : nil }
}

/// What an import takes out of its archives.
struct SelectedImages: Sendable {
  let images: [SelectedImage]
  /// Images that were asked for and of which something is missing, where the request allows that.
  let incomplete: [ImageFailure]
  /// What the archives list beside images, and no registry takes under a name.
  let strangers: [ImageFailure]
}

/// The second step of an import: the images asked for and what refers to them.
struct ImageSelection: Sendable {
  private let request: ImportRequest
  /// Whether images of which something is missing are put aside, and do not stop the others.
  private let allowsIncomplete: Bool

  init(_ request: ImportRequest, keepGoing: Bool) {
    self.request = request
    allowsIncomplete = request.allowsMissing || keepGoing
  }

  /// Every blob that the archives must hold of what is selected is there. Throws ``TransferError/notInArchive(name:near:)``,
  /// ``TransferError/nothingToImport(archives:)``, ``TransferError/dividedImage(name:archives:)``, ``MalformedGlob``. Blocks.
  func select(from archives: ImportedArchives) throws -> SelectedImages {
    let layouts = archives.layouts
    let wanted = try request.images.map { text in
      guard let glob = Glob(text) else { throw MalformedGlob(pattern: text) }
      return glob
    }
    var unmatched = Set(wanted)
    var selected: [SelectedImage] = []
    var incomplete: [ImageFailure] = []
    for layout in layouts {
      let isPartial = allowsIncomplete || !wanted.isEmpty || request.platform != nil
      var choice = ArchiveChoice(
        from: layout,
        isPartial
          ? try ArchiveDamage(of: layout, platform: request.platform).examination() : ([:], [:]),
        request: request, wanted: wanted, allowsIncomplete: allowsIncomplete)
      try choice.make()
      unmatched.subtract(choice.matched)
      selected += choice.selected
      incomplete += choice.incomplete
    }
    if let missing = unmatched.first {
      let names = Set(layouts.flatMap { $0.images.flatMap(\.names) })
      throw TransferError.notInArchive(
        name: missing.pattern, near: nearNames(to: missing.pattern, among: names))
    }
    if selected.isEmpty, incomplete.isEmpty, request.shard == nil {
      throw TransferError.nothingToImport(archives: layouts.map(\.path))
    }
    return SelectedImages(
      images: try fullest(of: withoutSuperseded(selected, among: layouts)), incomplete: incomplete,
      strangers: strangers(in: layouts))
  }

  /// Of an image that lies in several archives the one of which there is most: tools save of an index the platforms that they
  /// have. Throws ``TransferError/dividedImage(name:archives:)`` where each has something that another lacks.
  private func fullest(of images: [SelectedImage]) throws -> [SelectedImage] {
    struct Name: Hashable {
      let label: String
      let root: Digest
    }
    guard let first = images.first, images.contains(where: { $0.layout !== first.layout }) else {
      return images
    }
    let places = Dictionary(grouping: images.indices) {
      Name(label: images[$0].image.label, root: images[$0].image.root.digest)
    }
    var images = images
    var passedOver: Set<Int> = []
    for (name, places) in places.sorted(by: { $0.value[0] < $1.value[0] }) where places.count > 1 {
      try Task.checkCancellation()
      var best = places[0]
      var parts = Set(images[best].tree.parts.map(\.digest))
      for place in places.dropFirst() {
        let others = Set(images[place].tree.parts.map(\.digest))
        let (kept, left) = others.isSubset(of: parts) ? (best, place) : (place, best)
        guard kept == best || parts.isSubset(of: others) else {
          throw TransferError.dividedImage(name: name.label, archives: places.map { images[$0].layout.path })
        }
        if kept == place { (best, parts) = (place, others) }
        images[kept].referrersLeft += images[left].referrersLeft
        passedOver.insert(left)
      }
    }
    return images.indices.filter { !passedOver.contains($0) }.map { images[$0] }
  }

  /// Unless some images are chosen, what is no image was to be carried too.
  private func strangers(in layouts: [Layout]) -> [ImageFailure] {
    guard request.images.isEmpty, request.shard?.index ?? 1 == 1 else { return [] }
    return layouts.flatMap { layout in
      layout.others.map {
        ImageFailure(
          image: $0.digest.description, error: TransferError.notAnImage(archive: layout.path, $0))
      }
    }
  }

  /// The images without those of earlier archives that a later one, made with `--skip-known` of them, holds by
  /// the same name.
  private func withoutSuperseded(_ images: [SelectedImage], among layouts: [Layout]) -> [SelectedImage] {
    guard layouts.contains(where: { !$0.knownSources.isEmpty }) else { return images }
    var later: [Digest: Set<Digest>] = [:]
    for layout in layouts {
      for source in layout.knownSources { later[source.digest, default: []].insert(layout.archiveDigest) }
    }
    var holders: [String: Set<Digest>] = [:]
    for image in images { holders[image.image.name, default: []].insert(image.layout.archiveDigest) }
    return images.filter { image in
      let archive = image.layout.archiveDigest
      let successors = (later[archive] ?? []).subtracting([archive])
      return image.image.name.isEmpty || successors.isDisjoint(with: holders[image.image.name] ?? [])
    }
  }
}

/// What is taken out of one archive.
private struct ArchiveChoice {
  private let layout: Layout
  /// What keeps images from being taken, by their roots.
  private let absences: [Digest: TransferError]
  /// What is taken of images that are not whole, by their roots.
  private let spared: [Digest: ListedPlatform]
  private let request: ImportRequest
  private let wanted: [Glob]
  /// Whether images that cannot be taken are put aside, and do not stop the others.
  private let allowsIncomplete: Bool

  private(set) var selected: [SelectedImage] = []
  private(set) var incomplete: [ImageFailure] = []
  /// Those of the globs that mean an image of this archive.
  private(set) var matched: Set<Glob> = []

  /// What of indexes in whose place one platform is taken, and what refers to that: each with the place in ``selected`` of the
  /// image that it is of, and why what refers to it stays behind.
  private var replaced: [RepositoryContent: (image: Int, reason: UncarriedReferrer.Reason)] = [:]
  /// By root, of one that is not whole what is taken of it: an image may have thousands of names; it is walked once.
  private var trees: [Digest: ImageTree] = [:]
  /// What may be referred to, by repository.
  private var chosen: [String: Set<Digest>] = [:]
  /// The same of another shard.
  private var others: [String: Set<Digest>] = [:]

  init(
    from layout: Layout,
    _ examination: (absences: [Digest: TransferError], spared: [Digest: ListedPlatform]),
    request: ImportRequest, wanted: [Glob], allowsIncomplete: Bool
  ) {
    self.allowsIncomplete = allowsIncomplete
    self.layout = layout
    absences = examination.absences
    spared = examination.spared
    self.request = request
    self.wanted = wanted
  }

  mutating func make() throws {
    let complete = layout.images.filter { absences[$0.root.digest] == nil }
    let referrals = try ArchiveReferrals.find(
      among: complete, in: layout, tree: { try tree(of: $0) },
      replaced: { [self] in try spared[$0.root.digest] == nil ? [] : replaced(by: $0).map(\.digest) })
    for image in layout.images {
      guard let error = absences[image.root.digest], isNamed(image) || wanted.isEmpty, isShards(image) else {
        continue
      }
      incomplete.append(ImageFailure(image: image.label, error: error))
    }
    if request.shard?.index ?? 1 == 1 {
      incomplete += ArchiveDamage(of: layout).failures { isNamed($0) || wanted.isEmpty }
    }
    guard allowsIncomplete || incomplete.isEmpty else { throw try refusal() }
    for (images, isPart) in [(referrals.images, false), (referrals.parts, true)] {
      for image in images {
        guard isNamed(image) || (wanted.isEmpty && !isPart) else { continue }
        guard isShards(image) else {
          try leaveToOthers(image)
          continue
        }
        try take(image, nil)
      }
    }
    for (image, referral) in referrals.referrers {
      let isNamed = isNamed(image)
      guard request.takesReferrers else { continue }
      let repository = image.reference?.repositoryName ?? ""
      guard chosen[repository]?.contains(referral.subject) != true else {
        try take(image, referral)
        continue
      }
      guard others[repository]?.contains(referral.subject) != true else {
        try leaveToOthers(image)
        continue
      }
      if !isNamed, let left = replaced[RepositoryContent(repository: repository, digest: referral.subject)] {
        try leave(image, referral, left, in: repository)
        continue
      }
      // One may be asked for by its own name; and the subject of one may not be here at all.
      guard isNamed || (wanted.isEmpty && referral.depth == 0), isShards(image) else { continue }
      try take(image, referral)
    }
  }

  /// Why nothing is taken where not all that is asked for is whole.
  private func refusal() throws -> TransferError {
    let others = layout.images.contains { absences[$0.root.digest] == nil && isMeant($0) }
    let damage = ArchiveDamage(of: layout, platform: request.platform)
    let way = others ? try damage.wayAround() : nil
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

  private mutating func take(_ image: LayoutImage, _ referral: Referral?) throws {
    var tree = try tree(of: image)
    var origin: PlatformOrigin?
    /// The manifests in whose place one is taken.
    var whole: [Descriptor] = []
    if let one = spared[image.root.digest] {
      whole = try replaced(by: image)
      origin = PlatformOrigin(original: image.digest, platform: one.platform)
    } else if referral == nil {
      do {
        if let one = try TakenPlatform(request).choose(from: image, tree, in: layout) {
          whole = tree.manifests + tree.omitted
          tree = try self.tree(
            of: LayoutImage(reference: image.reference, name: image.name, root: one.descriptor))
          origin = PlatformOrigin(original: image.digest, platform: one.platform)
        }
      } catch let error as TransferError where allowsIncomplete {
        incomplete.append(ImageFailure(image: image.label, error: error))
        return
      }
    }
    try expectHeld(tree)
    chosen[image.reference?.repositoryName ?? "", default: []].formUnion(Self.subjects(in: image, tree))
    var taken = SelectedImage(layout: layout, image: image, tree: tree, referral: referral)
    taken.origin = origin
    if let carried = try layout.schema1(image) {
      taken.tree = carried.tree
      taken.manifests = ImportManifests(schema1: image, in: layout)
    }
    for part in whole {
      let repository = image.reference?.repositoryName ?? ""
      replaced[RepositoryContent(repository: repository, digest: part.digest)] = (selected.count, .replaced)
    }
    selected.append(taken)
  }

  /// The manifests in whose place one platform of an index is taken that is not whole.
  private func replaced(by image: LayoutImage) throws -> [Descriptor] {
    [image.root] + (try layout.manifest(image.root).children)
  }

  /// What refers to something of an index that is not pushed stays behind with it, and so does what refers to that.
  private mutating func leave(
    _ image: LayoutImage, _ referral: Referral, _ left: (image: Int, reason: UncarriedReferrer.Reason),
    in repository: String
  ) throws {
    selected[left.image].referrersLeft.append(
      UncarriedReferrer(
        image.root, of: referral.subject, kind: referral.tag.flatMap(\.artifact), left.reason))
    for part in try tree(of: image).manifests {
      replaced[RepositoryContent(repository: repository, digest: part.digest)] = (left.image, .subject)
    }
  }

  /// The image is another shard's, and with it what refers to it.
  private mutating func leaveToOthers(_ image: LayoutImage) throws {
    others[image.reference?.repositoryName ?? "", default: []].formUnion(
      Self.subjects(in: image, try tree(of: image)))
  }

  /// What others may refer to of an image: its manifests, as registries know them.
  private static func subjects(in image: LayoutImage, _ tree: ImageTree) -> [Digest] {
    tree.manifests.map(\.digest) + [image.schema1Digest].compactMap(\.self)
  }

  private mutating func tree(of image: LayoutImage) throws -> ImageTree {
    if let tree = trees[image.root.digest] { return tree }
    try Task.checkCancellation()
    var whole = image
    if let one = spared[image.root.digest] {
      whole = LayoutImage(reference: image.reference, name: image.name, root: one.descriptor)
    }
    let tree = try layout.tree(of: whole, withKnown: true)
    trees[image.root.digest] = tree
    return tree
  }

  private mutating func isNamed(_ image: LayoutImage) -> Bool {
    let matching = wanted.filter { image.isNamed(by: $0) }
    matched.formUnion(matching)
    return !matching.isEmpty
  }

  private func isShards(_ image: LayoutImage) -> Bool { request.shard?.holds(image.label) ?? true }

  /// Throws unless every blob in `tree` lies in the archive with its size, or is left out on purpose.
  private func expectHeld(_ tree: ImageTree) throws {
    guard tree.blobs.allSatisfy({ layout.problem(with: $0) == nil }) else {
      throw TransferError.damaged(
        archive: layout.path, try ArchiveDamage(of: layout).findings(), way: nil)
    }
  }
}

extension LayoutImage {
  /// Whether `glob` means this image: its full name, or the name without its host, with or without tag.
  func isNamed(by glob: Glob) -> Bool { names.contains { glob.matches($0) } }

  /// The names it can be chosen by.
  fileprivate var names: [String] {
    guard let reference else { return [label, root.digest.description] }
    // What docker calls alpine is docker.io/library/alpine.
    let isOfficial = reference.host == "docker.io" && reference.repository.hasPrefix("library/")
    let repositories =
      [reference.repository] + (isOfficial ? [String(reference.repository.dropFirst("library/".count))] : [])
    let withTag = reference.tag.map { tag in repositories.map { "\($0):\(tag)" } } ?? []
    return [name, reference.repositoryName] + repositories + withTag + [digest.description]
  }
}
