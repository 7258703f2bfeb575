import Digests
import Images
public import Layouts
public import Tar

/// `ferry inspect`: what an archive holds, from its manifests alone.
public struct Inspection: Sendable {
  private let archive: ArchiveInput
  /// The directory into which an archive that cannot be read in place is copied first; nil: its front is read as it
  /// comes.
  private let spool: String?
  /// How much memory decompressing may take, in bytes.
  private let memoryLimit: Int64

  public init(
    _ archive: ArchiveInput, spool: String? = nil, memoryLimit: Int64 = Decompressor.usualMemory
  ) {
    self.memoryLimit = memoryLimit
    self.archive = archive
    self.spool = spool
  }

  /// Reads the archive's structure and manifests; no blob but the configs.
  @concurrent
  public func run() async throws -> InspectedArchive {
    try await BlockingExecutor(width: 1).run { try inspect() }
  }

  private func inspect() throws -> InspectedArchive {
    let layout = try OpenedArchive.open(archive, spool: spool, memoryLimit: memoryLimit).layout
    // An image may have thousands of names; it is walked once.
    var walks: [Digest: ImageWalk] = [:]
    var members: [Digest: [InspectedArchive.Member]] = [:]
    for image in layout.images where walks[image.root.digest] == nil {
      let walk = ImageWalk.follow(image, in: layout)
      walks[image.root.digest] = walk
      members[image.root.digest] = walk.tree.map { self.members(of: $0, in: layout) }
    }
    let trees = layout.images.compactMap { image in
      walks[image.root.digest]?.tree.map { (image: image, tree: $0) }
    }
    var known = Set(layout.problems)
    let found = walks.values.sorted { $0.image.name < $1.image.name }.flatMap(\.problems)
    let broken = (found + wrongConfigs(of: trees.map(\.tree), in: layout)).filter {
      known.insert($0).inserted
    }
    var users: [Digest: Int] = [:]
    var sizes: [Digest: Int64] = [:]
    for (_, tree) in trees {
      for part in tree.parts {
        users[part.digest, default: 0] += 1
        sizes[part.digest] = part.size
      }
    }
    let referrers = referrers(in: layout)
    try Task.checkCancellation()
    let bySubject = Dictionary(grouping: referrers, by: \.place)
    let names = Set(referrers.map(\.name))
    let images = trees.filter { !names.contains($0.image.name) || $0.image.name.isEmpty }.map { image, tree in
      InspectedArchive.Image(
        name: image.name, hasName: image.reference != nil || image.bareTag != nil, root: image.root,
        members: members[image.root.digest] ?? [], size: tree.size,
        ownSize: tree.parts.reduce(0) { $0 + (users[$1.digest] == 1 ? $1.size : 0) },
        referrers: InspectedReferrer.of(image, tree, among: bySubject))
    }
    return InspectedArchive(
      path: archive.path, digest: layout.archiveDigest, size: layout.totalSize,
      isWrittenByFerry: layout.isWrittenByFerry,
      form: layout.form, images: images, others: layout.others, referrers: referrers,
      omissions: layout.omissions.values.sorted { $0.descriptor.digest < $1.descriptor.digest },
      omissionImages: ImageWalk.omissionImages(
        walks.values.sorted { $0.image.root.digest < $1.image.root.digest }, in: layout),
      knownSources: layout.knownSources, missingImages: layout.missingImages,
      unknownManifests: trees.map(\.tree).unknownManifests,
      descriptions: try Descriptions.all(in: layout),
      problems: layout.problems + broken,
      uniqueSize: sizes.values.saturatingSum(), volumes: layout.volumes)
  }

  /// Configs are read here, so what is wrong with one is told: an archive of which the rest never came looks whole but
  /// for that.
  private func wrongConfigs(of trees: [ImageTree], in layout: Layout) -> [LayoutProblem] {
    var seen: Set<Digest> = []
    return trees.flatMap(\.manifests).compactMap { manifest in
      guard case .image(let image) = manifest.content, seen.insert(image.config.digest).inserted else {
        return nil
      }
      do {
        _ = try layout.bytes(of: image.config, limit: Manifest.sizeLimit)
        return nil
      } catch LayoutError.wrongContent(let digest, .mismatch(_, let actual)) {
        return .damaged(digest, actual: actual)
      } catch {
        return nil
      }
    }
  }

  /// What is there for an image's sake; nothing where damage hides what refers to what.
  private func referrers(in layout: Layout) -> [InspectedReferrer] {
    let referrals = try? ArchiveReferrals.find(among: layout.images, in: layout) { try layout.tree(of: $0) }
    return (referrals?.referrers ?? []).compactMap { image, referral in
      (try? layout.tree(of: image)).map { InspectedReferrer(image, referral, $0) }
    }
  }

  private func members(of tree: ImageTree, in layout: Layout) -> [InspectedArchive.Member] {
    var listed: [Digest: Descriptor] = [:]
    for manifest in tree.manifests {
      for child in manifest.children { listed[child.digest] = child }
    }
    return tree.manifests.compactMap { manifest in
      guard case .image(let image) = manifest.content else { return nil }
      let entry = listed[manifest.digest]
      return InspectedArchive.Member(
        digest: manifest.digest,
        platform: entry?.platform ?? configuredPlatform(image.config, in: layout),
        isAttestation: entry?.attestedDigest != nil, config: image.config, layers: image.layers)
    }
  }

  private func configuredPlatform(_ config: Descriptor, in layout: Layout) -> Platform? {
    guard config.mediaType.isImageConfig else { return nil }
    return (try? layout.bytes(of: config, limit: Manifest.sizeLimit))
      .flatMap { try? ImageConfig(bytes: $0).platform }
  }
}

extension ImageTree {
  /// Manifests and blobs alike, each once.
  fileprivate var parts: [Descriptor] { manifests.map(\.descriptor) + blobs }
}
