import Digests
import Images
import Layouts
import Registry
import Synchronization

/// Sees, before anything of an image is stored, that its config says one thing to all readers and speaks of the layers
/// that its manifest lists: an archive with an image where they disagree would be refused as damaged.
struct ConfigCheck: Sendable {
  private let sources: BlobSources
  private let executor: BlockingExecutor
  /// Who hears of the images that fail; nil: the first failure is thrown.
  private let failed: FailedBlobs?
  /// The images that have each config, by their numbers among the sources', and their manifests that do.
  private let manifests: [Digest: [(image: Int, manifest: ImageManifest)]]

  /// Of the images of `sources`. Failures are thrown, or where an archive can do without single images, added to
  /// `failed`.
  init(of sources: BlobSources, on executor: BlockingExecutor, failed: FailedBlobs?) {
    self.sources = sources
    self.executor = executor
    self.failed = failed
    var manifests: [Digest: [(image: Int, manifest: ImageManifest)]] = [:]
    for (number, image) in sources.images.enumerated() {
      for manifest in image.allRunnable {
        manifests[manifest.config.digest, default: []].append((number, manifest))
      }
    }
    self.manifests = manifests
  }

  /// Fetches the configs that `plan` has and no earlier run left, and looks at them.
  func fetch(_ plan: ArchivePlan, continuing continuation: ArchiveContinuation?) async throws {
    var wanted: [Digest: Descriptor] = [:]
    for config in sources.images.flatMap(\.configs) where plan.extent(of: config.digest) != nil {
      let isLeft = continuation?.claims[config.digest]?.have == config.size
      if !isLeft, !sources.configs.isChecked(config.digest) { wanted[config.digest] = config }
    }
    let order = wanted.values.sorted { $0.digest < $1.digest }
    try await executor.forEachConcurrently(order) { config in
      do {
        guard config.size <= Int64(ImageConfig.sizeLimit) else {
          throw unclear(config.digest, .tooLarge(config.size))
        }
        try DocumentMemory.fetched.reserving(2 * Int(config.size)) {
          var blob = BlobInMemory(digest: config.digest, size: config.size)
          try sources.pull(config, into: &blob)
          let bytes = try blob.finish()
          try check(config.digest, bytes)
          try judge(config.digest, bytes)
          sources.configs.keep(config.digest, bytes)
        }
      } catch {
        guard let failed, !Task.isCancelled else { throw named(error) }
        failed.add(config.digest, error)
      }
    }
  }

  /// Holds what the configs that have come say of their layers against the manifests, those that an earlier run left
  /// among them. Blocks.
  func judge(in writer: ArchiveWriter) throws {
    for digest in Set(sources.images.flatMap(\.configs).map(\.digest))
    where writer.plan.extent(of: digest) != nil && failed?.isWanted(digest) ?? true {
      try judge(digest, try writer.bytes(of: digest, limit: ImageConfig.sizeLimit))
    }
  }

  /// Looks at what an earlier run left of a blob, all of it, where it is a config: an earlier Ferry may have left it,
  /// which did not look. Blocks.
  func checkLeft(_ digest: Digest, in writer: ArchiveWriter) throws {
    guard sources.configs.isConfig(digest) else { return }
    try check(digest, try writer.bytes(of: digest, limit: ImageConfig.sizeLimit))
  }

  /// Holds what the config in `bytes` says of its layers against the manifests of the images that have it.
  private func judge(_ digest: Digest, _ bytes: [UInt8]) throws {
    guard let config = try? ImageConfig(bytes: bytes) else { return }
    for (number, manifest) in manifests[digest] ?? [] where !config.describes(manifest) {
      let error = TransferError.configDisagrees(digest)
      guard let failed else {
        throw TransferError.imagesFailed(
          [ImageFailure(image: sources.users.name(at: number), error: error)], total: sources.images.count)
      }
      failed.add(imageAt: number, error)
    }
  }

  /// Throws ``TransferError/unclearConfig(images:digest:_:)`` when the config in `bytes` says different things to
  /// different readers. One whose type does not say that it is an image's may be anything else.
  private func check(_ digest: Digest, _ bytes: [UInt8]) throws(TransferError) {
    guard sources.configs.isTyped(digest) || ImageConfig.speaksOfLayers(bytes) else { return }
    do throws(ManifestError) { try ImageConfig.check(bytes) } catch { throw unclear(digest, error) }
  }

  private func unclear(_ digest: Digest, _ error: ManifestError) -> TransferError {
    .unclearConfig(images: sources.users.names(of: digest), digest: digest, error)
  }

  /// `error` as the failure of the images it is about, among all that are exported, where it is about some.
  private func named(_ error: any Error) -> any Error {
    guard case TransferError.unclearConfig(let names, _, _) = error else { return error }
    return TransferError.imagesFailed(
      names.map { ImageFailure(image: $0, error: error) }, total: sources.images.count)
  }
}

/// The configs of one export: each is fetched and looked at before anything of its image is stored, and kept until it
/// is.
final class ConfigStore: Sendable {
  private struct State {
    var checked: Set<Digest> = []
    var kept: [Digest: [UInt8]] = [:]
    /// Of what is kept, in bytes.
    var size = 0
  }

  /// The most that is kept, in bytes. What is beyond is fetched again when its turn comes.
  private static let keptLimit = 8 << 20
  private let state = Mutex(State())
  private let digests: Set<Digest>
  /// Those that are images' by their type.
  private let typed: Set<Digest>

  init(_ images: [ExportImage]) {
    let configs = images.flatMap(\.configs)
    digests = Set(configs.map(\.digest))
    typed = Set(configs.filter(\.mediaType.isImageConfig).map(\.digest))
  }

  func isConfig(_ digest: Digest) -> Bool { digests.contains(digest) }
  func isTyped(_ digest: Digest) -> Bool { typed.contains(digest) }

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

extension ExportImage {
  /// The configs of its images and its referrers' whose content is specified, or may be.
  fileprivate var configs: [Descriptor] {
    allRunnable.map(\.config).filter { $0.mediaType.isImageConfig || $0.size <= Int64(ImageConfig.sizeLimit) }
  }

  fileprivate var allRunnable: [ImageManifest] { runnable + referrers.flatMap(\.runnable) }
}
