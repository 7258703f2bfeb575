import Digests
public import Images
public import Registry

/// From which repositories each blob of an export can be had, and what of it is at hand.
struct BlobSources: Sendable {
  /// Whose blobs are asked for; their repositories are asked first.
  let images: [ExportImage]
  /// Configs at hand.
  let configs: CheckedConfigs
  private let repositories: [Digest: [RegistryLocation]]
  private let configDigests: Set<Digest>
  /// Those that are images' by their type.
  private let typedConfigs: Set<Digest>
  private let preferred: Set<RegistryLocation>

  /// How many holders of one blob at one host may fail to answer, each after all its retries, before that host's others
  /// are not asked.
  private static let mostSilent = 3

  /// That a repository has a blob.
  private struct Holding: Hashable {
    let repository: RegistryLocation
    let digest: Digest
  }

  /// All that `images` hold.
  init(_ images: [ExportImage]) {
    var repositories: [Digest: [RegistryLocation]] = [:]
    var known: Set<Holding> = []
    for image in images {
      let repository = RegistryLocation(host: image.reference.host, path: image.reference.repository)
      for blob in image.blobs
      where known.insert(Holding(repository: repository, digest: blob.digest)).inserted {
        repositories[blob.digest, default: []].append(repository)
      }
    }
    self.repositories = repositories
    self.images = images
    self.configs = CheckedConfigs()
    let configs = images.flatMap(\.configs)
    configDigests = Set(configs.map(\.digest))
    typedConfigs = Set(configs.filter(\.mediaType.isImageConfig).map(\.digest))
    preferred = []
  }

  private init(_ whole: BlobSources, for images: [ExportImage]) {
    self.images = images
    configs = whole.configs
    repositories = whole.repositories
    configDigests = whole.configDigests
    typedConfigs = whole.typedConfigs
    preferred = Set(
      images.map { RegistryLocation(host: $0.reference.host, path: $0.reference.repository) })
  }

  /// The same, for `images` alone, with their repositories asked before the others.
  func preferring(_ images: [ExportImage]) -> BlobSources { BlobSources(self, for: images) }

  private func holders(of digest: Digest) -> [RegistryLocation] {
    let all = repositories[digest] ?? []
    return all.filter(preferred.contains) + all.filter { !preferred.contains($0) }
  }

  /// The names of the images that need a blob.
  func images(with digest: Digest) -> [String] {
    images.filter { $0.blobs.contains { $0.digest == digest } }.map(\.reference.description)
  }

  /// `error` as the failure of the images that need the blob, where it is the blob's own. What the network or a server's
  /// mood does hurts any image.
  func failure(of digest: Digest, _ error: any Error, othersCanGo: Bool) -> any Error {
    let foremost: (any Error)? =
      if case TransferError.noHolder(_, let failures) = error { failures.foremost?.error } else { error }
    guard images.count > 1, let cause = foremost as? RegistryError else { return error }
    switch cause {
    case .wrongContent, .blobNotFound:
      let names = images(with: digest)
      return TransferError.blobFailed(
        images: names, total: images.count, othersCanGo: othersCanGo && names.count < images.count, error)
    default: return error
    }
  }

  func isConfig(_ digest: Digest) -> Bool { configDigests.contains(digest) }
  func isTypedConfig(_ digest: Digest) -> Bool { typedConfigs.contains(digest) }

  /// Fetches what `receiver` lacks of `blob` from the first repository that has it. What one gave before it failed for
  /// good stays, and the next one goes on behind it; of a host whose repositories give no answer, all retries spent, no
  /// others are asked. Throws the failure when one repository was asked, ``TransferError/noHolder(_:_:)`` when several
  /// were, and what the receiver throws.
  func pull(
    _ blob: Descriptor, registries: Registries, into receiver: inout some BlobReceiver & ~Copyable
  ) throws {
    if receiver.position == 0, let bytes = configs.take(blob.digest) {
      return try unsafe receiver.write(bytes.span.bytes)
    }
    var failures: [HolderFailure] = []
    var silent: [String: Int] = [:]
    for repository in holders(of: blob.digest) where silent[repository.host, default: 0] < Self.mostSilent {
      let client = try registries.client(host: repository.host, repository: repository.path)
      do {
        return try client.pullBlob(blob, from: repository.path, into: &receiver)
      } catch let error as RegistryError {
        try Task.checkCancellation()
        failures.append(HolderFailure(repository: repository, error: error))
        if error.isSilence { silent[repository.host, default: 0] += 1 }
      }
    }
    guard let first = failures.first else { throw TransferError.blobOfNoImage(blob.digest) }
    if failures.count == 1 { throw first.error }
    throw TransferError.noHolder(blob.digest, failures)
  }
}

/// Why a repository that should have a blob did not give it.
public struct HolderFailure: Sendable {
  public let repository: RegistryLocation
  public let error: RegistryError
}

extension Sequence<HolderFailure> {
  /// The first that says more than that the blob is not there, else the first.
  public var foremost: HolderFailure? {
    let all = Array(self)
    return all.first { !$0.error.saysOnlyThatBlobIsAbsent } ?? all.first
  }
}

extension RegistryError {
  fileprivate var saysOnlyThatBlobIsAbsent: Bool {
    if case .blobNotFound = self { true } else { false }
  }

  /// Whether the registry was asked again and again and gave no answer that says anything.
  fileprivate var isSilence: Bool {
    switch self {
    case .transport, .overwhelmed: true
    default: false
    }
  }
}
