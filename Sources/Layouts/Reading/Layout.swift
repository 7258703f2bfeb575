public import Digests
public import Files
public import Images
import Synchronization
public import Tar

/// An OCI image layout in a tar or a directory, or what `docker save` wrote, read in place.
///
/// Opening indexes the files, reads all that describes it and checks it against itself; blobs are not hashed.
/// Everything found wrong is in ``problems``.
public final class Layout: Sendable {
  public let path: String
  /// The sha256 of `index.json`; of another tool's archive, where something was left out or another list names more, one of
  /// all that.
  public let archiveDigest: Digest
  /// In the order of `index.json`.
  public let images: [LayoutImage]
  /// What `index.json` lists and is neither a manifest nor an index.
  public let others: [Descriptor]
  /// What is left out on purpose, by Ferry or by the tool that wrote the archive.
  public let omissions: [Digest: Omission]
  /// What knew that content left out as known is on the other side.
  public let knownSources: [KnownSource]
  /// Manifests, configs and layers that lie whole in the file, in bytes.
  public let blobs: [Digest: BlobExtent]
  /// What lies beside the images under `ferry/`, sorted by path.
  public let files: [CarriedFile]
  /// Images that it was to hold and does not.
  public let missingImages: [MissingImage]
  /// What it was read from.
  public let form: LayoutForm
  /// Whether Ferry wrote it: then it must be, byte by byte, what Ferry writes.
  public let isWrittenByFerry: Bool
  /// Whether another tool unpacked what Ferry wrote and packed it again: it is another tar with the same files in it.
  public let isRepacked: Bool
  /// The archive's size in bytes.
  public let totalSize: Int64
  /// How many of them it takes up as it lies there, or has come: fewer where it is compressed.
  public let storedSize: Int64
  /// Damage. An archive with any is not to be trusted.
  public let problems: [LayoutProblem]
  /// The roots of the images that a problem is about which is wrong with the lists, and not with what these name.
  public let hurt: [LayoutProblem: Set<Digest>]
  /// What is unusual in an archive of another tool and does no harm, or the first of it.
  public let remarks: [LayoutProblem]
  /// How many signatures of skopeo's `dir:` lie beside the image, which no registry has a place for.
  public let signatureCount: Int

  /// Of an archive that is cut: what lies in which of its volumes.
  public let volumePlaces: VolumePlaces

  /// What the images' trees are made of.
  private let descriptors: SharedDescriptors
  /// What walking the images has taken so far, and the most values that it may take.
  private let walks = Mutex(Walks())
  private let mostValuesRead: Int64
  private let reading: Effort

  let joined: (index: Digest, parts: [Descriptor])?
  private let file: any RandomAccess
  private let passed: PassedContent?
  private let carried: [String: BlobExtent]
  /// Manifests of types that Ferry does not know.
  private let opaque: OpaqueManifests

  init(_ check: LayoutCheck, set: VolumeSet? = nil) {
    let front = check.front
    volumePlaces =
      set.map {
        VolumePlaces(
          $0.volumes, blobs: check.blobs, lost: check.lost, entries: check.places,
          isWrittenByFerry: front.isWrittenByFerry)
      } ?? VolumePlaces()
    descriptors = check.descriptors
    mostValuesRead = Walks.mostValues + Walks.mostRounds * check.tally.values
    path = check.file.path
    file = check.file
    passed = front.passed
    archiveDigest = check.archiveDigest
    images = front.index.images
    others = front.index.others
    omissions = check.omissions
    blobs = check.blobs
    files = front.ferry?.files ?? []
    carried = front.carried
    opaque = front.ferry?.opaque ?? [:]
    missingImages = front.ferry?.missingImages ?? []
    knownSources = front.ferry?.knownSources ?? []
    form = front.form
    isWrittenByFerry = front.isWrittenByFerry
    isRepacked = check.isRepacked
    totalSize = check.totalSize
    reading = .ofReading(path, size: totalSize, stored: front.stored)
    storedSize = front.stored ?? totalSize
    (hurt, joined) = (front.hurt, front.joined)
    problems = volumePlaces.volumes.compactMap(\.problem) + check.problems
    remarks = check.remarks
    signatureCount = front.signatures
  }

  /// Opens the archive, or the layout directory, at `path`. Decompressing a layer, where it takes that to know what the
  /// archive holds, may take `memoryLimit` bytes of memory. Throws ``LayoutError`` when it cannot be told what it holds.
  public static func open(
    _ path: String, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(LayoutError) -> Layout {
    try open(LayoutSource.open(path, memoryLimit: memoryLimit))
  }

  /// Opens the archive that `file` is, wherever that lies. Where what it came out of `isCut` it is not whole, whatever it
  /// looks like.
  public static func open(
    _ file: any RandomAccess, isCut: Bool = false, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(LayoutError) -> Layout {
    try open(LayoutSource.open(tar: file, isCut: isCut, memoryLimit: memoryLimit))
  }

  /// Reads all of an archive that comes once, in whatever order its entries are, and opens it: what describes it is kept, in a
  /// nameless file of `directory` where it is large, and what its blobs are is known then. `front` is what came of it before,
  /// and `unpacksLayers` has it learn what they unpack to.
  public static func open(
    passing content: StreamedContent, after front: ContentFront? = nil, unpacksLayers: Bool = false,
    keepingIn directory: String, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(LayoutError) -> Layout {
    let read = try PassedContent.read(
      content, after: front, unpacksBlobs: unpacksLayers, keepingIn: directory, memoryLimit: memoryLimit)
    let layout = try open(LayoutSource.open(read, memoryLimit: memoryLimit))
    read.content.endRepeats()
    return layout
  }

  /// Whether blobs are best read one after the other, in the order in which they lie: what lies before is read over again.
  public var isSequential: Bool { passed != nil }

  /// What a blob was found to be while the archive passed; nil where it lies in a file, or was made.
  public func passage(of digest: Digest) -> PassedContent.Passage? {
    blobs[digest].flatMap { passed?.passage(at: $0.offset, size: $0.size) }
  }

  private static func open(_ source: LayoutSource) throws(LayoutError) -> Layout {
    let check = try LayoutCheck.examine(LayoutFront.read(source))
    try check.expectImages()
    return Layout(check)
  }

  /// Opens an archive that may be cut into volumes. Throws ``LayoutError/volumeNeeded(path:archive:)`` when
  /// without one of them it cannot be told what the archive holds.
  public static func open(
    _ input: ArchiveInput, memoryLimit: Int64 = Decompressor.usualMemory
  ) throws(LayoutError) -> Layout {
    guard !input.volumes.isEmpty else {
      try UnfinishedArchive.refuse(input.path)
      return try open(
        LayoutSource.open(input.path, name: input.finding?.path, memoryLimit: memoryLimit))
    }
    guard input.volumes[1] != nil else {
      // What ends in digits need not be a volume.
      if input.volumes.count == 1, let only = input.volumes.values.first,
        let layout = try? open(only.path, memoryLimit: memoryLimit)
      {
        return layout
      }
      throw .volumeNeeded(path: try VolumeSet(input).volumes[0].path, archive: input.path)
    }
    var set = try VolumeSet(input)
    if let (check, pieces) = try set.wholePieces(memoryLimit) { return Layout(check, set: pieces) }
    do {
      // With the plan it is known how many volumes there must be, and with those what each must hold.
      while true {
        let check = try LayoutCheck.examine(
          LayoutFront.read(LayoutSource.open(tar: set.content(), memoryLimit: memoryLimit)))
        guard let better = try set.corrected(by: check) else {
          try check.expectImages()
          for volume in set.volumes where volume.state == .missing {
            try UnfinishedArchive.refuse(missing: volume.path, of: input.path)
          }
          return Layout(check, set: set)
        }
        set = better
      }
    } catch {
      throw error.naming(set)
    }
  }

  /// Fills `buffer` with the blob's bytes from `offset` on; fewer only at its end. Nothing is proved. Throws
  /// ``LayoutError/missing(_:)``.
  public func read(
    _ digest: Digest, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
  ) throws(LayoutError) -> Int {
    guard let extent = blobs[digest] else { throw .missing(digest) }
    guard (0..<extent.size).contains(offset) else { return 0 }
    let count = Int(min(Int64(buffer.count), extent.size - offset))
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
    do { return try unsafe file.read(into: part, at: extent.offset + offset) } catch {
      throw LayoutError(error)
    }
  }

  /// All bytes of a blob of at most `limit` bytes, proved to be the ones `descriptor` promises.
  public func bytes(of descriptor: Descriptor, limit: Int) throws(LayoutError) -> [UInt8] {
    guard let extent = blobs[descriptor.digest] else { throw .missing(descriptor.digest) }
    guard extent.size <= Int64(limit) else {
      throw .oversized(
        path: path, entry: BlobPath.path(of: descriptor.digest), size: extent.size, limit: Int64(limit))
    }
    let bytes = try extent.bytes(in: file)
    do {
      var verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
      try unsafe verifier.update(bytes.span.bytes)
      _ = try verifier.finish()
    } catch {
      throw .wrongContent(descriptor.digest, error)
    }
    return bytes
  }

  /// The manifest or index that `descriptor` points at, proved.
  public func manifest(_ descriptor: Descriptor) throws(LayoutError) -> Manifest {
    let bytes = try bytes(of: descriptor, limit: Manifest.sizeLimit)
    do {
      return try Manifest(
        bytes: bytes, mediaType: descriptor.mediaType, opaque: opaque, by: descriptor.digest.algorithm)
    } catch {
      throw .notAManifest(descriptor.digest, error)
    }
  }

  /// The same, from the first of `others` that has it where it is not right here. Throws what it throws here.
  public func manifest(_ descriptor: Descriptor, orIn others: [Layout]) throws(LayoutError) -> Manifest {
    do { return try manifest(descriptor) } catch {
      for other in others where other !== self {
        if let found = try? other.manifest(descriptor) { return found }
      }
      throw error
    }
  }

  /// The same descriptor without all but its type, digest and size, as all trees of the archive have it.
  public func shared(_ descriptor: Descriptor) -> Descriptor { descriptors.shared(descriptor) }

  /// Everything an image consists of, without what is left out on purpose; `withKnown` takes in what is left
  /// out because the other side has it. Manifests that are not right here may be in `others`. `visit` is given what each manifest
  /// says, without its bytes, in the tree's order.
  public func tree(
    of image: LayoutImage, orIn others: [Layout] = [], withKnown: Bool = false,
    visit: (Manifest) -> Void = { _ in }
  ) throws(LayoutError) -> ImageTree {
    let tree = try walk(image, orIn: others, withKnown: withKnown, visit: visit)
    try walks.withLock { (walks) throws(LayoutError) in
      guard walks.roots.insert(image.root.digest).inserted else { return }
      walks.parts += tree.manifests.count + tree.blobs.count + tree.omitted.count
      let limit = Walks.mostParts + images.count * Walks.partsPerImage
      guard walks.parts <= limit else { throw .tooManyBlobs(path: path, limit: limit) }
    }
    return tree
  }

  private func walk(
    _ image: LayoutImage, orIn others: [Layout], withKnown: Bool, visit: (Manifest) -> Void
  ) throws(LayoutError) -> ImageTree {
    let includes: (Descriptor) -> Bool = { [omissions] part in
      guard let omission = omissions[part.digest] else { return true }
      return withKnown && omission.reason == .known
    }
    do {
      return try DocumentMemory.all.whileReading {
        try ImageTree(
          root: image.root, includes: includes, share: { descriptors.shared($0) }, visit: visit
        ) { descriptor in
          try noteReading(descriptor)
          let manifest = try manifest(descriptor, orIn: others)
          try noteValues(manifest.values)
          // Those of indexes are in memory for as long as what they list is walked.
          return manifest.withoutBytes
        }
      }
    } catch let error as LayoutError {
      throw error
    } catch let error as ManifestError {
      throw .notAManifest(image.root.digest, error)
    } catch {
      throw .missing(image.root.digest)
    }
  }

  /// Images that share manifests and configs are walked each by itself: of an archive that makes an end of this, thousands of
  /// tiny indexes may list the same large ones.
  func noteReading(_ document: Descriptor) throws(LayoutError) {
    try reading.read(blobs[document.digest]?.size ?? 0)
  }

  /// What an image's config says; nil where it cannot be read. Throws ``LayoutError/cancelled``, and
  /// ``LayoutError/tangled(path:limit:)`` where all that is read for images is more than is read for any. One that is not right
  /// here may be in `others`.
  public func config(
    _ descriptor: Descriptor, orIn others: [Layout] = []
  ) throws(LayoutError) -> ImageConfig? {
    try noteReading(descriptor)
    for layout in [self] + others where layout.blobs[descriptor.digest] != nil {
      guard let bytes = try? layout.bytes(of: descriptor, limit: ImageConfig.sizeLimit) else { continue }
      return try? ImageConfig(bytes: bytes)
    }
    return nil
  }

  /// The index that an image is some platforms of since its export, as its manifest says; nil where it is no such. It is read once
  /// for all of the image's names.
  public func indexDigest(of image: LayoutImage) -> Digest? {
    guard image.root.mediaType.isIndex else { return nil }
    if let known = walks.withLock({ $0.origins[image.root.digest] }) { return known }
    let annotations = (try? manifest(image.root))?.annotations
    let origin = annotations?[PlatformIndex.originAnnotation].flatMap { try? Digest($0) }
    walks.withLock { $0.origins[image.root.digest] = .some(origin) }
    return origin
  }

  private func noteValues(_ count: Int) throws(LayoutError) {
    try walks.withLock { (walks) throws(LayoutError) in
      walks.valuesRead.add(saturating: Int64(count))
      guard walks.valuesRead <= mostValuesRead else {
        throw .tooManyValues(path: path, limit: mostValuesRead)
      }
    }
  }

  /// The image as registries have it, where it is one of schema 1, and ``tree(of:withKnown:)`` its carrier's, with its manifest;
  /// nil for any other.
  public func schema1(_ image: LayoutImage) throws(LayoutError) -> (tree: ImageTree, manifest: Manifest)? {
    guard let digest = image.schema1Digest else { return nil }
    try noteReading(image.root)
    let carrier = try manifest(image.root)
    guard case .image(let content) = carrier.content else {
      throw .notAManifest(image.root.digest, .malformed(.carriesOtherContent))
    }
    try noteReading(content.config)
    let document = try bytes(of: content.config, limit: Manifest.sizeLimit)
    do throws(ManifestError) {
      let (tree, manifest) = try Schema1Carrier.image(in: carrier, document: document)
      guard manifest.digest == digest else { throw .malformed(.carriesOtherContent) }
      return (tree, manifest)
    } catch {
      throw .notAManifest(image.root.digest, error)
    }
  }

  /// The bytes of a file of ``files``, proved.
  public func bytes(of carriedFile: CarriedFile) throws(LayoutError) -> [UInt8] {
    guard let extent = carried[carriedFile.path] else {
      throw .missingFile(path: path, entry: carriedFile.path)
    }
    guard extent.size == carriedFile.size else {
      throw .wrongContent(carriedFile.digest, .short(expected: carriedFile.size, received: extent.size))
    }
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes)
    guard actual == carriedFile.digest else {
      throw .wrongContent(carriedFile.digest, .mismatch(expected: carriedFile.digest, actual: actual))
    }
    return bytes
  }

  /// What is wrong with the place of a blob that an image lists: nothing when it lies in the archive with its
  /// size or is left out on purpose. Its bytes are not read.
  public func problem(with descriptor: Descriptor) -> LayoutProblem? {
    guard let extent = blobs[descriptor.digest] else {
      return omissions[descriptor.digest] == nil ? .missing(descriptor) : nil
    }
    guard extent.size == descriptor.size else {
      return .wrongSize(descriptor.digest, expected: descriptor.size, actual: extent.size)
    }
    return nil
  }

  /// Of an archive that is cut: all that it should have, in order, and those that are there too much.
  public var volumes: [Volume] { volumePlaces.volumes }

  /// The volumes in which what a problem speaks of lies; none when the archive is one file.
  public func volumes(of problem: LayoutProblem) -> [Volume] { volumePlaces.volumes(of: problem) }
}

/// What walking an archive's images has taken. Walked are they several times, and kept are their trees.
private struct Walks {
  /// The roots whose trees were counted.
  var roots: Set<Digest> = []
  var parts = 0
  var valuesRead: Int64 = 0
  /// What indexes say that they are some platforms of, by their digests.
  var origins: [Digest: Digest?] = [:]

  /// The most parts of all trees together, beside those that each image may have.
  static let mostParts = 2 << 20
  static let partsPerImage = 256
  /// The most values that are read of manifests, all walks together, beside so many times what all of them have: no command
  /// walks the images so often.
  static let mostValues: Int64 = 16 << 20
  static let mostRounds: Int64 = 16
}
