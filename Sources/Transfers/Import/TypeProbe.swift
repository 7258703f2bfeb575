import Digests
import Images
import Registry

/// A step of an import before its blobs go: whether the destination takes manifests of the types that it is about to get.
/// A registry that takes OCI's alone says so only when it is given another, and by then all layers would have gone there.
///
/// One manifest of each type in doubt is given to it by its digest. It is one that is to come there anyway: a registry
/// that looks at the type first refuses it for that, one that takes it looks at what it lists and refuses it as not whole,
/// and with one that takes even that it lies where it belongs, a little early. Nothing is left behind that was made up.
struct TypeProbe: Sendable {
  private let destination: Destination
  private let keepGoing: Bool
  private let executor: BlockingExecutor

  init(of destination: Destination, keepGoing: Bool, executor: BlockingExecutor) {
    self.destination = destination
    self.keepGoing = keepGoing
    self.executor = executor
  }

  /// Bytes of blobs for which it is worth while to ask: fewer are sent as soon as asked about.
  private static let leastStake: Int64 = 1 << 20
  /// What every registry of the distribution API takes.
  private static let undoubted: Set<MediaType> = [.ociManifest, .ociIndex]

  private struct Probe: Sendable {
    let manifest: Descriptor
    let manifests: ImportManifests
    let repository: String
    /// Whether it is an image's own and not one below an index.
    let isRoot: Bool

    /// An image's own first, of those the smaller.
    func isBetter(than other: Probe) -> Bool {
      guard isRoot == other.isRoot else { return isRoot }
      return manifest.size < other.manifest.size
    }
  }

  /// `prepared` without the images that have a type which is refused; unless the others are pushed all the same, throws
  /// ``RegistryError/typeRefused(host:repository:type:messages:)``.
  func probe(_ prepared: PreparedImport) async throws -> PreparedImport {
    guard prepared.uniqueSize >= Self.leastStake else { return prepared }
    let probes = probes(for: prepared.images.filter(\.isToPush))
    let refusals = try await executor.mapConcurrently(probes) { try refusal(of: $0) }.compactMap(\.self)
    guard let first = refusals.first else { return prepared }
    guard keepGoing else { throw first.error }
    let refused = Dictionary(refusals.map { ($0.type, $0.error) }) { first, _ in first }
    return prepared.leavingOut { image in
      image.tree.manifests.lazy.compactMap { refused[$0.mediaType] }.first
    }
  }

  /// A manifest of each type that the destination was not seen to have and that images of some size have.
  private func probes(for images: [ImportImage]) -> [Probe] {
    var probes: [MediaType: Probe] = [:]
    var stakes: [MediaType: [Digest: Int64]] = [:]
    for image in images {
      for manifest in image.tree.manifests {
        let type = manifest.mediaType
        guard !Self.undoubted.contains(type), !destination.isKnownToTake(type) else { continue }
        for blob in image.tree.blobs { stakes[type, default: [:]][blob.digest] = blob.size }
        let probe = Probe(
          manifest: manifest, manifests: image.manifests, repository: image.target.repository,
          isRoot: manifest.digest == image.digest)
        if let other = probes[type], !probe.isBetter(than: other) { continue }
        probes[type] = probe
      }
    }
    return probes.sorted { $0.key.rawValue < $1.key.rawValue }
      .filter { Array((stakes[$0.key] ?? [:]).values).saturatingSum() >= Self.leastStake }
      .map(\.value)
  }

  private func refusal(of probe: Probe) throws -> (type: MediaType, error: RegistryError)? {
    let client = try destination.client(for: probe.repository)
    let manifest = try probe.manifests.manifest(probe.manifest)
    do throws(RegistryError) {
      try client.putManifest(
        manifest, to: probe.repository, as: probe.manifest.digest.description, persistently: false)
    } catch {
      if case .typeRefused = error { return (probe.manifest.mediaType, error) }
      // What else is wrong, or is not there yet, shows when it is pushed.
      try Task.checkCancellation()
    }
    return nil
  }
}

extension PreparedImport {
  /// The same without the images for which `reason` has one; nothing is pushed for them.
  fileprivate func leavingOut(_ reason: (ImportImage) -> RegistryError?) -> PreparedImport {
    var images = images
    var failures = failures
    var needs: Set<RepositoryContent> = []
    for index in images.indices where images[index].isToPush {
      if let error = reason(images[index]) {
        images[index].state = .refused
        failures.append(ImageFailure(image: images[index].source, error: error))
      } else {
        let repository = images[index].target.repository
        needs.formUnion(
          images[index].tree.blobs.map { RepositoryContent(repository: repository, digest: $0.digest) })
      }
    }
    let blobs = blobs.compactMap { blob -> ImportBlob? in
      let repositories = blob.repositories.filter {
        needs.contains(RepositoryContent(repository: $0, digest: blob.descriptor.digest))
      }
      return repositories.isEmpty ? nil : blob.neededBy(repositories)
    }
    return PreparedImport(
      destination: destination, images: images, failures: failures, incomplete: incomplete,
      refusals: refusals,
      blockers: blockers, blobs: blobs, absent: absent, leftOut: leftOut, opened: opened,
      presentSize: presentSize)
  }
}
