import Digests
import Files
public import Images

/// What the tool that wrote an archive left out of it: platforms of an index that it never had, attestations, layers that
/// are to be fetched elsewhere. `docker save` and `ctr images export` write such archives of every image for several
/// platforms of which they have one. Nothing of it is damage.
///
/// An index is as good as what of it is here. A child of it is left out when its manifest is not there, or no layer that it
/// alone has: of what is there in part, something was lost. What docker's own list names must be there whatever else is,
/// and so must all of an image that is no index's child, but foreign layers.
struct AbsentParts {
  private enum Verdict {
    case whole
    /// Not here, or nothing of it but what describes it.
    case absent
    /// Here in part, or wrong: that is found elsewhere.
    case wrong
  }

  private let file: any RandomAccess
  private let blobs: [Digest: BlobExtent]
  /// The configs of the images that docker's list names.
  private let savedConfigs: Set<Digest>
  /// Whether only an index counts of which docker's list names something: where nothing else tells that all was written.
  private let needsWitness: Bool
  /// What nothing lists.
  private let strays: StrayBlobs
  /// Manifests that are listed and not here.
  private var lost: [Descriptor] = []
  /// Whether something is here that what is not here may have left behind.
  private var isContradicted = false
  /// What images have that are all here.
  private var used: Set<Digest> = []
  /// Where something counts only if it is below: what docker's list names and is all here, and what is above that.
  private var witnessed: Set<Digest> = []
  private var verdicts: [Digest: Verdict] = [:]
  private var bytesRead: Int64 = 0
  private var found: [Digest: Omission] = [:]
  /// What something cannot do without.
  private var needed: Set<Digest> = []
  private var visited: Set<Digest> = []

  /// `savedConfigs` are the configs of the images that docker's list names; `needsWitness`: only what is left out of an index
  /// counts of which that list names something. `strays` are the blobs that nothing lists.
  init(
    in file: any RandomAccess, _ blobs: [Digest: BlobExtent], savedConfigs: Set<Digest>, needsWitness: Bool,
    strays: StrayBlobs
  ) {
    self.file = file
    self.blobs = blobs
    self.savedConfigs = savedConfigs
    self.needsWitness = needsWitness
    self.strays = strays
  }

  /// What `images` can do without and have not, by its digest.
  consuming func find(among images: [LayoutImage]) throws(LayoutError) -> [Digest: Omission] {
    var parts = self
    parts.needed = Set(images.map(\.root.digest))
    try parts.findUsed(images.map(\.root))
    try parts.lookForRemains()
    for image in images { try parts.collect(image.root) }
    return parts.found.filter { !parts.needed.contains($0.key) }
  }

  /// Finds what belongs to images that are all here.
  private mutating func findUsed(_ roots: [Descriptor]) throws(LayoutError) {
    var seen: Set<Digest> = []
    var pending = roots
    var parents: [Digest: [Digest]] = [:]
    var witnesses: [Digest] = []
    while let descriptor = pending.popLast() {
      try LayoutError.checkCancellation()
      guard seen.insert(descriptor.digest).inserted else { continue }
      guard let manifest = try manifest(descriptor) else {
        if blobs[descriptor.digest] == nil { lost.append(descriptor) }
        continue
      }
      pending += manifest.children
      if needsWitness {
        for child in manifest.children { parents[child.digest, default: []].append(descriptor.digest) }
      }
      guard manifest.blobs.allSatisfy(isHere) else { continue }
      used.formUnion(manifest.blobs.map(\.digest))
      if isSaved(manifest) { witnesses.append(descriptor.digest) }
    }
    while let next = witnesses.popLast() {
      if witnessed.insert(next).inserted { witnesses += parents[next] ?? [] }
    }
  }

  /// Finds out whether a manifest that is not here was lost: then it leaves behind what it listed. Where nothing tells that all
  /// was written, any stray blob may be such; a tar that docker's list is in has what was saved.
  private mutating func lookForRemains() throws(LayoutError) {
    if needsWitness {
      isContradicted = !strays.isEmpty
    } else if savedConfigs.isEmpty {
      isContradicted = try strays.mayBelong(to: lost)
    }
  }

  private func isHere(_ blob: Descriptor) -> Bool { blobs[blob.digest] != nil || blob.isForeign }

  /// Collects what is left out below `root`.
  private mutating func collect(_ root: Descriptor) throws(LayoutError) {
    let isWitnessed = !isContradicted && (!needsWitness || witnessed.contains(root.digest))
    var pending = [root]
    while let descriptor = pending.popLast() {
      try LayoutError.checkCancellation()
      guard visited.insert(descriptor.digest).inserted else { continue }
      let isUsable = isWitnessed ? try verdict(on: descriptor, depth: 0) != .absent : false
      guard let manifest = try manifest(descriptor) else {
        needed.insert(descriptor.digest)
        continue
      }
      for child in manifest.children {
        // What is for no platform no tool leaves out for that, and an index is for those that it lists.
        let isLeavable =
          child.platform != nil || child.attestedDigest != nil || child.mediaType.isIndex
          || !savedConfigs.isEmpty
        guard isUsable, isLeavable, try verdict(on: child, depth: 0) == .absent else {
          pending.append(child)
          continue
        }
        found[child.digest] = Omission(
          child, reason: .absent,
          platform: child.attestedDigest == nil
            ? child.platform : Platform(os: "unknown", architecture: "unknown"))
      }
      for blob in manifest.blobs where blobs[blob.digest] == nil {
        if blob.isForeign {
          found[blob.digest] = Omission(blob, reason: .foreign)
        } else {
          needed.insert(blob.digest)
        }
      }
    }
  }

  private func isSaved(_ manifest: Manifest) -> Bool {
    guard case .image(let image) = manifest.content else { return false }
    return savedConfigs.contains(image.config.digest)
  }

  private mutating func verdict(on descriptor: Descriptor, depth: Int) throws(LayoutError) -> Verdict {
    if let known = verdicts[descriptor.digest] { return known }
    let verdict = try judge(descriptor, depth: depth)
    verdicts[descriptor.digest] = verdict
    return verdict
  }

  private mutating func judge(_ descriptor: Descriptor, depth: Int) throws(LayoutError) -> Verdict {
    try LayoutError.checkCancellation()
    guard blobs[descriptor.digest] != nil else { return .absent }
    guard depth < Self.deepest, let manifest = try manifest(descriptor) else { return .wrong }
    guard manifest.blobs.allSatisfy(isHere) else { return isLeftOut(manifest) ? .absent : .wrong }
    let runnable = manifest.children.filter(\.mayRun)
    guard !runnable.isEmpty else { return .whole }
    for child in runnable where try verdict(on: child, depth: depth + 1) != .absent { return .whole }
    return .absent
  }

  /// Whether of an image that is not all here there is nothing but what describes it, and what others have too.
  private func isLeftOut(_ manifest: Manifest) -> Bool {
    guard !isSaved(manifest) else { return false }
    var layers = manifest.blobs
    if case .image(let image) = manifest.content {
      layers = image.layers
      // Who never had a platform has no config of it either, unless docker's list tells what was saved.
      let hasOwnConfig = blobs[image.config.digest] != nil && !used.contains(image.config.digest)
      if savedConfigs.isEmpty, hasOwnConfig { return false }
    }
    return layers.contains { !isHere($0) }
      && layers.allSatisfy { blobs[$0.digest] == nil || used.contains($0.digest) }
  }

  /// Deeper than any image's indexes nest.
  private static let deepest = 16

  /// nil for what is not there, or not as it should be.
  private mutating func manifest(_ descriptor: Descriptor) throws(LayoutError) -> Manifest? {
    guard let extent = blobs[descriptor.digest], extent.size == descriptor.size,
      extent.size <= Int64(Manifest.sizeLimit)
    else { return nil }
    bytesRead.add(saturating: extent.size)
    // Each is read three times at most, and the walk before has seen how many there are.
    guard bytesRead <= 8 * ManifestWalk.sizeLimit else {
      throw .oversized(
        path: file.path, entry: BlobPath.folder, size: bytesRead, limit: 8 * ManifestWalk.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    guard descriptor.digest.matches(bytes) else { return nil }
    // Those of indexes are in memory for as long as what they list is judged.
    return try? Manifest(
      bytes: bytes, mediaType: descriptor.mediaType, by: descriptor.digest.algorithm
    ).withoutBytes
  }
}

extension Descriptor {
  /// Whether, in an index, it may be for people to run, and not what is said about something.
  fileprivate var mayRun: Bool { attestedDigest == nil && platform?.isUnknown != true }
}

/// A manifest that an image's index lists for people to run.
public struct ListedPlatform: Hashable, Sendable {
  public let descriptor: Descriptor
  /// What its index says, or else its config; nil where neither does.
  public let platform: Platform?
  /// Whether the archive has all of it.
  public let isHere: Bool
}

extension Layout {
  /// For what a manifest's config says its image is, or what it carries where that is an image of schema 1; nil where it says
  /// nothing, or cannot be read. A config that is left out, or damaged, is looked for in `others`. Throws what ``config(_:)`` throws.
  public func platform(
    of image: Descriptor, configIn others: [Layout] = []
  ) throws(LayoutError) -> Platform? {
    try noteReading(image)
    guard case .image(let content) = try? manifest(image).content else { return nil }
    let config = content.config
    guard config.mediaType.isImageConfig || config.mediaType.isSchema1 else { return nil }
    for holder in [self] + others where holder.blobs[config.digest] != nil {
      if config.mediaType.isSchema1 {
        try holder.noteReading(config)
        let document = try? holder.bytes(of: config, limit: Manifest.sizeLimit)
        if let carried = document.flatMap({ try? Schema1Manifest(bytes: $0) }) { return carried.platform }
      } else if let config = try holder.config(config) {
        return config.platform
      }
    }
    return nil
  }

  /// The images that `index.json` lists one by one where `image` is what they are taken for together; none of any other.
  public func parts(of image: LayoutImage) -> [LayoutImage] {
    guard let joined, joined.index == image.root.digest else { return [] }
    return joined.parts.map { LayoutImage(reference: image.reference, name: image.name, root: $0) }
  }

  /// The manifests that an index lists, and where some of its entries cannot be read, what those are for.
  public func entries(
    of index: Descriptor
  ) throws(LayoutError) -> (children: [Descriptor], lost: [Platform]) {
    do { return (try manifest(index).children, []) } catch {
      guard case .notAManifest = error, index.mediaType.isIndex,
        let read = try? ReadableIndex(
          bytes: bytes(of: index, limit: Manifest.sizeLimit), mediaType: index.mediaType)
      else { throw error }
      return (read.children, read.lost)
    }
  }

  /// What an image's index, and indexes in it, list for people to run, in their order; nothing of an image that is no index.
  /// What is wrong with an index in it hurts nothing beside that.
  public func platforms(of image: LayoutImage) throws(LayoutError) -> [ListedPlatform] {
    var listed: [ListedPlatform] = []
    var seen: Set<Digest> = []
    var pending = image.root.mediaType.isIndex ? [image.root] : []
    while let root = pending.popLast() {
      try noteReading(root)
      let index: (children: [Descriptor], lost: [Platform])
      do { index = try entries(of: root) } catch {
        guard root.digest != image.root.digest, error.isOfDocument else { throw error }
        listed.append(ListedPlatform(descriptor: root, platform: root.platform, isHere: false))
        continue
      }
      // Who asks for one of these gets what cannot be read, and hears of that.
      listed += index.lost.map { ListedPlatform(descriptor: root, platform: $0, isHere: true) }
      for child in index.children where child.mayRun && seen.insert(child.digest).inserted {
        let isHere = omissions[child.digest] == nil
        if child.mediaType.isIndex, isHere {
          pending.append(child)
        } else {
          var platform = child.platform
          if platform == nil, isHere { platform = try self.platform(of: child) }
          listed.append(ListedPlatform(descriptor: child, platform: platform, isHere: isHere))
        }
      }
    }
    return listed
  }
}

extension LayoutError {
  /// Whether one document is not there, or not right.
  fileprivate var isOfDocument: Bool {
    switch self {
    case .missing, .wrongContent, .notAManifest, .oversized: true
    default: false
    }
  }
}
