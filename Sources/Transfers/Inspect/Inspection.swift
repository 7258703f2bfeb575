import Digests
import Files
import Images
public import Layouts
public import Tar

/// `ferry inspect`: what an archive holds, from its manifests alone.
public struct Inspection: Sendable {
  private let archive: ArchiveInput
  /// The directory into which an archive that cannot be read in place is copied first; nil: it is read as it comes.
  private let spool: String?
  /// The directory for nameless files of what is not to be kept in memory.
  private let temporary: String
  /// How much memory decompressing may take, in bytes.
  private let memoryLimit: Int64

  public init(
    _ archive: ArchiveInput, spool: String? = nil, temporary: String,
    memoryLimit: Int64 = Decompressor.usualMemory
  ) {
    self.memoryLimit = memoryLimit
    self.archive = archive
    self.spool = spool
    self.temporary = temporary
  }

  /// How many manifests, layers and referrers are listed of an archive of `size` bytes, for all of its images' names together.
  private static func listed(of size: Int64) -> Int {
    1 << 20 + Int(clamping: size / 64)
  }

  /// Reads the archive's structure and manifests; no blob but the configs, except of what comes once: that is read to its end.
  @concurrent
  public func run() async throws -> InspectedArchive {
    try await BlockingExecutor(width: 1).run { try inspect() }
  }

  private func inspect() throws -> InspectedArchive {
    let opened = try OpenedArchive.open(
      archive, for: .look, spool: spool, temporary: temporary, memoryLimit: memoryLimit)
    let layout = opened.layout
    // An image may have thousands of names; it is walked once.
    var walks: [Digest: ImageWalk] = [:]
    var members: [Digest: [InspectedArchive.Member]] = [:]
    /// Images of schema 1 as registries have them, by what carries them.
    var schema1: [Digest: ImageTree] = [:]
    for image in layout.images where walks[image.root.digest] == nil {
      var found = ImageMembers()
      let walk = try ImageWalk.follow(image, in: layout) { found.add($0, in: layout) }
      walks[image.root.digest] = walk
      let carried = try? layout.schema1(image)
      schema1[image.root.digest] = carried?.tree
      members[image.root.digest] =
        walk.tree == nil ? nil : try found.members(in: layout, as: carried?.manifest)
    }
    // What follows is asked once of each root, and not for each of its names.
    var trees: [ImageTree] = []
    var uses: [Digest: Int] = [:]
    for image in layout.images {
      uses[image.root.digest, default: 0] += 1
      if uses[image.root.digest] == 1, let tree = walks[image.root.digest]?.tree { trees.append(tree) }
    }
    var known = KnownProblems()
    for problem in layout.problems { known.insert(problem) }
    var broken: [LayoutProblem] = []
    for walk in walks.values.sorted(by: { $0.image.name < $1.image.name }) {
      broken += walk.problems(in: layout).filter { known.insert($0) }
    }
    let listed = trees.lazy.flatMap { members[$0.root.digest] ?? [] }
    broken += try wrongConfigs(of: listed.map(\.config), in: layout).filter { known.insert($0) }
    // A file is there, and verify may read it; what comes once nobody else will read.
    let isPiped = archive.comesOnce
    let wrongBlobs = isPiped ? try opened.blobProblems() : []
    broken += wrongBlobs.filter { known.insert($0) }
    let lost = Set(wrongBlobs.compactMap(\.blob))
    // Of each digest the part that was met last; a descriptor takes a sixth of the room of what it says.
    var parts: Set<PartKey> = []
    var shared: Set<PartKey> = []
    for tree in trees {
      try Task.checkCancellation()
      let isNamedTwice = uses[tree.root.digest] ?? 1 > 1
      for part in tree.parts where parts.update(with: PartKey(part)) != nil || isNamedTwice {
        shared.insert(PartKey(part))
      }
    }
    // What is said of an image is said for each of its names: of little content that is no more than little.
    let listing = Effort(of: layout.path, limit: Self.listed(of: layout.storedSize))
    let (referrers, listedParts) = try referrers(in: layout) { walks[$0]?.tree }
    var byImages = ReferrersByImage(referrers, in: layout, listing: listing)
    let hurt = layout.hurt.values.reduce(into: Set()) { $0.formUnion($1) }
    var sums: [Digest: Sums] = [:]
    for tree in trees {
      try Task.checkCancellation()
      sums[tree.root.digest] = Sums(
        size: tree.size,
        ownSize: tree.parts.lazy.filter { !shared.contains(PartKey($0)) }.map(\.size).saturatingSum(),
        isWhole: !hurt.contains(tree.root.digest) && tree.parts.allSatisfy { !lost.contains($0.digest) }
          && walks[tree.root.digest]?.problems(in: layout).isEmpty ?? false)
    }
    let names = Set(referrers.map(\.name))
    let unnamed = listedParts.union(referrers.map(\.root.digest))
    let unread = layout.images.filter { walks[$0.root.digest]?.tree == nil }.map { image in
      InspectedArchive.Image(
        name: image.name, hasName: image.reference != nil || image.bareTag != nil, root: image.root,
        convertedFrom: image.convertedFrom, givenDigest: image.givenDigest, members: [], size: 0, ownSize: 0,
        referrers: [], isWhole: false)
    }
    var images: [InspectedArchive.Image] = []
    images.reserveCapacity(layout.images.count)
    for image in layout.images {
      guard image.name.isEmpty ? !unnamed.contains(image.root.digest) : !names.contains(image.name),
        let tree = walks[image.root.digest]?.tree
      else { continue }
      let members = members[image.root.digest] ?? []
      try listing.take(members.map { 1 + $0.layers.count }.saturatingSum())
      let sums = sums[image.root.digest]
      let shown = InspectedArchive.Image(
        name: image.name, hasName: image.reference != nil || image.bareTag != nil,
        root: schema1[image.root.digest]?.root ?? image.root,
        convertedFrom: image.convertedFrom, givenDigest: image.givenDigest, members: members,
        size: sums?.size ?? 0,
        ownSize: sums?.ownSize ?? 0,
        referrers: try byImages.names(of: image, schema1[image.root.digest] ?? tree),
        isWhole: sums?.isWhole ?? false)
      images.append(shown)
    }
    images += unread
    return InspectedArchive(
      path: archive.path, digest: layout.archiveDigest, size: layout.totalSize,
      isWrittenByFerry: layout.isWrittenByFerry,
      form: layout.form, images: images, others: layout.others, referrers: referrers,
      omissions: layout.omissions.values.sorted { $0.descriptor.digest < $1.descriptor.digest },
      omissionImages: ImageWalk.omissionImages(
        walks.values.sorted { $0.image.root.digest < $1.image.root.digest }, in: layout),
      knownSources: layout.knownSources, missingImages: layout.missingImages,
      unknownManifests: trees.unknownManifests,
      descriptions: try Descriptions.all(in: layout),
      problems: layout.problems + broken,
      uniqueSize: parts.lazy.map(\.descriptor.size).saturatingSum(), volumes: layout.volumes,
      isFrontAlone: opened.stream != nil && !isPiped, isPiped: isPiped,
      signatureCount: layout.signatureCount)
  }

  /// Configs are read here, so what is wrong with one is told: an archive of which the rest never came looks whole but
  /// for that.
  private func wrongConfigs(
    of configs: some Sequence<Descriptor>, in layout: Layout
  ) throws -> [LayoutProblem] {
    var seen: Set<Digest> = []
    return try configs.compactMap { config in
      try Task.checkCancellation()
      guard seen.insert(config.digest).inserted else { return nil }
      do {
        _ = try layout.bytes(of: config, limit: Manifest.sizeLimit)
        return nil
      } catch LayoutError.wrongContent(let digest, .mismatch(_, let actual)) {
        return .damaged(digest, actual: actual)
      } catch {
        return nil
      }
    }
  }

  /// What is there for an image's sake, and what is listed beside the image that it is a part of; nothing where damage hides
  /// what refers to what.
  private func referrers(
    in layout: Layout, tree: (Digest) -> ImageTree?
  ) throws -> (referrers: [InspectedReferrer], parts: Set<Digest>) {
    guard ArchiveReferrals.mayConcern(layout.images) else { return ([], []) }
    let images = layout.images.map { ArchivedImage(image: $0, layout: layout) }
    var referrals: ArchiveReferrals?
    do {
      referrals = try ArchiveReferrals.find(among: images) { archived in
        let digest = archived.image.root.digest
        guard let tree = tree(digest) else { throw LayoutError.missing(digest) }
        return tree
      }
    } catch let error as LayoutError {
      if case .tangled = error { throw error }
      try Task.checkCancellation()
    }
    var sizes: [Digest: Int64] = [:]
    let referrers = (referrals?.referrers ?? []).compactMap { archived, referral -> InspectedReferrer? in
      let image = archived.image
      guard let tree = tree(image.root.digest) else { return nil }
      let size = sizes[image.root.digest] ?? tree.size
      sizes[image.root.digest] = size
      return InspectedReferrer(image, referral, tree, size: size)
    }
    return (referrers, Set((referrals?.parts ?? []).map(\.image.root.digest)))
  }
}

/// What is said of each of an image's names alike.
private struct Sums {
  let size: Int64
  let ownSize: Int64
  let isWhole: Bool
}

/// Problems that were told. Of hundreds of thousands most are that something is missing, and these take little room here.
private struct KnownProblems {
  private var missing: Set<Digest> = []
  private var others: Set<LayoutProblem> = []

  /// Whether the problem is a new one.
  @discardableResult
  mutating func insert(_ problem: LayoutProblem) -> Bool {
    if case .missing(let descriptor) = problem { return missing.insert(descriptor.digest).inserted }
    return others.insert(problem).inserted
  }
}

/// What an image's manifests say of what it consists of, as far as it is shown.
private struct ImageMembers {
  /// What the indexes say of their manifests.
  private var platforms: [Digest: Platform] = [:]
  private var attestations: Set<Digest> = []
  private var images: [(digest: Digest, config: Descriptor, layers: [Descriptor])] = []

  /// Takes in the image's manifests one by one.
  mutating func add(_ manifest: Manifest, in layout: Layout) {
    for child in manifest.children {
      platforms[child.digest] = child.platform
      if child.attestedDigest == nil {
        attestations.remove(child.digest)
      } else {
        attestations.insert(child.digest)
      }
    }
    guard case .image(let image) = manifest.content else { return }
    images.append((manifest.digest, layout.shared(image.config), image.layers.map(layout.shared)))
  }

  /// `schema1` is the manifest that is carried, where these are what carries one.
  func members(in layout: Layout, as schema1: Manifest?) throws(LayoutError) -> [InspectedArchive.Member] {
    var platform: Platform?
    if case .schema1(let content) = schema1?.content { platform = content.platform }
    return try images.map { (digest, config, layers) throws(LayoutError) in
      let configured = try configuredPlatform(config, in: layout)
      let listed = platforms[digest]
      let isContradicted = listed.flatMap { one in configured.map(one.contradicts) } ?? false
      let isAttestation = attestations.contains(digest)
      return InspectedArchive.Member(
        digest: schema1?.digest ?? digest, platform: listed ?? platform ?? configured,
        otherPlatform: isContradicted && !isAttestation ? configured : nil, isAttestation: isAttestation,
        config: config, layers: layers)
    }
  }

  private func configuredPlatform(
    _ config: Descriptor, in layout: Layout
  ) throws(LayoutError) -> Platform? {
    guard config.mediaType.isImageConfig else { return nil }
    return try layout.config(config)?.platform
  }
}
