import Archives
import Digests
import Images

/// Reads and proves every manifest of an archive that its images lead to, and sees that their configs say one thing to
/// all readers, going on past what is wrong.
struct ManifestWalk {
  let file: any RandomAccess
  let blobs: [Digest: BlobExtent]
  let omissions: [Digest: Omission]
  /// Manifests, configs and layers that something lists, by digest, without those left out.
  private(set) var listed: [Digest: Descriptor] = [:]
  private(set) var manifests: [Digest: Manifest] = [:]
  private(set) var problems: [LayoutProblem] = []
  /// What it takes to know whether ``omissions`` are right.
  private(set) var review: OmissionReview
  private var noted: Set<LayoutProblem> = []
  private var bytesRead: Int64 = 0
  /// Configs that were read.
  private var configs: Set<Digest> = []

  /// The most manifests' bytes of one archive, so that a hostile one cannot fill the memory.
  static let sizeLimit: Int64 = 256 << 20

  init(file: any RandomAccess, blobs: [Digest: BlobExtent], omissions: [Digest: Omission]) {
    self.file = file
    self.blobs = blobs
    self.omissions = omissions
    review = OmissionReview(omissions)
  }

  mutating func descend(from root: Descriptor) throws(LayoutError) {
    // Not recursion: how deep indexes nest is up to the archive.
    review.note(root: root)
    var pending = [root]
    while let descriptor = pending.popLast() {
      guard omissions[descriptor.digest] == nil else { continue }
      if manifests[descriptor.digest] != nil, listed[descriptor.digest]?.size == descriptor.size { continue }
      guard let manifest = try read(descriptor) else { continue }
      review.note(manifest)
      for blob in manifest.blobs where omissions[blob.digest] == nil { note(blob) }
      if case .image(let image) = manifest.content { try check(image) }
      pending += manifest.children
    }
  }

  /// Takes in what `index.json` lists and is no manifest, so that it is known whether it is there.
  mutating func list(_ others: [Descriptor]) {
    for descriptor in others where omissions[descriptor.digest] == nil { note(descriptor) }
  }

  /// Whether no image was met, here or left out, but indexes at most.
  var isEmpty: Bool {
    manifests.values.allSatisfy(\.mediaType.isIndex)
      && omissions.values.allSatisfy { !$0.descriptor.mediaType.isManifest }
  }

  /// Looks at an image's config. One that is not there, or damaged, is found where blobs are; what an artifact calls
  /// its config may be anything.
  private mutating func check(_ image: ImageManifest) throws(LayoutError) {
    let config = image.config
    guard image.mayBeRunnable, !configs.contains(config.digest), let extent = blobs[config.digest] else {
      return
    }
    let isTyped = config.mediaType.isImageConfig
    guard extent.size <= Int64(ImageConfig.sizeLimit) else {
      guard isTyped else { return }
      return add(.notAConfig(config.digest, .tooLarge(extent.size)))
    }
    let bytes = try extent.bytes(in: file)
    guard isTyped || ImageConfig.speaksOfLayers(bytes) else { return }
    configs.insert(config.digest)
    guard Digest(of: bytes) == config.digest else { return }
    do { try ImageConfig.check(bytes) } catch { add(.notAConfig(config.digest, error)) }
  }

  /// Remembers a descriptor. Whether its blob is there and has that size is asked later.
  private mutating func note(_ descriptor: Descriptor) {
    let plain = Descriptor(
      mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size)
    guard let other = listed[descriptor.digest], other.size != descriptor.size else {
      if listed[descriptor.digest] == nil { listed[descriptor.digest] = plain }
      return
    }
    add(.wrongSize(descriptor.digest, expected: descriptor.size, actual: other.size))
  }

  private mutating func add(_ problem: LayoutProblem) {
    if noted.insert(problem).inserted { problems.append(problem) }
  }

  /// The manifest, if it is new and sound.
  private mutating func read(_ descriptor: Descriptor) throws(LayoutError) -> Manifest? {
    let digest = descriptor.digest
    note(descriptor)
    guard let extent = blobs[digest] else {
      add(.missing(descriptor))
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
    bytesRead += extent.size
    guard bytesRead <= Self.sizeLimit else {
      throw .oversized(path: file.path, entry: BlobPath.folder, size: bytesRead, limit: Self.sizeLimit)
    }
    let bytes = try extent.bytes(in: file)
    let actual = Digest(of: bytes)
    guard actual == digest else {
      add(.damaged(digest, actual: actual))
      return nil
    }
    do {
      let manifest = try Manifest(bytes: bytes, mediaType: descriptor.mediaType)
      manifests[digest] = manifest
      return manifest
    } catch {
      add(.notAManifest(digest, error))
      return nil
    }
  }
}
