import Digests
import Files
import Images

/// The manifests that a plan is made of. They are many more than fit into the memory, perhaps: of those that come from a
/// registry only the bytes are kept, and of an archive's all but the first lie where they lie. These are read again each
/// time that they are wanted.
struct PlannedManifests: Sendable {
  private enum Holding: Sendable {
    indirect case atHand(Manifest)
    case encoded(ManifestBytes)
  }

  private var holdings: [Digest: Holding] = [:]
  /// Where those lie that are taken in.
  private let archive: ManifestBytes.Archive?
  /// What it may take to read those over and over.
  private let reading: Effort?
  /// How many bytes of manifests are at hand.
  private var held: Int64 = 0

  private let mostHeld: Int64
  /// What it is of; nil: of nothing that is kept once.
  private let descriptors: SharedDescriptors?

  /// Manifests of which all are at hand.
  init(_ manifests: [Manifest]) {
    for manifest in manifests { holdings[manifest.digest] = holdings[manifest.digest] ?? .atHand(manifest) }
    archive = nil
    reading = nil
    mostHeld = .max
    descriptors = nil
  }

  /// Manifests of which the bytes are kept.
  init(_ manifests: some Collection<ManifestBytes>, sharing descriptors: SharedDescriptors) {
    holdings.reserveCapacity(manifests.count)
    for manifest in manifests where holdings[manifest.digest] == nil {
      holdings[manifest.digest] = .encoded(manifest)
    }
    archive = nil
    reading = nil
    mostHeld = .max
    self.descriptors = descriptors
  }

  /// None yet, of those that lie in `file`, which takes up `stored` bytes where it may be compressed. `mostHeld` is how many
  /// bytes of them are kept at hand: those of some thousand images.
  init(
    in file: any RandomAccess, stored: Int64? = nil, mostHeld: Int64 = 2 << 20,
    sharing descriptors: SharedDescriptors
  ) {
    archive = ManifestBytes.Archive(file)
    reading = .ofReading(file.path, size: (try? file.size()) ?? 0, stored: stored)
    self.mostHeld = mostHeld
    self.descriptors = descriptors
  }

  /// The descriptor that is kept of a part of an image.
  func shared(_ descriptor: Descriptor) -> Descriptor {
    descriptors?.shared(descriptor) ?? descriptor.plain
  }

  /// Takes in a manifest that was read from `extent`, and proved.
  mutating func add(_ manifest: Manifest, from extent: BlobExtent) {
    guard holdings[manifest.digest] == nil else { return }
    if let archive, held + extent.size > mostHeld {
      let descriptor = shared(manifest.descriptor)
      holdings[manifest.digest] = .encoded(
        ManifestBytes(manifest, as: descriptor, at: extent.offset, of: archive))
    } else {
      held.add(saturating: extent.size)
      holdings[manifest.digest] = .atHand(manifest)
    }
  }

  var digests: some Collection<Digest> { holdings.keys }

  func contains(_ digest: Digest) -> Bool { holdings[digest] != nil }

  /// Its type, digest and size; nil for one that is not here.
  func descriptor(of digest: Digest) -> Descriptor? {
    switch holdings[digest] {
    case .atHand(let manifest): shared(manifest.descriptor)
    case .encoded(let manifest): manifest.descriptor
    case nil: nil
    }
  }

  /// The manifest, proved; nil for one that is not here. Throws `archive` and ``LayoutError/cancelled``, and
  /// `notAManifest` when it is no longer what it was, and `tangled`.
  func manifest(_ digest: Digest) throws(LayoutError) -> Manifest? {
    switch holdings[digest] {
    case .atHand(let manifest): return manifest
    case .encoded(let manifest):
      try reading?.read(manifest.descriptor.size)
      return try manifest.decoded()
    case nil: return nil
    }
  }

  /// What is known of it where its type is none that Ferry knows.
  func record(of digest: Digest) -> OpaqueRecord? {
    switch holdings[digest] {
    case .atHand(let manifest): manifest.record
    case .encoded(let manifest): manifest.record
    case nil: nil
    }
  }

  /// What stands in an archive under its digest.
  func content(of digest: Digest) -> ArchiveSection.Content? {
    switch holdings[digest] {
    case .atHand(let manifest): .bytes(manifest.bytes)
    case .encoded(let manifest): .manifest(manifest)
    case nil: nil
    }
  }
}
