import Digests

/// Everything one image consists of, found by walking from its root manifest.
public struct ImageTree: Sendable {
  public let root: Descriptor
  /// Each manifest once, children before the indexes that list them: the order in which to push.
  public let manifests: [Manifest]
  /// Configs and layers, each digest once, in the order they were met.
  public let blobs: [Descriptor]
  /// Descriptors that `includes` turned down; nothing below them was looked at.
  public let omitted: [Descriptor]

  /// The most that the parts of one image may add up to, in bytes: far beyond any, and far from overflow.
  static let largestSize: Int64 = 1 << 53

  /// Indexes may nest; real ones do so once.
  static let deepest = 8
  /// The most manifests of one image, so that a hostile index cannot ask for work without end.
  static let mostManifests = 10_000

  /// Walks the image below `root`, asking `fetch` for each manifest once. Throws ``ManifestError`` when
  /// the tree is too deep or large or gives one digest two sizes, and whatever the closures throw.
  public init(
    root: Descriptor, includes: (Descriptor) throws -> Bool = { _ in true },
    fetch: (Descriptor) throws -> Manifest
  ) throws {
    var walk = Walk()
    try walk.descend(into: root, depth: 0, includes: includes, fetch: fetch)
    self.root = root
    self.manifests = walk.manifests
    self.blobs = walk.blobs
    self.omitted = walk.omitted
  }

  /// The sum of all manifests and blobs, in bytes.
  public var size: Int64 {
    manifests.reduce(0) { $0 + Int64($1.bytes.count) } + blobs.reduce(0) { $0 + $1.size }
  }

  /// What its indexes list and may be manifests of types that Ferry does not know, each once.
  public var unknownManifests: [Descriptor] {
    var known: Set<Digest> = []
    let carried = Set(blobs.map(\.digest))
    return manifests.flatMap(\.unknownManifests).filter {
      carried.contains($0.digest) && known.insert($0.digest).inserted
    }
  }

  private struct Walk {
    var manifests: [Manifest] = []
    var blobs: [Descriptor] = []
    var omitted: [Descriptor] = []
    var turnedDown: Set<Digest> = []
    var sizes: [Digest: Int64] = [:]
    /// The sum of ``sizes``.
    var total: Int64 = 0

    mutating func descend(
      into descriptor: Descriptor, depth: Int, includes: (Descriptor) throws -> Bool,
      fetch: (Descriptor) throws -> Manifest
    ) throws {
      guard depth <= ImageTree.deepest else { throw ManifestError.malformed(.nestedTooDeeply) }
      guard try isNew(descriptor) else { return }
      let manifest = try fetch(descriptor)
      guard manifests.count < ImageTree.mostManifests else {
        throw ManifestError.malformed(.tooManyManifests(limit: ImageTree.mostManifests))
      }
      for child in manifest.children {
        if try includes(child) {
          try descend(into: child, depth: depth + 1, includes: includes, fetch: fetch)
        } else if turnedDown.insert(child.digest).inserted {
          omitted.append(child)
        }
      }
      for blob in manifest.blobs where try isNew(blob) {
        if try includes(blob) { blobs.append(blob) } else { omitted.append(blob) }
      }
      manifests.append(manifest)
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

extension [ImageTree] {
  /// Those of all of them, each once, in the order of their digests.
  public var unknownManifests: [Descriptor] {
    let all = Dictionary(flatMap(\.unknownManifests).map { ($0.digest, $0) }) { first, _ in first }
    return all.values.sorted { $0.digest < $1.digest }
  }
}
