import Digests
import FoundationEssentials
import Images
import Layouts
import Registry
import Synchronization

extension Import {
  /// What became of the blobs' bytes, and which blobs failed.
  final class Tally: Sendable {
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
    for failure in prepared.failures + prepared.notWhole { settings.observer.note(.imageFailed(failure)) }
    for image in prepared.images where image.isThere || image.missing > 0 {
      settings.observer.note(Self.note(of: image))
    }
    let damaged = try await prove(prepared.blobs)
    let blobs = prepared.blobs.filter { damaged[$0.descriptor.digest] == nil }
    settings.observer.expect(bytes: blobs.map(\.descriptor.size).saturatingSum())
    let tally = Tally()
    tally.state.withLock { $0.failed = damaged }
    let passing = prepared.streams.map { stream in
      (stream, blobs: blobs.filter { $0.layout === stream.front })
    }
    let resting = blobs.filter { blob in !prepared.streams.contains { $0.front === blob.layout } }
    let journal = try await executor.run { try openJournal(for: resting) }
    defer { journal?.finish() }
    try await executor.forEachConcurrently(resting) { blob in
      do {
        try place(blob, of: prepared.images, tally: tally, journal)
      } catch {
        guard settings.keepGoing, !Task.isCancelled else { throw error }
        tally.state.withLock { $0.failed[blob.descriptor.digest] = error }
      }
    }
    for (stream, blobs) in passing {
      try await executor.run { try place(blobs, from: stream, tally) }
    }
    let bytes = tally.state.withLock { $0 }
    var pushed: [ImportImage] = []
    var failures = prepared.failures
    // What refers to something goes behind it: an image, its signatures, what attests those.
    let subjects = SubjectIndex(prepared.images)
    let levels = Dictionary(grouping: prepared.images.filter(\.isToPush)) { $0.referral?.depth ?? 0 }
    for (_, images) in levels.sorted(by: { $0.key < $1.key }) {
      let lost = Set(failures.map(\.image))
      let outcomes = try await executor.mapConcurrently(images) {
        image -> Result<ImportImage, ImageFailure> in
        do {
          if let error = image.tree.blobs.lazy.compactMap({ bytes.failed[$0.digest] }).first { throw error }
          if !lost.isEmpty { try expectSubject(of: image, in: subjects, without: lost) }
          let list = try push(image)
          var image = image
          image.list = list
          image.confirmedAt = Date()
          settings.observer.note(
            .imported(source: image.source, target: image.target, digest: image.digest))
          return .success(image)
        } catch {
          guard isSpared(image, by: error, damaged), !Task.isCancelled else { throw error }
          let failure = ImageFailure(image: image.source, error: error)
          settings.observer.note(.imageFailed(failure))
          return .failure(failure)
        }
      }
      pushed += outcomes.compactMap { try? $0.get() }
      failures += outcomes.compactMap(\.failure)
    }
    let there = prepared.images.filter(\.isThere) + pushed
    let referred = ReferredManifests.list(of: there)
    var late = try await list(referred)
    let unlisted = Set(late.map(\.image))
    // Nothing comes behind the read-back of what alone was looked at, and refers to nothing.
    if there.count > 1 || pushed.isEmpty || prepared.images.count > 1 || !referred.isEmpty {
      let look = LastLook(destination: destination, executor: executor)
      late += try await look.moved(of: there.filter { !unlisted.contains($0.source) }) { image, present in
        if case .included = lookAtList(image, present: present)?.state { true } else { false }
      }
    }
    for failure in late where settings.keepGoing { settings.observer.note(.imageFailed(failure)) }
    let failed = Set(late.map(\.image))
    return ImportResult(
      prepared: prepared, pushed: pushed.filter { !failed.contains($0.source) },
      failures: prepared.notWhole + failures + late, late: late,
      uploadedSize: bytes.uploaded, mountedSize: bytes.mounted, presentSize: bytes.present)
  }

  private static func note(of image: ImportImage) -> TransferNote {
    if image.missing > 0 { return .partsMissing(target: image.target, count: image.missing) }
    if case .trusted = image.state { return .trusted(target: image.target, digest: image.digest) }
    return .alreadyThere(source: image.source, target: image.target, digest: image.digest)
  }

  /// Whether the other images go on without one that failed.
  private func isSpared(_ image: ImportImage, by error: any Error, _ damaged: [Digest: any Error]) -> Bool {
    guard !settings.keepGoing else { return true }
    guard request.allowsMissing else { return false }
    if case TransferError.subjectFailed = error { return true }
    return image.tree.blobs.contains { damaged[$0.digest] != nil }
  }

  /// Sees that every repository that needs `blob` has it: uploaded once, mounted everywhere else.
  private func place(
    _ blob: PreparedImport.Blob, of images: [ImportImage], tally: Tally, _ journal: ImportJournal?
  ) throws {
    let descriptor = blob.descriptor
    guard let layout = blob.layout else {
      let (mounted, present) = try mount(blob, of: images)
      return tally.state.withLock { state in
        state.mounted += mounted
        state.present += present
      }
    }
    let log = JournaledUploads(journal, registry: request.mapping.destination.host) {
      [settings] repository, offset in
      settings.observer.note(.uploadContinues(repository: repository, blob: descriptor, from: offset))
    }
    let places = try whereabouts(of: blob, log)
    guard !places.lacking.isEmpty else {
      settings.observer.skipped(bytes: descriptor.size)
      tally.state.withLock { $0.present += descriptor.size }
      return
    }
    let meter = TransferMeter(descriptor, observer: settings.observer)
    let source: any BlobSource =
      if let compressed = blob.compressed {
        CompressedLayerSource(compressed, progress: meter.advance)
      } else {
        LayoutBlobSource(layout: layout, digest: descriptor.digest, progress: meter.advance)
      }
    try push(blob, to: places, from: source, tally: tally, log)
    meter.advance(descriptor.size)
  }

  /// The repositories that need `blob` and lack it, and the last of those that have it.
  func whereabouts(
    of blob: PreparedImport.Blob, _ log: JournaledUploads? = nil
  ) throws -> (lacking: [String], holder: String?) {
    var lacking: [String] = []
    var holder: String?
    for repository in blob.repositories {
      guard try destination.holds(blob.descriptor, in: repository) else {
        lacking.append(repository)
        continue
      }
      holder = repository
      log?.closed(blob.descriptor.digest, in: repository)
    }
    return (lacking, holder)
  }

  /// Brings `blob` to the repositories that lack it: mounted where one has it and the registry does that, else
  /// uploaded from `source`. The proof of its bytes, if they were read.
  @discardableResult
  func push(
    _ blob: PreparedImport.Blob, to places: (lacking: [String], holder: String?),
    from source: some BlobSource, tally: Tally, _ log: JournaledUploads?
  ) throws -> Proof? {
    let descriptor = blob.descriptor
    var holder = places.holder
    var proof: Proof?
    for repository in places.lacking {
      let client = try registries.client(
        host: request.mapping.destination.host, repository: repository)
      let outcome: BlobPush
      do {
        outcome = try client.pushBlob(
          descriptor, to: repository, mountingFrom: holder, from: source, log: log)
      } catch RegistryError.wrongContent(_, _, _, let error) {
        throw TransferError.damagedBlob(
          archive: blob.layout?.path ?? "", digest: descriptor.digest, error)
      }
      try destination.took(descriptor, in: repository)
      tally.state.withLock { state in
        switch outcome {
        case .mounted: state.mounted += descriptor.size
        case .uploaded(let bytes):
          let continued = log?.takeContinued() ?? 0
          state.uploaded += descriptor.size - continued
          state.present += continued
          proof = bytes
        }
      }
      holder = repository
    }
    return proof
  }

  /// Makes sure that the tag is still what it was when it was looked at, hours ago perhaps.
  private func expectUnchanged(_ image: ImportImage) throws {
    guard !request.overwrites, image.target.tag != nil else { return }
    guard let present = try destination.tagged(image.target)?.digest, present != image.digest else { return }
    throw TransferError.tagsTaken([
      TakenTag(target: image.target, source: image.source, present: present, wanted: image.digest)
    ])
  }

  /// Pushes the image's manifests, children first and each read back, then its tag, and reads that back. The list that was there
  /// before, as it is now, when the image is a list of referrers that was added to it.
  private func push(_ image: ImportImage) throws -> Descriptor? {
    let target = image.target
    let client = try registries.client(host: target.host, repository: target.repository)
    for manifest in image.tree.manifests {
      let isRoot = manifest.digest == image.digest
      if isRoot, case .extends = image.state { return try extendList(image, manifest, client) }
      if isRoot { try expectUnchanged(image) }
      guard isRoot else {
        try destination.store(manifest, in: target.repository)
        continue
      }
      do {
        try client.putManifest(manifest, to: target.repository, as: target.identifier)
      } catch {
        // A tag that cannot be written again is there already; what it needs has been brought.
        if case .lacks = image.state, case RegistryError.refused = error { continue }
        let missing = image.tree.omitted.count { $0.mediaType.isManifest }
        guard case .refused(_, 400...404, _) = error, missing > 0 else { throw error }
        throw TransferError.sparseIndexRefused(target, missing: missing)
      }
    }
    let readBack = try client.manifest(target.identifier, of: target.repository).digest
    guard readBack == image.digest else {
      throw TransferError.readBackDiffers(target, expected: image.digest, actual: readBack)
    }
    return nil
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let failure) = self { failure } else { nil }
  }
}
