import Archives
import Digests
import Images
import Layouts

/// `--compress-layers`: uncompressed layers are compressed on the way, and the manifests above them say so.
extension Import {
  /// What compressing makes of a selection.
  struct Compression {
    /// By the new digests of the images and of the layers.
    var images: [Digest: CompressedImage] = [:]
    var layers: [Digest: CompressedLayer] = [:]
  }

  /// Compresses each layer once to learn what it becomes, and rewrites the trees. Throws
  /// ``TransferError/compressionParts(referrer:subject:)`` where something signed would lose what it speaks of.
  /// And ``StreamObstacle/twoReadings`` for an archive of ``streams`` that has such layers.
  func compress(
    _ selected: inout [SelectedImage], streams: [StreamedLayout]
  ) async throws -> Compression {
    var seen: Set<Digest> = []
    var found: [(layout: Layout, layer: Descriptor)] = []
    for image in selected {
      let layout = image.layout
      for layer in image.tree.plainLayers where layout.blobs[layer.digest] != nil {
        guard seen.insert(layer.digest).inserted else { continue }
        guard !streams.contains(where: { $0.front === layout }) else {
          throw LayoutError.notStreamable(path: layout.path, .twoReadings)
        }
        guard try !layout.isCompressed(layer) else { continue }
        found.append((layout, layer))
      }
    }
    settings.observer.expect(bytes: found.map(\.layer.size).saturatingSum())
    let layers = try await executor.mapConcurrently(found) { layout, layer in
      let meter = TransferMeter(layer, observer: settings.observer)
      return try CompressedLayer(layer, in: layout, progress: meter.advance)
    }
    let byOriginal = Dictionary(layers.map { ($0.original.digest, $0) }) { first, _ in first }
    for layer in layers {
      settings.observer.note(.layerCompressed(from: layer.original, to: layer.descriptor))
    }

    var changes = DescriptorChanges(layers: byOriginal.mapValues(\.replacement))
    var result = Compression(
      layers: Dictionary(layers.map { ($0.descriptor.digest, $0) }) { first, _ in first })
    for index in selected.indices {
      let old = selected[index].tree
      let new = try changes.rewrite(old)
      guard new.root.digest != old.root.digest else { continue }
      selected[index].tree = new
      result.images[new.root.digest] = CompressedImage(
        original: old.root.digest, layers: old.blobs.compactMap { byOriginal[$0.digest] })
    }
    for image in selected {
      guard let subject = image.referral?.subject, changes[subject] != nil else { continue }
      throw TransferError.compressionParts(referrer: image.image.label, subject: subject)
    }
    return result
  }
}

extension ImageTree {
  /// The layers of runnable images that are not compressed by what their types say.
  fileprivate var plainLayers: [Descriptor] {
    manifests.flatMap { manifest -> [Descriptor] in
      guard case .image(let image) = manifest.content, image.config.mediaType.isImageConfig else { return [] }
      return image.layers.filter { $0.mediaType.compressedLayer != nil }
    }
  }
}

extension Layout {
  /// Whether a layer is compressed in fact: types are not always right.
  fileprivate func isCompressed(_ layer: Descriptor) throws -> Bool {
    var magic = [UInt8](repeating: 0, count: Archives.Compression.magicSize)
    let count = try unsafe magic.withUnsafeMutableBytes { unsafe try read(layer.digest, into: $0, at: 0) }
    return Archives.Compression(magic: magic.prefix(count)) != .none
  }
}
