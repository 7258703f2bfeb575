import Digests
import Files
import Images
import Tar

/// Reads and proves every manifest of an archive that its images lead to, and sees that their configs say one thing to
/// all readers, reading on past what is wrong.
struct ManifestWalk {
  let file: any RandomAccess
  let blobs: [Digest: BlobExtent]
  let omissions: [Digest: Omission]
  /// Those of types that Ferry does not know.
  private let opaque: OpaqueManifests
  /// Manifests, configs and layers that something lists, by digest, without those left out.
  private(set) var listed = DescriptorsByDigest()
  /// All of them as they are kept by whoever keeps them.
  let descriptors = SharedDescriptors()
  /// Those that are sound.
  private(set) var manifests: PlannedManifests
  private(set) var problems: [LayoutProblem] = []
  /// What it takes to know whether ``omissions`` are right.
  private(set) var review: OmissionReview
  private var noted: Set<LayoutProblem> = []
  /// How much there is in the manifests that were read.
  private(set) var tally = ManifestTally()
  /// The most bytes of manifests and configs; nil: as many as there are.
  private let mostDocuments: Int64?
  private var documentsRead: Int64 = 0
  private var bytesRead: Int64 = 0
  private var manifestsRead: Int64 = 0
  /// What is kept of a config that was read.
  private struct ReadConfig {
    /// nil where it is none, or damaged.
    var claim: ImageConfig.LayerClaim?
    /// Whether it is an image's to those who take it for one, whatever its type, and cannot be read.
    var isImages = false
  }

  /// Configs that were read, and why those are none that are none.
  private var configs: [Digest: ReadConfig] = [:]
  private var configFaults: [Digest: ManifestError] = [:]
  /// Configs that speak of other layers than a manifest that lists them; of each, the first such manifest by its digest.
  private var strayConfigs: [Digest: Digest] = [:]
  /// Whether an image was read, and not indexes alone.
  private var holdsImage = false

  /// The most manifests' bytes of one archive, so that a hostile one cannot take for ever; and what each sound manifest adds to
  /// it, for one that is not sound is read again wherever it is listed.
  static let sizeLimit: Int64 = 256 << 20
  private static let sizePerManifest: Int64 = 32 << 10
  /// The most bytes of manifests and configs of what is compressed, and for each byte of that: a few kilobytes may become
  /// gigabytes.
  private static let (mostUnpacked, timesUnpacked): (Int64, Int64) = (64 << 20, 32)
  /// The most values of the manifests of one archive, beyond what such bytes usually have: reading a million takes a second or
  /// two.
  static let mostValues: Int64 = 2 << 20
  /// The most that an archive may list: of more than half of it, it has nothing.
  static let mostListed = 2 * TarIndex.mostEntries

  /// `stored` is how many bytes the archive takes up where it is compressed, or may be.
  init(
    file: any RandomAccess, blobs: [Digest: BlobExtent], omissions: [Digest: Omission],
    opaque: OpaqueManifests = [:], stored: Int64? = nil
  ) {
    self.opaque = opaque
    mostDocuments = stored.map { Self.mostUnpacked + Self.timesUnpacked * min($0, 1 << 40) }
    self.file = file
    self.blobs = blobs
    self.omissions = omissions
    review = OmissionReview(omissions)
    manifests = PlannedManifests(in: file, stored: stored, sharing: descriptors)
  }

  /// Reads what lies below `root`; `visit` is given each manifest that is sound, once or more often.
  mutating func descend(
    from root: Descriptor, visit: (Manifest) -> Void = { _ in }
  ) throws(LayoutError) {
    // Not recursion: how deep indexes nest is up to the archive.
    review.note(root: root)
    var pending = [root]
    while let descriptor = pending.popLast() {
      try LayoutError.checkCancellation()
      guard omissions[descriptor.digest] == nil else { continue }
      if manifests.contains(descriptor.digest), listed[descriptor.digest]?.size == descriptor.size {
        continue
      }
      guard let manifest = try read(descriptor) else { continue }
      visit(manifest)
      review.note(manifest)
      for blob in manifest.blobs where omissions[blob.digest] == nil { try note(blob) }
      if case .image(let image) = manifest.content { try check(image, of: manifest.digest) }
      pending += manifest.children
    }
  }

  /// Takes in what `index.json` lists and is no manifest, so that it is known whether it is there.
  mutating func list(_ others: [Descriptor]) throws(LayoutError) {
    for descriptor in others where omissions[descriptor.digest] == nil { try note(descriptor) }
  }

  /// Sees that what carries an image of schema 1 agrees with the manifest in it, and both with the digest that the image is
  /// listed by. What is not there, or damaged, was found before, or is found where blobs are.
  mutating func checkCarriers(of images: [LayoutImage]) throws(LayoutError) {
    // An image may have thousands of names.
    var seen: Set<[Digest]> = []
    for image in images {
      guard let digest = image.schema1Digest, seen.insert([image.root.digest, digest]).inserted,
        let carrier = try manifests.manifest(image.root.digest)
      else { continue }
      try LayoutError.checkCancellation()
      do {
        guard case .image(let content) = carrier.content else {
          throw ManifestError.malformed(.carriesOtherContent)
        }
        if omissions[content.config.digest] != nil { throw ManifestError.malformed(.carriesOtherContent) }
        guard let extent = blobs[content.config.digest], extent.size <= Int64(Manifest.sizeLimit) else {
          continue
        }
        try count(Int64(carrier.bytes.count), extent.size)
        let document = try extent.bytes(in: file)
        guard content.config.digest.matches(document) else { continue }
        guard try Schema1Carrier.image(in: carrier, document: document).manifest.digest == digest else {
          throw ManifestError.malformed(.carriesOtherContent)
        }
      } catch let error as ManifestError {
        add(.notAManifest(image.root.digest, error))
      } catch let error as LayoutError {
        throw error
      } catch {}
    }
  }

  /// Sees that images which are said to be made of others are what becomes of those, whose manifests are among `files`.
  /// What their layers hold is taken from their configs: whoever unpacks layers holds it against those.
  mutating func checkConversions(
    _ conversions: [ConvertedImage], beside files: [String: BlobExtent]
  ) throws(LayoutError) {
    for conversion in conversions {
      try LayoutError.checkCancellation()
      guard let manifest = try manifests.manifest(conversion.digest),
        let beside = files[ConvertedImage.path(of: conversion.from)],
        beside.size <= Int64(Manifest.sizeLimit), file.holds(beside.range),
        case .image(let content) = manifest.content, let extent = blobs[content.config.digest],
        extent.size <= Int64(ImageConfig.sizeLimit)
      else { continue }
      try count(Int64(manifest.bytes.count), beside.size, extent.size)
      let config = try extent.bytes(in: file)
      guard content.config.digest.matches(config) else { continue }
      let original = try? Schema1Manifest(bytes: beside.bytes(in: file))
      guard let original, original.digest == conversion.from,
        Schema1Conversion.makes(manifest, config: config, of: original)
      else {
        add(.notAManifest(conversion.digest, .malformed(.convertedOtherwise)))
        continue
      }
    }
  }

  /// Images' configs that speak of other layers than a manifest that lists them, in the order of those manifests.
  var disagreeingConfigs: [Digest] {
    strayConfigs.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
  }

  /// Whether no image was met, here or left out, but indexes at most.
  var isEmpty: Bool {
    !holdsImage
      && omissions.values.allSatisfy { !$0.descriptor.mediaType.isManifest }
  }

  /// Looks at an image's config. One that is not there, or damaged, is found where blobs are; what an artifact calls
  /// its config may be anything.
  private mutating func check(_ image: ImageManifest, of manifest: Digest) throws(LayoutError) {
    let config = image.config
    guard image.mayBeRunnable, let extent = blobs[config.digest] else { return }
    let isTyped = config.mediaType.isImageConfig
    guard extent.size <= Int64(ImageConfig.sizeLimit) else {
      if isTyped { add(.notAConfig(config.digest, .tooLarge(extent.size))) }
      return
    }
    if configs[config.digest] == nil { try read(config.digest, at: extent, isTyped) }
    let read = configs[config.digest] ?? ReadConfig()
    if isTyped || read.isImages, let fault = configFaults[config.digest] {
      add(.notAConfig(config.digest, fault))
    }
    guard let claim = read.claim, !claim.fits(image) else { return }
    strayConfigs[config.digest] = min(manifest, strayConfigs[config.digest] ?? manifest)
  }

  /// Reads a config, once however many manifests list it.
  private mutating func read(
    _ config: Digest, at extent: BlobExtent, _ isTyped: Bool
  ) throws(LayoutError) {
    var read = ReadConfig()
    try countDocument(extent.size)
    if let bytes = try document(in: extent) {
      if config.matches(bytes) {
        do throws(ManifestError) { read.claim = try ImageConfig(bytes: bytes).layerClaim } catch {
          configFaults[config] = error
          read.isImages = isTyped || ImageConfig.speaksOfLayers(bytes)
        }
      }
    } else if passed(extent)?.digest(by: config.algorithm) == config {
      configFaults[config] = .malformed(.json(.notJSON))
    }
    configs[config] = read
  }

  /// The bytes there; nil where they came once, and were not kept because their first is none of JSON's.
  private func document(in extent: BlobExtent) throws(LayoutError) -> [UInt8]? {
    do throws(LayoutError) {
      return try extent.bytes(in: file)
    } catch {
      guard case .archive(.passed) = error, passed(extent) != nil,
        let first = try BlobExtent(offset: extent.offset, size: 1).bytes(in: file).first,
        !PassedContent.mayBeginDocument(first)
      else { throw error }
      return nil
    }
  }

  private func passed(_ extent: BlobExtent) -> PassedContent.Passage? {
    (file as? PassedContent)?.passage(at: extent.offset, size: extent.size)
  }

  /// Counts documents before they are read that may be read again.
  private mutating func count(_ sizes: Int64...) throws(LayoutError) {
    for size in sizes { try countDocument(size) }
    bytesRead.add(saturating: sizes.saturatingSum())
    let limit = Self.sizeLimit + manifestsRead * Self.sizePerManifest
    guard bytesRead <= limit else {
      throw .oversized(path: file.path, entry: BlobPath.folder, size: bytesRead, limit: limit)
    }
  }

  private mutating func countDocument(_ size: Int64) throws(LayoutError) {
    documentsRead.add(saturating: size)
    if let limit = mostDocuments, documentsRead > limit {
      throw .oversized(path: file.path, entry: BlobPath.folder, size: documentsRead, limit: limit)
    }
  }

  /// Remembers a descriptor. Whether its blob is there and has that size is asked later.
  private mutating func note(_ descriptor: Descriptor) throws(LayoutError) {
    let shared = descriptors.shared(descriptor)
    guard descriptors.count <= Self.mostListed, descriptors.typeBytes <= SharedDescriptors.mostTypeBytes
    else {
      throw .tooManyBlobs(path: file.path, limit: Self.mostListed)
    }
    guard let other = listed[descriptor.digest] else {
      listed.update(shared)
      return
    }
    guard other.size != descriptor.size else { return }
    // Of two sizes the one that the content has is right.
    guard let extent = blobs[descriptor.digest] else {
      return add(.wrongSize(descriptor.digest, expected: descriptor.size, actual: other.size))
    }
    for size in [other.size, descriptor.size] where size != extent.size {
      add(.wrongSize(descriptor.digest, expected: size, actual: extent.size))
    }
    if descriptor.size == extent.size { listed.update(shared) }
  }

  private mutating func add(_ problem: LayoutProblem) {
    if noted.insert(problem).inserted { problems.append(problem) }
  }

  /// The manifest, if it is new and sound.
  private mutating func read(_ descriptor: Descriptor) throws(LayoutError) -> Manifest? {
    let digest = descriptor.digest
    try note(descriptor)
    guard let extent = blobs[digest] else {
      add(.missing(descriptors.shared(descriptor)))
      return nil
    }
    guard extent.size == descriptor.size else {
      add(.wrongSize(digest, expected: descriptor.size, actual: extent.size))
      return nil
    }
    guard extent.size <= Int64(Manifest.sizeLimit) else {
      add(.notAManifest(digest, .tooLarge(extent.size)))
      return nil
    }
    try count(extent.size)
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes, by: digest.algorithm)
    guard actual == digest else {
      add(.damaged(digest, actual: actual))
      return nil
    }
    let manifest: Manifest
    do {
      manifest = try Manifest(
        bytes: bytes, mediaType: descriptor.mediaType, opaque: opaque, by: digest.algorithm)
    } catch {
      add(.notAManifest(digest, error))
      return nil
    }
    tally.add(manifest)
    guard !tally.isDense(beyond: Self.mostValues) else {
      throw .tooManyValues(path: file.path, limit: Self.mostValues)
    }
    manifests.add(manifest, from: extent)
    manifestsRead += 1
    if !manifest.mediaType.isIndex { holdsImage = true }
    return manifest
  }
}
