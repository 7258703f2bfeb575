import Digests
import Images

/// What belongs into an archive and in which order, whatever the order it was given in.
struct ArchiveContents {
  /// Sorted by reference, referrers behind all others.
  let images: [LayoutImage]
  /// In the order of the images, children before the indexes that list them.
  let manifests: [Descriptor]
  /// Configs, then layers, both in the order in which the images list them, so that an image's blobs lie
  /// close together.
  let blobs: [Descriptor]
  /// What the images list and is not here, sorted by digest.
  let omissions: [Omission]

  init(
    images: [(reference: Reference, root: Descriptor)], referrers: [(reference: Reference, root: Descriptor)],
    manifests given: PlannedManifests, blobs: some Sequence<Descriptor>, omissions: [Omission]
  ) throws(LayoutError) {
    let carried = try Self.carried(blobs)
    let sorted = try Self.sorted(images, referrers, manifests: given)
    let omitted = Omitted(omissions) { !given.contains($0) && carried[$0] == nil }

    var walk = Walk(given: given, carried: carried, omitted: omitted)
    for image in sorted { try walk.add(image) }
    let surplus =
      given.digests.filter { !walk.manifests.contains($0) }
      + carried.descriptors.map(\.digest).filter { !walk.hasMet($0) }
    guard surplus.isEmpty else { throw .unreferenced(Set(surplus).sorted()) }

    self.images = sorted
    self.manifests = walk.order.compactMap { given.descriptor(of: $0) }
    self.blobs = walk.configs + walk.layers
    self.omissions = walk.omissions.map { omitted[$0] }.sorted { $0.descriptor.digest < $1.descriptor.digest }
  }

  /// Whether something in it, or left out of it, is named by another algorithm than the usual one.
  var holdsOtherAlgorithms: Bool {
    let isOther = { (part: Descriptor) in part.digest.algorithm != .sha256 }
    return manifests.contains(where: isOther) || blobs.contains(where: isOther)
      || omissions.contains { isOther($0.descriptor) }
  }

  private static func carried(
    _ blobs: some Sequence<Descriptor>
  ) throws(LayoutError) -> DescriptorsByDigest {
    var carried = DescriptorsByDigest()
    for blob in blobs {
      guard (0...Descriptor.largestSize).contains(blob.size) else { throw .tooLarge }
      guard let other = carried[blob.digest] else {
        carried.update(blob)
        continue
      }
      guard other.size == blob.size else {
        throw .conflictingSizes(blob.digest, min(other.size, blob.size), max(other.size, blob.size))
      }
    }
    return carried
  }

  private static func sorted(
    _ images: [(reference: Reference, root: Descriptor)],
    _ referrers: [(reference: Reference, root: Descriptor)], manifests: PlannedManifests
  ) throws(LayoutError) -> [LayoutImage] {
    var named: [String: LayoutImage] = [:]
    let all = images.map { ($0, $1, false) } + referrers.map { ($0, $1, true) }
    for (reference, root, isReferrer) in all {
      guard !isReferrer || (reference.digest == root.digest && reference.tag == nil) else {
        throw .unwritableReference(reference.description)
      }
      let name = reference.description
      guard (try? Reference(anyTag: name)) == reference else { throw .unwritableReference(name) }
      guard var descriptor = manifests.descriptor(of: root.digest) else { throw .missing(root.digest) }
      let size = descriptor.size
      guard root.size == size else {
        throw .conflictingSizes(root.digest, min(root.size, size), max(root.size, size))
      }
      if let other = named[name]?.root.digest, other != root.digest {
        throw .conflictingReferences(reference, min(other, root.digest), max(other, root.digest))
      }
      // An image that somebody asked for by its digest is one, whatever it refers to.
      guard named[name] == nil else { continue }
      if Schema1Carrier.digest(of: root) != nil {
        descriptor.artifactType = root.artifactType
        descriptor.annotations = root.annotations
      }
      if isReferrer { descriptor.artifactType = try manifests.manifest(root.digest)?.artifactType }
      named[name] = LayoutImage(reference, root: descriptor, isReferrer: isReferrer)
    }
    return named.values.sorted(by: LayoutImage.precedes)
  }

  /// What is left out, of which there may be hundreds of thousands, each digest once.
  private struct Omitted {
    private let list: [Omission]
    private var places: [PartKey: Int32] = [:]

    /// Those of `list` that `isOmitted` tells of; of two of one digest the one that comes first by its reason's name.
    init(_ list: [Omission], isOmitted: (Digest) -> Bool) {
      self.list = list
      for (place, omission) in list.enumerated() where isOmitted(omission.descriptor.digest) {
        let key = PartKey(omission.descriptor)
        if let other = places[key], list[Int(other)].reason.rawValue <= omission.reason.rawValue { continue }
        places[key] = Int32(place)
      }
    }

    func place(of descriptor: Descriptor) -> Int32? { places[PartKey(descriptor)] }

    subscript(place: Int32) -> Omission { list[Int(place)] }
  }

  private struct Walk {
    let given: PlannedManifests
    let carried: DescriptorsByDigest
    let omitted: Omitted
    var manifests: Set<Digest> = []
    var order: [Digest] = []
    var blobs: Set<PartKey> = []
    var configs: [Descriptor] = []
    var layers: [Descriptor] = []
    /// By their places in ``omitted``.
    var omissions: Set<Int32> = []

    func hasMet(_ digest: Digest) -> Bool { manifests.contains(digest) || blobs.contains(PartKey(digest)) }

    mutating func add(_ image: LayoutImage) throws(LayoutError) {
      // Two tags of one image.
      guard !manifests.contains(image.root.digest) else { return }
      let tree = try tree(of: image.root)
      let configDigests = Set(tree.configs.map(\.digest))
      for manifest in tree.manifests where manifests.insert(manifest.digest).inserted {
        order.append(manifest.digest)
      }
      for blob in tree.blobs {
        if let manifest = given.descriptor(of: blob.digest) {
          // Listed as a layer somewhere and as a manifest elsewhere: it is there once.
          try agree(blob, manifest.size)
          continue
        }
        guard let size = carried[blob.digest]?.size else { throw .missing(blob.digest) }
        try agree(blob, size)
        guard blobs.insert(PartKey(blob)).inserted else { continue }
        if configDigests.contains(blob.digest) { configs.append(blob) } else { layers.append(blob) }
      }
      for descriptor in tree.omitted {
        guard let place = omitted.place(of: descriptor) else { continue }
        try agree(descriptor, omitted[place].descriptor.size)
        omissions.insert(place)
      }
    }

    private func tree(of root: Descriptor) throws(LayoutError) -> ImageTree {
      do {
        return try ImageTree(
          root: root, includes: { omitted.place(of: $0) == nil }, share: { given.shared($0) }
        ) { descriptor in
          guard let manifest = try given.manifest(descriptor.digest) else {
            throw LayoutError.missing(descriptor.digest)
          }
          try agree(descriptor, manifest.size)
          return manifest.withoutBytes
        }
      } catch let error as LayoutError {
        throw error
      } catch let error as ManifestError {
        throw .notAManifest(root.digest, error)
      } catch {
        throw .missing(root.digest)
      }
    }

    private func agree(_ descriptor: Descriptor, _ size: Int64) throws(LayoutError) {
      guard descriptor.size == size else {
        throw .conflictingSizes(descriptor.digest, min(descriptor.size, size), max(descriptor.size, size))
      }
    }
  }
}
