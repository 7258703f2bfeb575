import Digests
import Images
import Registry

/// From which repositories each blob of an export can be had.
struct BlobSources: Sendable {
  private struct Repository: Hashable {
    let host: String
    let path: String
  }

  private let repositories: [Digest: [Repository]]

  init(_ images: [ExportImage]) {
    var repositories: [Digest: [Repository]] = [:]
    for image in images {
      let repository = Repository(host: image.reference.host, path: image.reference.repository)
      for blob in image.blobs where repositories[blob.digest]?.contains(repository) != true {
        repositories[blob.digest, default: []].append(repository)
      }
    }
    self.repositories = repositories
  }

  /// Fetches what `verifier` has not seen of `blob` from the first repository that holds it.
  func pull(
    _ blob: Descriptor, registries: Registries, continuing verifier: inout BlobVerifier,
    into sink: inout some BlobSink
  ) throws -> Proof {
    let holders = repositories[blob.digest] ?? []
    for (index, repository) in holders.enumerated() {
      let client = try registries.client(host: repository.host, repository: repository.path)
      do {
        return try client.pullBlob(blob, from: repository.path, continuing: &verifier, into: &sink)
      } catch let error as RegistryError {
        guard case .blobNotFound = error, index + 1 < holders.count else { throw error }
        try sink.restart()
      }
    }
    throw TransferError.blobOfNoImage(blob.digest)
  }
}
