import Digests
import FoundationEssentials
import Images
import Layouts
import Registry
import Synchronization

extension Import {
  /// What became of the blobs' bytes, and which blobs failed.
  private final class Tally: Sendable {
    struct State {
      var uploaded: Int64 = 0
      var mounted: Int64 = 0
      var present: Int64 = 0
      var failed: [Digest: any Error] = [:]
    }
    let state = Mutex(State())
  }

  /// Pushes: first every blob of every image, then image by image its manifests, its index, its tag, and
  /// the tag is read back. So no tag moves before all that any image needs was proved. Throws all
  /// that stands in the way, and unless `keepGoing` the first failure.
  @concurrent
  public func run(_ prepared: PreparedImport) async throws -> ImportResult {
    let obstacle = TransferError.obstacle(
      prepared.blockers, prepared.failures, total: prepared.images.count, keepsGoing: settings.keepGoing)
    if let obstacle { throw obstacle }
    for failure in prepared.failures { settings.observer.note(.imageFailed(failure)) }
    for image in prepared.images where image.state == .identical {
      settings.observer.note(
        .alreadyThere(source: image.source, target: image.target, digest: image.digest))
    }
    settings.observer.expect(bytes: prepared.uniqueSize)
    let tally = Tally()
    let journal = try await executor.run { try openJournal(for: prepared.blobs) }
    defer { journal?.finish() }
    try await executor.forEachConcurrently(prepared.blobs) { blob in
      do {
        try place(blob, tally: tally, journal)
      } catch {
        guard settings.keepGoing, !Task.isCancelled else { throw error }
        tally.state.withLock { $0.failed[blob.descriptor.digest] = error }
      }
    }
    let bytes = tally.state.withLock { $0 }
    let outcomes = try await executor.mapConcurrently(prepared.images.filter(\.isToPush)) {
      image -> Result<ImportImage, ImageFailure> in
      do {
        if let error = image.tree.blobs.lazy.compactMap({ bytes.failed[$0.digest] }).first { throw error }
        try push(image)
        var image = image
        image.confirmedAt = Date()
        settings.observer.note(
          .imported(source: image.source, target: image.target, digest: image.digest))
        return .success(image)
      } catch {
        guard settings.keepGoing, !Task.isCancelled else { throw error }
        let failure = ImageFailure(image: image.source, error: error)
        settings.observer.note(.imageFailed(failure))
        return .failure(failure)
      }
    }
    return ImportResult(
      prepared: prepared, pushed: outcomes.compactMap { try? $0.get() },
      failures: prepared.failures + outcomes.compactMap(\.failure), uploadedSize: bytes.uploaded,
      mountedSize: bytes.mounted, presentSize: bytes.present)
  }

  /// Sees that every repository that needs `blob` has it: uploaded once, mounted everywhere else.
  private func place(_ blob: PreparedImport.Blob, tally: Tally, _ journal: ImportJournal?) throws {
    let descriptor = blob.descriptor
    let host = request.mapping.destination.host
    let log = JournaledUploads(journal, registry: host) { [settings] repository, offset in
      settings.observer.note(.uploadContinues(repository: repository, blob: descriptor, from: offset))
    }
    var lacking: [String] = []
    var holder: String?
    for repository in blob.repositories {
      guard try has(descriptor, in: repository) else {
        lacking.append(repository)
        continue
      }
      holder = repository
      log.closed(descriptor.digest, in: repository)
    }
    guard !lacking.isEmpty else {
      settings.observer.skipped(bytes: descriptor.size)
      tally.state.withLock { $0.present += descriptor.size }
      return
    }
    let meter = TransferMeter(descriptor, observer: settings.observer)
    let source = LayoutBlobSource(
      layout: blob.layout, digest: descriptor.digest, progress: meter.advance)
    for repository in lacking {
      let client = try registries.client(host: host, repository: repository)
      let outcome: BlobPush
      do {
        outcome = try client.pushBlob(
          descriptor, to: repository, mountingFrom: holder, from: source, log: log)
      } catch RegistryError.wrongContent(_, _, _, let error) {
        throw TransferError.damagedBlob(
          archive: blob.layout.path, digest: descriptor.digest, error)
      }
      tally.state.withLock { state in
        switch outcome {
        case .mounted: state.mounted += descriptor.size
        case .uploaded:
          let continued = log.takeContinued()
          state.uploaded += descriptor.size - continued
          state.present += continued
        }
      }
      holder = repository
    }
    meter.advance(descriptor.size)
  }

  /// Makes sure that the tag is still what it was when it was looked at, hours ago perhaps.
  private func expectUnchanged(_ image: ImportImage, _ client: RegistryClient) throws {
    guard !request.overwrites, let tag = image.target.tag else { return }
    let present = try client.manifestDigest(
      tag, of: image.target.repository, isForPush: true)?.digest
    guard let present, present != image.digest else { return }
    throw TransferError.tagsTaken([
      TakenTag(target: image.target, source: image.source, present: present, wanted: image.digest)
    ])
  }

  /// Pushes the image's manifests, children first, then its tag, and reads that back.
  private func push(_ image: ImportImage) throws {
    let target = image.target
    let client = try registries.client(host: target.host, repository: target.repository)
    for manifest in image.tree.manifests {
      let isRoot = manifest.digest == image.digest
      if isRoot { try expectUnchanged(image, client) }
      do {
        try client.putManifest(
          manifest, to: target.repository,
          as: isRoot ? target.identifier : manifest.digest.description)
      } catch {
        let missing = image.tree.omitted.count { $0.mediaType.isManifest }
        guard case .refused(_, 400...404, _) = error, isRoot, missing > 0 else { throw error }
        throw TransferError.sparseIndexRefused(target, missing: missing)
      }
    }
    let readBack = try client.manifest(target.identifier, of: target.repository).digest
    guard readBack == image.digest else {
      throw TransferError.readBackDiffers(target, expected: image.digest, actual: readBack)
    }
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let failure) = self { failure } else { nil }
  }
}
