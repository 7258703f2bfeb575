import Digests
import Images
import Layouts

/// An image that a destination should have: under which name, and what below it.
struct ExpectedImage: Sendable {
  /// Its name in the archive.
  let name: String
  /// The same, where it says which image that is.
  let reference: Reference?
  /// By its digest, where it has no tag.
  private(set) var target: Reference
  /// Its digest as the destination should have it.
  private(set) var digest: Digest
  /// Its digest in the archive, where that is another.
  private(set) var archiveDigest: Digest?
  /// What registries knew it by as one of Docker's schema 1, before it was converted.
  private(set) var schema1Digest: Digest?
  /// The index that it is some platforms of since its export.
  let indexDigest: Digest?
  /// The digest in the name that docker's list gives it in its archive, where its manifest has another.
  let givenDigest: Digest?
  /// Whether it is one platform, and in the archive an index.
  private(set) var isPart = false
  /// What is looked at below its name: its root among them.
  private(set) var manifests: [Descriptor]
  private(set) var blobs: [Descriptor]
  /// What its tag may name instead: of an index of which one platform is looked at, that platform's manifest; of an image
  /// that an import changes, what it becomes.
  private var alternative: ImageTree?
  /// What it refers to, when it is there for that.
  let subject: Digest?
  /// Of a list of referrers: what it must list, whatever else it does.
  let listed: Set<Digest>?

  init(_ image: ImportImage, reference: Reference?) {
    name = image.source
    self.reference = reference
    target = image.target
    digest = image.digest
    archiveDigest = nil
    schema1Digest = image.schema1Digest
    indexDigest = image.indexDigest
    givenDigest = image.givenDigest
    manifests = image.tree.manifests
    blobs = image.tree.blobs
    subject = image.referral?.subject
    let root = image.referral?.tag == .list ? image.tree.manifests.last : nil
    listed = root.flatMap { try? ReferrersList(image.manifests.manifest($0)) }?.digests
  }

  /// An image as a receipt has it, under another name than the receipt says where `target` is one.
  init(_ image: ReceivedImage, target: Reference) {
    name = image.source
    reference = try? Reference(anyTag: image.source)
    self.target = target
    digest = image.digest
    archiveDigest = image.archiveDigest
    schema1Digest = image.schema1Digest
    indexDigest = image.indexDigest
    givenDigest = image.givenDigest
    manifests = image.manifests
    let known = Set(manifests.map(\.digest))
    blobs = image.blobs.filter { !known.contains($0.digest) }
    let tag = target.tag.flatMap { ReferrerTag($0) }
    subject = tag?.subject
    listed = tag?.kind == .list ? Set(manifests.map(\.digest)).subtracting([image.digest]) : nil
  }

  /// Its own manifest.
  var root: Descriptor? { manifests.first { $0.digest == digest } }

  /// Everything that is looked at, each part once.
  var parts: [Descriptor] { manifests + blobs }

  /// Whether it is an image of Docker's schema 1.
  var isSchema1: Bool { manifests.contains { $0.digest == digest && $0.mediaType.isSchema1 } }

  /// Whether some of its layers are not compressed, by what their types say.
  var hasPlainLayers: Bool { blobs.contains { $0.mediaType.compressedLayer != nil } }

  /// Whether `manifest` may be what an import makes of it: one that says so of an image of schema 1; or with layers that are
  /// compressed on the way an image with the same config, or an index.
  func mayBecome(_ manifest: Manifest) -> Bool {
    if isSchema1 { return manifest.annotations?[Schema1Carrier.digestAnnotation] == digest.description }
    guard hasPlainLayers, let root, root.mediaType == manifest.mediaType else { return false }
    switch manifest.content {
    case .image(let image): return blobs.contains { $0.digest == image.config.digest }
    case .index: return true
    case .artifact, .schema1, .opaque: return false
    }
  }

  /// The same as `tree`.
  func changed(to tree: ImageTree) -> ExpectedImage {
    var image = narrowed(to: tree, or: nil)
    if isSchema1 { image.schema1Digest = digest }
    image.isPart = root?.mediaType.isIndex == true && !tree.root.mediaType.isIndex
    image.archiveDigest = digest
    image.digest = tree.root.digest
    // What has no tag is called what it becomes.
    if target.tag == nil {
      image.target = Reference(host: target.host, repository: target.repository, digest: image.digest)
    }
    return image
  }

  /// The same with no more below it than `tree` has, or with `alternative` under its tag.
  func narrowed(to tree: ImageTree, or alternative: ImageTree?) -> ExpectedImage {
    var image = self
    image.manifests = tree.manifests
    image.blobs = tree.blobs
    image.alternative = alternative
    return image
  }

  /// The image that this is when its name stands for `present`; nil when it is another image's then.
  func named(_ present: Digest) -> ExpectedImage? {
    if present == digest { return self }
    guard let alternative, alternative.root.digest == present else { return nil }
    return changed(to: alternative)
  }
}

/// The second step of a check of a destination: which names it should have.
struct ExpectedNames: Sendable {
  private let request: DestinationRequest
  private let registries: Registries

  init(_ request: DestinationRequest, registries: Registries) {
    self.request = request
    self.registries = registries
  }

  /// The images of `subject` with the names that an import would give them, or that receipts of imports to this very
  /// destination say it gave them; and beside them, of archives, the images as an import sees them. Throws what would keep
  /// an import from naming them, and, of the first image that has nothing for the platforms,
  /// ``TransferError/platformNotHere(archive:image:wanted:here:)`` or ``TransferError/platformNotFound(_:wanted:available:)``.
  func name(_ subject: CheckSubject) throws -> (expected: [ExpectedImage], images: [ImportImage]) {
    switch subject.content {
    case .archives(_, let selected):
      let naming = ImageNaming(
        request.mapping, givenName: request.givenName, nvidiaHosts: registries.nvidiaHosts)
      let named = try naming.name(CompressedSelection(selected))
      if let obstacle = TransferError.obstacle(
        named.blockers, [], total: named.images.count, keepsGoing: true)
      {
        throw obstacle
      }
      let references = Dictionary(
        selected.map { ($0.image.label, $0.image.reference) }, uniquingKeysWith: { first, _ in first })
      let single =
        request.platforms.count <= 1
        ? try Self.singlePlatforms(of: selected, for: request.platforms.first) : [:]
      let focus = PlatformFocus(request.platforms, single: single)
      return (
        try focus.focus(on: named.images) { image in
          let expected = ExpectedImage(image, reference: references[image.source] ?? nil)
          // Of an index that was pushed whole only some is looked at where platforms are asked for.
          guard request.platforms.isEmpty else { return expected }
          return single[image.source].map(expected.changed(to:)) ?? expected
        }, named.images
      )
    case .receipts(_, let images):
      var latest: [ImportImage.Name: ReceivedImage] = [:]
      for (path, receipt, image) in images {
        let name = ImportImage.Name(
          source: image.source, target: try target(of: image, in: receipt, at: path))
        // Of several imports the last one's word on a name counts, and of one image what all of them pushed.
        guard let known = latest[name] else {
          latest[name] = image
          continue
        }
        let (later, earlier) = known.confirmedAt > image.confirmedAt ? (known, image) : (image, known)
        latest[name] = later.digest == earlier.digest ? later.joined(with: earlier) : later
      }
      var held: [Reference: ReceivedImage] = [:]
      for (name, image) in latest {
        guard let other = held.updateValue(image, forKey: name.target), other.digest != image.digest else {
          continue
        }
        throw TransferError.targetCollision(
          target: name.target, sources: [other.source, image.source].sorted())
      }
      let ordered = latest.sorted { ($0.key.target, $0.key.source) < ($1.key.target, $1.key.source) }
      return (ordered.map { ExpectedImage($0.value, target: $0.key.target) }, [])
    }
  }

  /// What an import pushes in the place of indexes, by their names: of each the image for `wanted`, or, of one of which
  /// another tool left out the others, the only one that is there.
  private static func singlePlatforms(
    of selected: [SelectedImage], for wanted: Platform?
  ) throws -> [String: ImageTree] {
    var trees: [String: ImageTree] = [:]
    for one in selected where one.referral == nil && one.image.root.mediaType.isIndex {
      let taken: ListedPlatform?
      do {
        taken = try TakenPlatform(for: wanted).choose(from: one.image, one.tree, in: one.layout)
      } catch TransferError.platformsAbsent {
        // Of several the index itself was pushed, or one that somebody chose.
        continue
      }
      guard let platform = taken else { continue }
      let image = LayoutImage(
        reference: one.image.reference, name: one.image.name, root: platform.descriptor)
      trees[one.image.label] = try one.layout.tree(of: image, withKnown: true)
    }
    return trees
  }

  /// Throws ``TransferError/unnamedImages(archive:_:)`` for one that another destination cannot have by any rule.
  private func target(of image: ReceivedImage, in receipt: Receipt, at path: String) throws -> Reference {
    let isReceipts = receipt.destination == request.mapping.destination.description
    guard !isReceipts || request.mapping.isSpecial else { return image.target }
    guard let source = try? Reference(anyTag: image.source) else {
      guard !isReceipts else { return image.target }
      let unnamed = UnnamedImage(digest: image.digest, tag: nil, name: image.source)
      throw TransferError.unnamedImages(archive: path, [unnamed])
    }
    let target = request.mapping.target(of: source)
    guard target.tag == nil, target.digest == image.archiveDigest else { return target }
    return Reference(host: target.host, repository: target.repository, digest: image.digest)
  }
}

/// What of images is looked at: all of it, unless only some platforms are wanted.
private struct PlatformFocus {
  private let wanted: [Platform]
  /// What an import pushes in the place of indexes, by their names.
  private let single: [String: ImageTree]

  init(_ wanted: [Platform], single: [String: ImageTree]) {
    self.wanted = wanted
    self.single = single
  }

  /// The images with what they have for the platforms. What refers to something else of them is left away.
  func focus(
    on images: [ImportImage], _ expect: (ImportImage) -> ExpectedImage
  ) throws -> [ExpectedImage] {
    guard !wanted.isEmpty else { return images.map(expect) }
    var kept: [String: Set<Digest>] = [:]
    var focused: [Int: ExpectedImage] = [:]
    // What refers to something comes behind it.
    let order = images.indices.sorted { depth(of: images[$0]) < depth(of: images[$1]) }
    for index in order {
      let image = images[index]
      if let referral = image.referral, referral.depth > 0,
        kept[image.target.repository]?.contains(referral.subject) != true
      {
        continue
      }
      let expected = try narrow(expect(image), of: image)
      kept[image.target.repository, default: []].formUnion(expected.manifests.map(\.digest))
      focused[index] = expected
    }
    return images.indices.compactMap { focused[$0] }
  }

  private func depth(of image: ImportImage) -> Int { image.referral?.depth ?? 0 }

  private func narrow(_ expected: ExpectedImage, of image: ImportImage) throws -> ExpectedImage {
    guard image.referral == nil, let root = image.tree.manifests.last, root.mediaType.isIndex,
      case let manifest = try image.manifests.manifest(root), case .index(let index) = manifest.content
    else { return expected }
    // What is not in the archive is not looked at, so it is nothing for a platform.
    let absent = Set(image.tree.omitted.map(\.digest))
    let alone = wanted.count == 1 ? single[image.source] : nil
    guard let cut = IndexCut(of: index.manifests, for: wanted, and: alone?.root.digest, absent: absent) else {
      let here = manifest.children.filter { !absent.contains($0.digest) }
      let available = here.compactMap(\.platform).filter { !$0.isUnknown }
      throw TransferError.platformNotFound(image.target, wanted: wanted, available: available)
    }
    let tree = try ImageTree(
      root: image.tree.root, includes: { !cut.left.contains($0.digest) }, fetch: image.manifests.manifest)
    return expected.narrowed(to: tree, or: alone)
  }
}
