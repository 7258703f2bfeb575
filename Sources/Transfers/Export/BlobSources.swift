import Digests
import Images
import Registry
import Transport

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

  /// How many holders of one blob may fail to answer, each after all its retries, before the others are not asked.
  private static let mostSilent = 3

  /// All that `images` hold.
  init(_ images: [ExportImage]) {
    var repositories: [Digest: [RegistryLocation]] = [:]
    for image in images {
      let repository = RegistryLocation(host: image.reference.host, path: image.reference.repository)
      for blob in image.blobs where repositories[blob.digest]?.contains(repository) != true {
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

  func isConfig(_ digest: Digest) -> Bool { configDigests.contains(digest) }
  func isTypedConfig(_ digest: Digest) -> Bool { typedConfigs.contains(digest) }

  /// Fetches what `verifier` has not seen of `blob` from the first repository that has it. What one gave before it
  /// failed stays: `verifier` and `sink` have seen the same bytes, and the next one goes on behind them. Throws the
  /// first failure that says more than that the blob is not there, when all fail.
  func pull(
    _ blob: Descriptor, registries: Registries, continuing verifier: inout BlobVerifier,
    into sink: inout some BlobSink
  ) throws -> Proof {
    if verifier.received == 0, let bytes = configs.take(blob.digest) {
      try unsafe verifier.update(bytes.span.bytes)
      try unsafe sink.write(bytes.span.bytes)
      return try verifier.check()
    }
    var failure: RegistryError?
    var silent = 0
    for repository in holders(of: blob.digest) {
      let client = try registries.client(host: repository.host, repository: repository.path)
      do {
        return try client.pullBlob(blob, from: repository.path, continuing: &verifier, into: &sink)
      } catch let error as RegistryError {
        try Task.checkCancellation()
        if failure.map(\.saysOnlyThatBlobIsAbsent) ?? true { failure = error }
        if error.isSilence { silent += 1 }
        guard silent < Self.mostSilent else { break }
      }
    }
    throw failure ?? TransferError.blobOfNoImage(blob.digest)
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
