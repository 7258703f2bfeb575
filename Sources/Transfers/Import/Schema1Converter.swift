import Digests
import Images
import Layouts

/// A config that no archive holds, because it was made on the way.
struct MadeConfig: Sendable {
  let bytes: [UInt8]
  /// Of whose image.
  let layout: Layout
}

/// A step of an import that is asked for: images of Docker's schema 1 become images of schema 2.
struct Schema1Converter: Sendable {
  private let executor: BlockingExecutor
  private let observer: any TransferObserver
  /// How much memory decompressing a layer may take, in bytes.
  private let memoryLimit: Int64

  init(executor: BlockingExecutor, observer: any TransferObserver, memoryLimit: Int64) {
    self.executor = executor
    self.observer = observer
    self.memoryLimit = memoryLimit
  }

  /// Decompresses each layer of such images once, to learn what it holds, and proves it. Throws
  /// ``StreamObstacle/twoReadings`` for a streamed archive that has such images, ``TransferError/damagedBlob(archive:digest:_:)``,
  /// and `LayoutError.notAManifest`.
  func convert(
    _ selected: [SelectedImage], in archives: ImportedArchives
  ) async throws -> CompressedSelection {
    let layers = try self.layers(of: selected, in: archives)
    observer.expect(bytes: layers.map(\.layer.size).saturatingSum())
    let contents = try await executor.mapConcurrently(layers, inOrder: \.layout.isSequential) {
      layout, layer in
      let meter = TransferMeter(layer, observer: observer)
      return try archives.reading(layer, from: layout, observer: observer) { layout in
        try content(of: layer, in: layout, progress: meter.advance)
      }
    }
    let diffIDs = Dictionary(zip(layers.map(\.layer.digest), contents)) { first, _ in first }
    var converted = selected
    var images: [Digest: CompressedImage] = [:]
    var configs: [Digest: MadeConfig] = [:]
    for index in selected.indices {
      try Task.checkCancellation()
      let (image, layout) = (selected[index], selected[index].layout)
      guard let manifest = try image.manifests.schema1 else { continue }
      let new: Schema1Conversion
      do {
        new = try Schema1Conversion(of: manifest, blobs: image.tree.blobs, diffIDs: diffIDs)
      } catch {
        throw LayoutError.notAManifest(manifest.digest, error)
      }
      converted[index].tree = new.tree
      converted[index].manifests = ImportManifests(made: new.manifest)
      images[new.manifest.digest] = CompressedImage(original: manifest.digest, isConverted: true, layers: [])
      configs[Digest(of: new.config)] = MadeConfig(bytes: new.config, layout: layout)
    }
    Self.leaveReferrers(to: selected, in: &converted)
    var selection = CompressedSelection(converted, images: images)
    selection.configs = configs
    return selection
  }

  /// Takes away what refers to images of schema 1 that are converted, and what refers to that: it speaks of another manifest
  /// than the one that arrives, which is said of each image.
  private static func leaveReferrers(to selected: [SelectedImage], in converted: inout [SelectedImage]) {
    func content(_ image: SelectedImage, _ digest: Digest) -> RepositoryContent {
      RepositoryContent(repository: image.image.reference?.repositoryName ?? "", digest: digest)
    }
    /// Each with the image that it speaks of in the end.
    var gone: [RepositoryContent: RepositoryContent] = [:]
    for (old, new) in zip(selected, converted) where old.tree.root.digest != new.tree.root.digest {
      let root = content(old, old.tree.root.digest)
      gone[root] = root
    }
    guard !gone.isEmpty else { return }
    var left: [RepositoryContent: [UncarriedReferrer]] = [:]
    var dropped: Set<Int> = []
    // What refers to something stands behind it.
    let order = selected.indices.filter { selected[$0].referral != nil }.sorted {
      (selected[$0].referral?.depth ?? 0, $0) < (selected[$1].referral?.depth ?? 0, $1)
    }
    for index in order {
      guard let referral = selected[index].referral,
        let image = gone[content(selected[index], referral.subject)]
      else { continue }
      dropped.insert(index)
      left[image, default: []].append(
        UncarriedReferrer(
          selected[index].tree.root, of: referral.subject, kind: referral.tag.flatMap(\.artifact),
          referral.subject == image.digest ? .converted : .subject))
      for manifest in selected[index].tree.manifests {
        let part = content(selected[index], manifest.digest)
        gone[part] = gone[part] ?? image
      }
    }
    for index in selected.indices {
      converted[index].referrersLeft += left[content(selected[index], selected[index].tree.root.digest)] ?? []
    }
    converted = converted.indices.filter { !dropped.contains($0) }.map { converted[$0] }
  }

  /// The layers of images of schema 1 that have content, each once, from the archive that has it: that of the image may have
  /// left it to an earlier one.
  private func layers(
    of selected: [SelectedImage], in archives: ImportedArchives
  ) throws -> [(layout: Layout, layer: Descriptor)] {
    var seen: Set<Digest> = []
    var found: [(layout: Layout, layer: Descriptor)] = []
    for image in selected {
      try Task.checkCancellation()
      guard let manifest = try image.manifests.schema1 else { continue }
      for layer in manifest.layersWithContent(among: image.tree.blobs)
      where seen.insert(layer.digest).inserted {
        found.append((image.layout, layer))
      }
    }
    let holders = try archives.holders(of: found.map(\.layer))
    return try found.map { layout, layer in
      let holder = holders(layer) ?? layout
      guard !archives.isStreamed(holder) else {
        throw LayoutError.notStreamable(path: holder.path, .twoReadings)
      }
      return (holder, layer)
    }
  }

  /// The digest of what a layer holds, decompressed.
  private func content(
    of layer: Descriptor, in layout: Layout, progress: @escaping (Int64) -> Void
  ) throws -> Digest {
    let reading =
      try layout.passage(of: layer.digest).flatMap { _ in
        var wanted = WantedContents()
        wanted.add(layer.digest)
        return try BlobReading.passed([layer.digest], in: layout, unpacking: wanted, within: memoryLimit)
          .first
      }
      ?? BlobReading.read(layer.digest, in: layout, unpackingWithin: memoryLimit, progress: progress)
    if let problem = reading.problem {
      switch problem {
      case .damaged(_, let actual):
        throw TransferError.damagedBlob(
          archive: layout.path, digest: layer.digest,
          .mismatch(expected: layer.digest, actual: actual))
      default: throw TransferError.layerUnreadable(archive: layout.path, layer.digest)
      }
    }
    guard let content = reading.diffID else {
      throw TransferError.layerUnreadable(archive: layout.path, layer.digest)
    }
    return content
  }
}
