public import Digests
import Images
public import Layouts
import Synchronization
public import Tar

/// `ferry verify`: proves an archive without network and without key.
public struct Verification: Sendable {
  private let archive: ArchiveInput
  /// Also decompress every layer and compare it with its config's `diff_ids`.
  private let isDeep: Bool
  private let expected: Digest?
  /// Who must have signed the archive.
  private let signature: SignatureDemand?
  /// The directory into which an archive that cannot be read in place is copied first; nil: it is read as it comes.
  private let spool: String?
  /// The directory for nameless files of what is not to be kept in memory.
  private let temporary: String
  /// How much memory decompressing may take, in bytes.
  private let memoryLimit: Int64
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  public init(
    _ archive: ArchiveInput, isDeep: Bool, expected: Digest?, signature: SignatureDemand? = nil,
    spool: String? = nil, temporary: String, memoryLimit: Int64 = Decompressor.usualMemory,
    settings: TransferSettings
  ) throws {
    self.archive = archive
    self.isDeep = isDeep
    self.expected = expected
    self.signature = signature
    self.spool = spool
    self.temporary = temporary
    self.memoryLimit = memoryLimit
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Reads the whole archive once. Damage is a finding; throws when there is no archive to speak of, or
  /// another one than `expected`.
  @concurrent
  public func run() async throws -> VerifiedArchive {
    let opened = try await executor.run {
      try OpenedArchive.open(
        archive, for: .proof(unpacksLayers: isDeep), spool: spool, temporary: temporary,
        memoryLimit: memoryLimit)
    }
    let layout = opened.layout
    if let expected, layout.archiveDigest != expected {
      throw TransferError.wrongArchive(path: layout.path, expected: expected, actual: layout.archiveDigest)
    }
    let signature = try await executor.run { () -> DetachedSignature? in
      try self.signature?.check(archive: archive.path, digest: layout.archiveDigest)
    }
    var findings = Findings(layout)
    // An image may have thousands of names; it is walked once.
    var roots: [Digest: LayoutImage] = [:]
    for image in layout.images { roots[image.root.digest] = roots[image.root.digest] ?? image }
    let distinct = roots.values.sorted { $0.root.digest < $1.root.digest }
    let trees = try await executor.mapConcurrently(distinct) { image in
      try ImageWalk.follow(image, in: layout, isDeep: isDeep)
    }
    let isCut = opened.stream.map { !$0.isSound } ?? false
    for tree in trees { findings.add(tree, isCut: isCut) }

    var layers = WantedContents()
    if isDeep {
      for (layer, diffID) in trees.lazy.flatMap(\.contents) {
        layers.add(layer.digest, by: diffID.algorithm)
      }
    }
    let readings: Readings
    switch opened {
    case .inPlace: readings = try await read(layout, unpacking: layers)
    case .passing(let stream):
      let passed = try await executor.run { [layers] in try read(stream, unpacking: layers) }
      readings = passed.readings
      for problem in passed.problems { findings.add(problem) }
    }
    for reading in readings.telling {
      if let problem = reading.problem { findings.add(problem, about: reading.digest) }
    }
    if isDeep { findings.compareContent(trees, readings: readings.telling) }
    return VerifiedArchive(
      path: archive.path, digest: layout.archiveDigest, size: layout.totalSize, signature: signature,
      contents: try contents(of: layout, trees), others: layout.others,
      referrers: layout.images.filter(\.looksLikeReferrer).map(\.label), blobCount: readings.count,
      layersUnpacked: readings.telling.count { !$0.contents.isEmpty },
      layersNotCompared: isDeep
        ? Set(trees.lazy.flatMap(\.opaque)).intersection(layout.blobs.keys)
          .union(readings.telling.lazy.filter(\.isBoundless).map(\.digest)).count : 0,
      omissions: layout.omissions.values.sorted { $0.descriptor.digest < $1.descriptor.digest },
      omissionImages: ImageWalk.omissionImages(trees, in: layout),
      knownSources: layout.knownSources, missingImages: layout.missingImages,
      unknownManifests: trees.compactMap(\.tree).unknownManifests, findings: findings.all,
      volumes: layout.volumes, isRepacked: layout.isRepacked || opened.stream?.isRearranged ?? false,
      surplus: layout.isRepacked ? layout.remarks : [], signatureCount: layout.signatureCount)
  }

  /// The archive's images in its order, with what was found below each.
  private func contents(of layout: Layout, _ walks: [ImageWalk]) throws -> [VerifiedImage] {
    let parts = Dictionary(
      walks.map { walk in
        (walk.image.root.digest, walk.tree?.parts ?? [])
      }, uniquingKeysWith: { first, _ in first })
    let sparse = Set(
      walks.filter { walk in
        walk.tree?.omitted.contains { layout.omissions[$0.digest]?.reason == .absent } ?? false
      }.map(\.image.root.digest))
    // Once for all names of an image.
    var platforms: [Digest: [Platform]] = [:]
    for image in layout.images
    where sparse.contains(image.root.digest) && platforms[image.root.digest] == nil {
      let here = try? layout.platforms(of: image).filter(\.isHere).compactMap(\.platform)
      platforms[image.root.digest] = here ?? []
    }
    // Of images of schema 1, by what carries them and what they are known by.
    var carried: [[Digest]: [Descriptor]] = [:]
    // Whoever shows it looks at all parts of an image for each of its repositories.
    let effort = Effort(of: layout.path, limit: 1 << 20 + Int(clamping: layout.storedSize / 16))
    var met: Set<RepositoryContent> = []
    return try layout.images.map { image in
      let content = RepositoryContent(
        repository: image.reference?.repositoryName ?? image.name, digest: image.root.digest)
      if met.insert(content).inserted { try effort.take(parts[image.root.digest]?.count ?? 0) }
      // What a destination confirms of an image of schema 1 is not what carries it here.
      if let digest = image.schema1Digest {
        let key = [image.root.digest, digest]
        if carried[key] == nil, let (tree, manifest) = try? layout.schema1(image),
          case .schema1(let content) = manifest.content
        {
          carried[key] = [tree.root] + content.layersWithContent(among: tree.blobs)
        }
        if let parts = carried[key] {
          return VerifiedImage(
            name: image.label, reference: image.reference, root: parts[0], convertedFrom: nil,
            indexDigest: nil, parts: parts)
        }
      }
      return VerifiedImage(
        name: image.label, reference: image.reference, root: image.root, convertedFrom: image.convertedFrom,
        indexDigest: layout.indexDigest(of: image),
        parts: parts[image.root.digest] ?? [],
        platforms: platforms[image.root.digest] ?? [])
    }
  }

  /// What reading an archive's blobs showed.
  private struct Readings {
    /// How many were read.
    var count = 0
    /// Those that say more than that a blob is what it should be: of hundreds of thousands that is most.
    var telling: [BlobReading] = []

    mutating func add(_ reading: BlobReading, of layers: WantedContents) {
      count += 1
      if reading.problem != nil || layers[reading.digest] != nil { telling.append(reading) }
    }
  }

  /// Reads every blob where it lies.
  private func read(_ layout: Layout, unpacking layers: WantedContents) async throws -> Readings {
    let allowance = UnpackingAllowance { layout.storedSize }
    if layout.isSequential {
      return try await executor.run {
        var readings = Readings()
        for reading in try BlobReading.passed(
          layout.blobs.keys, in: layout, unpacking: layers, within: memoryLimit, of: allowance)
        { readings.add(reading, of: layers) }
        return readings
      }
    }
    settings.observer.expect(bytes: layout.blobs.values.map(\.size).saturatingSum())
    // In the order in which they lie, so that a disk reads straight on.
    let order = layout.blobs.sorted { $0.value.offset < $1.value.offset }
    let found = Mutex(Readings())
    try await executor.forEachConcurrently(order) { digest, place in
      let meter = TransferMeter(
        Descriptor(mediaType: MediaType(rawValue: ""), digest: digest, size: place.size),
        observer: settings.observer)
      let algorithms = layers[digest]
      let reading = try BlobReading.read(
        digest, in: layout, unpackingWithin: algorithms == nil ? nil : memoryLimit, of: allowance,
        by: algorithms ?? [], progress: meter.advance)
      found.withLock { $0.add(reading, of: layers) }
    }
    var readings = found.withLock { $0 }
    let places = layout.blobs
    readings.telling.sort { (places[$0.digest]?.offset ?? 0) < (places[$1.digest]?.offset ?? 0) }
    return readings
  }

  /// Reads an archive that passes by: every blob, and what is wrong outside the blobs. Blocks.
  private func read(
    _ stream: StreamedLayout, unpacking layers: WantedContents
  ) throws -> (readings: Readings, problems: [LayoutProblem]) {
    settings.observer.expect(bytes: stream.blobs.map(\.size).saturatingSum())
    // The manifests are in the front and were proved as it was read.
    var readings = Readings(count: stream.manifests.count)
    let allowance = UnpackingAllowance { stream.storedSize }
    let problems = try BlobReading.forEach(of: stream) { due in
      let meter = TransferMeter(due.descriptor, observer: settings.observer)
      let algorithms = layers[due.digest]
      let reading = try BlobReading.read(
        due, in: stream, unpackingWithin: algorithms == nil ? nil : memoryLimit, of: allowance,
        by: algorithms ?? [], progress: meter.advance)
      readings.add(reading, of: layers)
    }
    return (readings, problems)
  }
}
