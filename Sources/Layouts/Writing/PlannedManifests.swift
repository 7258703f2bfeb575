import Digests
import Files
import Images

/// The manifests that a plan is made of. They are many more than fit into the memory, perhaps: of those that come from a
/// registry only the bytes are kept, and of an archive's all but the first lie where they lie. These are read again each
/// time that they are wanted.
struct PlannedManifests: Sendable {
  private enum Holding: Sendable {
    case atHand(Manifest)
    case encoded(ManifestBytes)
    /// Its type, and where it lies in ``file``.
    case stored(MediaType, BlobExtent)
  }

  private var holdings: [Digest: Holding] = [:]
  private let file: (any RandomAccess)?
  /// How many bytes of manifests are at hand.
  private var held: Int64 = 0

  private let mostHeld: Int64
  /// What it is of; nil: of nothing that is kept once.
  private let descriptors: SharedDescriptors?
  /// Those of ``file`` that are of types that Ferry does not know.
  private let opaque: OpaqueManifests

  /// Manifests of which all are at hand.
  init(_ manifests: [Manifest]) {
    for manifest in manifests { holdings[manifest.digest] = holdings[manifest.digest] ?? .atHand(manifest) }
    file = nil
    mostHeld = .max
    descriptors = nil
    opaque = [:]
  }

  /// Manifests of which all are at hand, as bytes.
  init(_ manifests: [ManifestBytes], sharing descriptors: SharedDescriptors) {
    for manifest in manifests { holdings[manifest.digest] = holdings[manifest.digest] ?? .encoded(manifest) }
    file = nil
    mostHeld = .max
    self.descriptors = descriptors
    opaque = [:]
  }

  /// None yet, of those that lie in `file`. `mostHeld` is how many bytes of them are kept at hand: those of some thousand
  /// images.
  init(
    in file: any RandomAccess, mostHeld: Int64 = 2 << 20, sharing descriptors: SharedDescriptors,
    opaque: OpaqueManifests = [:]
  ) {
    self.opaque = opaque
    self.file = file
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
    if held + extent.size <= mostHeld {
      held += extent.size
      holdings[manifest.digest] = .atHand(manifest)
    } else {
      holdings[manifest.digest] = .stored(manifest.mediaType, extent)
    }
  }

  var digests: some Collection<Digest> { holdings.keys }

  func contains(_ digest: Digest) -> Bool { holdings[digest] != nil }

  /// Its type, digest and size; nil for one that is not here.
  func descriptor(of digest: Digest) -> Descriptor? {
    switch holdings[digest] {
    case .atHand(let manifest): shared(manifest.descriptor)
    case .encoded(let manifest): manifest.descriptor
    case .stored(let type, let extent):
      shared(Descriptor(mediaType: type, digest: digest, size: extent.size))
    case nil: nil
    }
  }

  /// The manifest, proved; nil for one that is not here. Throws `archive` and ``LayoutError/cancelled``, and
  /// `notAManifest` when it is no longer what it was.
  func manifest(_ digest: Digest) throws(LayoutError) -> Manifest? {
    switch holdings[digest] {
    case .atHand(let manifest): return manifest
    case .encoded(let manifest):
      do { return try manifest.decoded() } catch { throw .notAManifest(digest, error) }
    case .stored(let type, let extent):
      guard let file else { return nil }
      try LayoutError.checkCancellation()
      let descriptor = Descriptor(mediaType: type, digest: digest, size: extent.size)
      let bytes = try extent.bytes(in: file)
      do { return try Manifest(bytes: bytes, as: descriptor, opaque: opaque) } catch {
        throw .notAManifest(digest, error)
      }
    case nil: return nil
    }
  }

  /// What is known of it where its type is none that Ferry knows.
  func record(of digest: Digest) -> OpaqueRecord? {
    switch holdings[digest] {
    case .atHand(let manifest): manifest.record
    case .encoded(let manifest): manifest.record
    case .stored: opaque[digest]
    case nil: nil
    }
  }

  /// What stands in an archive under its digest.
  func content(of digest: Digest) -> ArchiveSection.Content? {
    switch holdings[digest] {
    case .atHand(let manifest): .bytes(manifest.bytes)
    case .encoded(let manifest): .bytes(manifest.bytes)
    case .stored(_, let extent): file.map { .stored(extent, $0) }
    case nil: nil
    }
  }
}
