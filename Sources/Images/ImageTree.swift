public import Digests

/// Everything one image consists of, found by walking from its root manifest: of each part its type, digest and size. What
/// else its manifests say is not kept; of an archive of many images that would be most of it.
public struct ImageTree: Sendable {
  /// In memory once, however many names the image has.
  private final class Content: Sendable {
    let root: Descriptor
    let manifests: [Descriptor]
    let blobs: [Descriptor]
    let configs: [Descriptor]
    let omitted: [Descriptor]
    let unknownManifests: [UnknownManifest]
    let references: [ManifestReference]
    let artifactType: String?

    init(_ walk: Walk, root: Descriptor) {
      self.root = root
      // Without the room that growing arrays keep.
      manifests = walk.manifests.map(\.self)
      blobs = walk.blobs.map(\.self)
      configs = walk.configs.map(\.self)
      omitted = walk.omitted.map(\.self)
      unknownManifests = walk.unknown
      references = walk.references
      artifactType = walk.artifactType
    }
  }

  private let content: Content

  public var root: Descriptor { content.root }
  /// Each manifest once, children before the indexes that list them: the order in which to push.
  public var manifests: [Descriptor] { content.manifests }
  /// Configs and layers, each digest once, in the order they were met.
  public var blobs: [Descriptor] { content.blobs }
  /// Those of ``blobs`` that are configs, or what artifacts call so.
  public var configs: [Descriptor] { content.configs }
  /// Descriptors that `includes` turned down; nothing below them was looked at.
  public var omitted: [Descriptor] { content.omitted }
  /// Its manifests of types that Ferry does not know, and what its indexes list and may be such, each once.
  public var unknownManifests: [UnknownManifest] { content.unknownManifests }
  /// Those of ``manifests`` that refer to another manifest: signatures, SBOMs, attestations.
  public var references: [ManifestReference] { content.references }
  /// What kind of artifact the root is (``Manifest/artifactType``).
  public var artifactType: String? { content.artifactType }

  /// The most that the parts of one image may add up to, in bytes: far beyond any, and far from overflow.
  static let largestSize: Int64 = 1 << 53

  /// Indexes may nest; real ones do so once.
  public static let deepest = 8
  /// The most manifests of one image, so that a hostile index cannot ask for work without end.
  static let mostManifests = 10_000
  /// And how large they may be together, in bytes.
  static let mostManifestBytes: Int64 = 64 << 20
  /// How many values they may have together beyond what such bytes usually have (``ManifestTally``).
  static let mostValues: Int64 = 1 << 20

  /// Walks the image below `root`, asking `fetch` for each manifest once. `visit` is given each, in the order of
  /// ``manifests``, for what the tree does not keep; `share` makes of each part's descriptor the one that is kept. Throws
  /// ``ManifestError`` when the tree is too deep or large or gives one digest two sizes, and whatever the closures throw.
  public init(
    root: Descriptor, includes: (Descriptor) throws -> Bool = { _ in true },
    share: (Descriptor) throws -> Descriptor = { $0.plain }, visit: (Manifest) throws -> Void = { _ in },
    fetch: (Descriptor) throws -> Manifest
  ) throws {
    var walk = Walk()
    try walk.descend(
      into: root, depth: 0, includes: includes, share: share, visit: visit, fetch: fetch)
    content = Content(walk, root: root)
  }

  /// An image of one manifest that does not itself say how large its `blobs` are.
  public init(of manifest: Manifest, blobs: [Descriptor]) {
    var walk = Walk()
    walk.manifests = [manifest.descriptor]
    walk.blobs = blobs
    content = Content(walk, root: manifest.descriptor)
  }

  /// The sum of all manifests and blobs, in bytes.
  public var size: Int64 { (manifests + blobs).map(\.size).saturatingSum() }

  /// Manifests and blobs alike, each once.
  public var parts: [Descriptor] { manifests + blobs }

  /// The manifest that the root refers to.
  public var subject: Digest? { references.last.flatMap { $0.manifest == root.digest ? $0.subject : nil } }

  private struct Walk {
    var manifests: [Descriptor] = []
    var blobs: [Descriptor] = []
    var configs: [Descriptor] = []
    var omitted: [Descriptor] = []
    var references: [ManifestReference] = []
    var artifactType: String?
    private var turnedDown: [Digest: Int64] = [:]
    private var sizes: [Digest: Int64] = [:]
    private var configDigests: Set<Digest> = []
    /// By digest, as listed first: what is not carried is none of them.
    private var candidates: [Digest: Descriptor] = [:]
    private var candidateOrder: [Digest] = []
    private var opaque: [UnknownManifest] = []
    /// How much there is in the manifests.
    private var read = ManifestTally()
    /// The sum of ``sizes``.
    private var total: Int64 = 0

    var unknown: [UnknownManifest] {
      guard !candidateOrder.isEmpty else { return opaque }
      let carried = Set(blobs.map(\.digest))
      return opaque
        + candidateOrder.filter(carried.contains).compactMap { candidates[$0] }.map(UnknownManifest.init)
    }

    mutating func descend(
      into descriptor: Descriptor, depth: Int, includes: (Descriptor) throws -> Bool,
      share: (Descriptor) throws -> Descriptor, visit: (Manifest) throws -> Void,
      fetch: (Descriptor) throws -> Manifest
    ) throws {
      guard depth <= ImageTree.deepest else { throw ManifestError.malformed(.nestedTooDeeply) }
      guard try isNew(descriptor) else { return }
      let manifest = try fetch(descriptor)
      // Nothing of what it lists would be carried.
      if case .schema1 = manifest.content { throw ManifestError.schema1 }
      guard manifests.count < ImageTree.mostManifests else {
        throw ManifestError.malformed(.tooManyManifests(limit: ImageTree.mostManifests))
      }
      read.add(manifest)
      guard read.bytes <= ImageTree.mostManifestBytes else {
        throw ManifestError.malformed(.manifestsTooLarge(limit: ImageTree.mostManifestBytes))
      }
      guard !read.isDense(beyond: ImageTree.mostValues) else {
        throw ManifestError.malformed(.tooManyValues(limit: ImageTree.mostValues))
      }
      for child in manifest.children {
        if try includes(child) {
          try descend(
            into: child, depth: depth + 1, includes: includes, share: share, visit: visit, fetch: fetch)
        } else if let size = turnedDown.updateValue(child.size, forKey: child.digest) {
          guard size == child.size else {
            throw ManifestError.malformed(.twoSizes(child.digest, size, child.size))
          }
        } else {
          omitted.append(try share(child))
        }
      }
      for blob in manifest.blobs where try isNew(blob) {
        let shared = try share(blob)
        if try includes(blob) { blobs.append(shared) } else { omitted.append(shared) }
      }
      if case .image(let image) = manifest.content, configDigests.insert(image.config.digest).inserted {
        configs.append(try share(image.config))
      }
      for unknown in manifest.unknownManifests where candidates[unknown.digest] == nil {
        candidates[unknown.digest] = try share(unknown)
        candidateOrder.append(unknown.digest)
      }
      let shared = try share(manifest.descriptor)
      if case .opaque(let content) = manifest.content { opaque.append(UnknownManifest(shared, content)) }
      if let subject = manifest.subject?.digest {
        references.append(ManifestReference(manifest: shared.digest, subject: subject))
      }
      if depth == 0 { artifactType = manifest.artifactType }
      manifests.append(shared)
      try visit(manifest)
    }

    private mutating func isNew(_ descriptor: Descriptor) throws(ManifestError) -> Bool {
      guard let size = sizes.updateValue(descriptor.size, forKey: descriptor.digest) else {
        let (sum, overflow) = total.addingReportingOverflow(descriptor.size)
        guard !overflow, sum <= ImageTree.largestSize else {
          throw .malformed(.partsTooLarge)
        }
        total = sum
        return true
      }
      guard size == descriptor.size else {
        throw .malformed(.twoSizes(descriptor.digest, size, descriptor.size))
      }
      return false
    }
  }
}

/// How much there is in manifests that are read one after the other. What tools write has a value in some twenty bytes; what is
/// made to cost those who read it has one in four.
public struct ManifestTally: Sendable {
  /// How large they are together.
  public private(set) var bytes: Int64 = 0
  /// How many values and keys they have together.
  public private(set) var values: Int64 = 0

  public init() {}

  public mutating func add(_ manifest: Manifest) {
    bytes.add(saturating: manifest.size)
    values.add(saturating: Int64(manifest.values))
  }

  /// Whether they have more values than `most`, and one for each sixteen bytes.
  public func isDense(beyond most: Int64) -> Bool { values - bytes / 16 > most }
}

/// That a manifest refers to another one (image-spec, "subject").
public struct ManifestReference: Hashable, Sendable {
  public let manifest: Digest
  public let subject: Digest
}

extension [ImageTree] {
  /// Those of all of them, each once, in the order of their digests.
  public var unknownManifests: [UnknownManifest] {
    let all = Dictionary(flatMap(\.unknownManifests).map { ($0.descriptor.digest, $0) }) { first, _ in first }
    return all.values.sorted { $0.descriptor.digest < $1.descriptor.digest }
  }
}
