import Digests
import Images
import Layouts
import Registry
import Synchronization

/// The images' configs of one export: each is fetched and looked at before anything of its image is stored, and kept
/// until it is.
final class CheckedConfigs: Sendable {
  private struct State {
    var checked: Set<Digest> = []
    var kept: [Digest: [UInt8]] = [:]
    /// Of what is kept, in bytes.
    var size = 0
  }

  /// The most that is kept, in bytes. What is beyond is fetched again when its turn comes.
  private static let keptLimit = 8 << 20
  private let state = Mutex(State())

  /// The bytes of a config that was fetched, once.
  func take(_ digest: Digest) -> [UInt8]? {
    state.withLock { state in
      let bytes = state.kept.removeValue(forKey: digest)
      state.size -= bytes?.count ?? 0
      return bytes
    }
  }

  /// Whether a config need not be looked at any more.
  func isChecked(_ digest: Digest) -> Bool { state.withLock { $0.checked.contains(digest) } }

  /// Takes in a config that was looked at and found to be sound.
  func keep(_ digest: Digest, _ bytes: [UInt8]) {
    state.withLock { state in
      guard state.checked.insert(digest).inserted, state.size + bytes.count <= Self.keptLimit else { return }
      state.kept[digest] = bytes
      state.size += bytes.count
    }
  }
}

extension Export {
  /// Fetches the configs of `images` that `plan` has and no earlier run left, and sees that each says one thing to all
  /// readers. Throws the first failure, or with `keepGoing` notes it in `failed`, where one is
  /// given.
  func checkConfigs(
    of images: [ExportImage], in plan: ArchivePlan, continuing continuation: ArchiveContinuation?,
    from sources: BlobSources, failed: FailedBlobs?
  ) async throws {
    var wanted: [Digest: Descriptor] = [:]
    for config in images.flatMap(\.configs) where plan.extent(of: config.digest) != nil {
      let isLeft = continuation?.claims[config.digest]?.have == config.size
      if !isLeft, !sources.configs.isChecked(config.digest) { wanted[config.digest] = config }
    }
    let order = wanted.values.sorted { $0.digest < $1.digest }
    try await executor.forEachConcurrently(order) { config in
      do {
        guard config.size <= Int64(ImageConfig.sizeLimit) else {
          throw sources.unclear(config.digest, .tooLarge(config.size))
        }
        var blob = BlobInMemory(digest: config.digest, size: config.size)
        try sources.pull(config, registries: registries, into: &blob)
        let bytes = try blob.finish()
        try sources.check(config.digest, bytes)
        try judge(config.digest, bytes, of: sources, failed)
        sources.configs.keep(config.digest, bytes)
      } catch {
        guard let failed, settings.keepGoing, !Task.isCancelled else { throw sources.named(error) }
        failed.add(config.digest, error)
      }
    }
  }

  /// Holds what the config in `bytes` says of its layers against the manifests of the images that have it: an archive
  /// with an image where they disagree would be refused as damaged. Throws the first that does, or with `keepGoing`
  /// notes it in `failed`, where one is given.
  func judge(_ digest: Digest, _ bytes: [UInt8], of sources: BlobSources, _ failed: FailedBlobs?) throws {
    guard let config = try? ImageConfig(bytes: bytes) else { return }
    for (index, image) in sources.images.enumerated() where image.disagrees(with: config, digest) {
      let error = TransferError.configDisagrees(digest)
      guard let failed, settings.keepGoing else {
        throw TransferError.imagesFailed(
          [ImageFailure(image: image.reference.description, error: error)], total: sources.images.count)
      }
      failed.add(imageAt: index, error)
    }
  }
}

extension BlobSources {
  /// Throws ``TransferError/unclearConfig(images:digest:_:)`` when the config in `bytes` says different things to
  /// different readers. One whose type does not say that it is an image's may be anything else.
  func check(_ digest: Digest, _ bytes: [UInt8]) throws(TransferError) {
    guard isTypedConfig(digest) || ImageConfig.speaksOfLayers(bytes) else { return }
    do throws(ManifestError) { try ImageConfig.check(bytes) } catch { throw unclear(digest, error) }
  }

  /// `error` as the failure of the images it is about, among all that are exported, where it is about some.
  fileprivate func named(_ error: any Error) -> any Error {
    guard case TransferError.unclearConfig(let names, _, _) = error else { return error }
    return TransferError.imagesFailed(
      names.map { ImageFailure(image: $0, error: error) }, total: images.count)
  }

  func unclear(_ digest: Digest, _ error: ManifestError) -> TransferError {
    .unclearConfig(images: images(with: digest), digest: digest, error)
  }
}

extension ExportImage {
  /// The configs of its images and its referrers' whose content is specified, or may be.
  var configs: [Descriptor] {
    runnable.map(\.config).filter { $0.mediaType.isImageConfig || $0.size <= Int64(ImageConfig.sizeLimit) }
  }

  private var runnable: [ImageManifest] {
    (tree.manifests + referrers.flatMap(\.tree.manifests)).compactMap { manifest in
      guard case .image(let image) = manifest.content, image.mayBeRunnable else {
        return nil
      }
      return image
    }
  }

  /// Whether one of its manifests lists other layers than its config, which is `config`, speaks of.
  fileprivate func disagrees(with config: ImageConfig, _ digest: Digest) -> Bool {
    runnable.contains { $0.config.digest == digest && !config.describes($0) }
  }
}
