import Digests
import Images
import Registry
import Transport

/// From which repositories each blob of an export can be had.
struct BlobSources: Sendable {
  private let repositories: [Digest: [RegistryLocation]]
  /// Those that are asked first.
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
    self.init(repositories, preferred: [])
  }

  private init(_ repositories: [Digest: [RegistryLocation]], preferred: Set<RegistryLocation>) {
    self.repositories = repositories
    self.preferred = preferred
  }

  /// The same, with the repositories of `images` asked before the others.
  func preferring(_ images: [ExportImage]) -> BlobSources {
    let preferred = images.map { RegistryLocation(host: $0.reference.host, path: $0.reference.repository) }
    return BlobSources(repositories, preferred: Set(preferred))
  }

  private func holders(of digest: Digest) -> [RegistryLocation] {
    let all = repositories[digest] ?? []
    return all.filter(preferred.contains) + all.filter { !preferred.contains($0) }
  }

  /// Fetches what `verifier` has not seen of `blob` from the first repository that has it. What one gave before it
  /// failed stays: `verifier` and `sink` have seen the same bytes, and the next one goes on behind them. Throws the
  /// first failure that says more than that the blob is not there, when all fail.
  func pull(
    _ blob: Descriptor, registries: Registries, continuing verifier: inout BlobVerifier,
    into sink: inout some BlobSink
  ) throws -> Proof {
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
