import Digests
import Images
import Layouts

/// What a dry run looks at beside what every run does before it pushes.
extension Import {
  /// Bytes of `blobs` that the destination has already.
  func presentSize(of blobs: [PreparedImport.Blob]) async throws -> Int64 {
    try await executor.mapConcurrently(blobs) { blob in
      try isPresent(blob) ? blob.descriptor.size : 0
    }.saturatingSum()
  }

  /// Reads the configs that a run would send, as far as they lie in files: they are small, and a run stops at one that
  /// is damaged. What is wrong with each, by its digest.
  func damagedConfigs(
    among blobs: [PreparedImport.Blob], of images: [ImportImage], besides streams: [StreamedLayout]
  ) async throws -> [Digest: any Error] {
    let configs = Set(images.flatMap(\.tree.manifests).compactMap(\.configDigest))
    let wanted = blobs.filter { blob in
      configs.contains(blob.descriptor.digest) && blob.descriptor.size <= Int64(ImageConfig.sizeLimit)
        && blob.layout != nil && !streams.contains { $0.front === blob.layout }
    }
    let errors = try await executor.mapConcurrently(wanted) { blob -> (any Error)? in
      // What the destination has is not sent.
      guard let layout = blob.layout, try !isPresent(blob) else { return nil }
      do {
        _ = try layout.bytes(of: blob.descriptor, limit: ImageConfig.sizeLimit)
        return nil
      } catch LayoutError.wrongContent(let digest, let error) {
        return TransferError.damagedBlob(archive: layout.path, digest: digest, error)
      }
    }
    return Dictionary(
      zip(wanted, errors).compactMap { blob, error in error.map { (blob.descriptor.digest, $0) } }
    ) { first, _ in first }
  }

  /// Takes images out of what is to be pushed that have a blob that is damaged, with a failure for each.
  func bar(
    _ images: inout [ImportImage], having damaged: [Digest: any Error], _ failures: inout [ImageFailure]
  ) {
    for index in images.indices where images[index].isToPush {
      guard let error = images[index].tree.blobs.lazy.compactMap({ damaged[$0.digest] }).first else {
        continue
      }
      images[index].state = .incomplete
      failures.append(ImageFailure(image: images[index].source, error: error))
    }
  }

  private func isPresent(_ blob: PreparedImport.Blob) throws -> Bool {
    try blob.repositories.allSatisfy { try destination.holds(blob.descriptor, in: $0) }
  }
}

extension Manifest {
  fileprivate var configDigest: Digest? {
    guard case .image(let image) = content else { return nil }
    return image.config.digest
  }
}
