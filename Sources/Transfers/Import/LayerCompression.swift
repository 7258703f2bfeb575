public import Digests
import Images
import Layouts
import Tar

/// An image that is not pushed as it lies in the archive: some of its layers are compressed on the way, or it is made one of
/// schema 2. It has another digest for it.
public struct CompressedImage: Sendable {
  /// What registries knew the image by before.
  public let original: Digest
  /// Whether it was one of Docker's schema 1.
  public var isConverted = false
  /// Where it is one platform of an index: that.
  public var origin: PlatformOrigin?
  /// The layers that change, in the image's order.
  public let layers: [CompressedLayer]
}

/// What compressing makes of a selection.
struct CompressedSelection: Sendable {
  let selected: [SelectedImage]
  /// By their new digests.
  let images: [Digest: CompressedImage]
  /// By their new digests.
  let layers: [Digest: CompressedLayer]
  /// Configs that no archive holds, by their digests.
  var configs: [Digest: MadeConfig] = [:]

  init(
    _ selected: [SelectedImage], images: [Digest: CompressedImage] = [:],
    layers: [Digest: CompressedLayer] = [:]
  ) {
    self.selected = selected
    self.images = images
    self.layers = layers
  }
}

extension CompressedSelection {
  /// The same with what an `earlier` step changed.
  func adding(_ earlier: CompressedSelection) -> CompressedSelection {
    var both = CompressedSelection(
      selected, images: images.merging(earlier.images) { new, _ in new }, layers: layers)
    both.configs = earlier.configs
    return both
  }
}

/// A step of an import that is asked for: uncompressed layers are compressed on the way, and the manifests above them
/// say so.
struct LayerCompression: Sendable {
  private let executor: BlockingExecutor
  private let observer: any TransferObserver

  init(executor: BlockingExecutor, observer: any TransferObserver) {
    self.executor = executor
    self.observer = observer
  }

  /// Compresses each layer once to learn what it becomes, which the observer hears where it `isTold`, and rewrites the trees.
  /// Throws
  /// ``TransferError/compressionParts(referrer:subject:)`` where something signed would lose what it speaks of, and
  /// ``StreamObstacle/twoReadings`` for a streamed archive that has such layers.
  func compress(
    _ selected: [SelectedImage], in archives: ImportedArchives, isTold: Bool = true
  ) async throws -> CompressedSelection {
    let found = try await executor.run { try plainLayers(of: selected, in: archives) }
    observer.expect(bytes: found.map(\.layer.size).saturatingSum())
    let layers = try await executor.mapConcurrently(found, inOrder: \.layout.isSequential) { layout, layer in
      let meter = TransferMeter(layer, observer: observer)
      return try archives.reading(layer, from: layout, observer: observer) { layout in
        try CompressedLayer.measure(layer, in: layout, progress: meter.advance)
      }
    }
    for layer in layers where isTold {
      observer.note(.layerCompressed(from: layer.original, to: layer.descriptor))
    }
    return try rewrite(selected, with: layers)
  }

  /// The layers that lie in the archives uncompressed, each once.
  private func plainLayers(
    of selected: [SelectedImage], in archives: ImportedArchives
  ) throws -> [(layout: Layout, layer: Descriptor)] {
    var seen: Set<Digest> = []
    var found: [(layout: Layout, layer: Descriptor)] = []
    for image in selected {
      try Task.checkCancellation()
      for layer in try image.plainLayers {
        let layout =
          image.layout.holds(layer) ? image.layout : archives.layouts.first { $0.holds(layer) }
        guard let layout else { continue }
        guard seen.insert(layer.digest).inserted else { continue }
        guard !archives.isStreamed(layout) else {
          throw LayoutError.notStreamable(path: layout.path, .twoReadings)
        }
        guard try !layout.isCompressed(layer) else { continue }
        found.append((layout, layer))
      }
    }
    return found
  }

  private func rewrite(
    _ selected: [SelectedImage], with layers: [CompressedLayer]
  ) throws -> CompressedSelection {
    let byOriginal = Dictionary(layers.map { ($0.original.digest, $0) }) { first, _ in first }
    var changes = DescriptorChanges(layers: byOriginal.mapValues(\.replacement))
    var rewritten = selected
    var images: [Digest: CompressedImage] = [:]
    for index in selected.indices {
      try Task.checkCancellation()
      guard selected[index].manifests.areOfArchive else { continue }
      let old = selected[index].tree
      let new = try changes.rewrite(old, fetch: selected[index].manifests.manifest)
      guard new.root.digest != old.root.digest else { continue }
      rewritten[index].tree = new
      images[new.root.digest] = CompressedImage(
        original: selected[index].origin?.original ?? old.root.digest,
        layers: old.blobs.compactMap { byOriginal[$0.digest] })
    }
    // They say of no manifest more than when it was made.
    for index in selected.indices where images[rewritten[index].tree.root.digest] != nil {
      rewritten[index].manifests = selected[index].manifests.changed(by: changes)
    }
    for image in selected {
      guard let subject = image.referral?.subject, changes[subject] != nil else { continue }
      throw TransferError.compressionParts(referrer: image.image.label, subject: subject)
    }
    return CompressedSelection(
      rewritten, images: images,
      layers: Dictionary(layers.map { ($0.descriptor.digest, $0) }) { first, _ in first })
  }
}

extension SelectedImage {
  /// The layers of runnable images that are not compressed by what their types say.
  fileprivate var plainLayers: [Descriptor] {
    get throws {
      guard manifests.areOfArchive, tree.blobs.contains(where: { $0.mediaType.compressedLayer != nil }) else {
        return []
      }
      return try tree.manifests.flatMap { descriptor -> [Descriptor] in
        guard descriptor.mediaType.isImageManifest,
          case .image(let image) = try manifests.manifest(descriptor).content,
          image.config.mediaType.isImageConfig
        else { return [] }
        return image.layers.filter { $0.mediaType.compressedLayer != nil }.map(layout.shared)
      }
    }
  }
}

extension Layout {
  /// Whether a layer is compressed in fact: types are not always right.
  fileprivate func isCompressed(_ layer: Descriptor) throws -> Bool {
    var magic = [UInt8](repeating: 0, count: Compression.magicSize)
    let count = try unsafe magic.withUnsafeMutableBytes { unsafe try read(layer.digest, into: $0, at: 0) }
    return Compression(magic: magic.prefix(count)) != .none
  }
}
