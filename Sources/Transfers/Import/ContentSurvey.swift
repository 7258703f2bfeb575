import Digests
import Images
import Layouts

/// One blob of an import, and the destination's repositories that need it.
struct ImportBlob: Sendable {
  let descriptor: Descriptor
  /// Where its bytes are; nil when the archives leave it out because the destination has it.
  var layout: Layout?
  let repositories: [String]
  /// Where it does not lie in the archive as it is sent.
  let compressed: CompressedLayer?
  /// Its bytes, where no archive holds it because it was made on the way.
  var made: [UInt8]?
  /// A repository of the destination that has what the archives leave out.
  var holder: String?

  /// The same for `repositories` alone.
  func neededBy(_ repositories: [String]) -> ImportBlob {
    ImportBlob(
      descriptor: descriptor, layout: layout, repositories: repositories, compressed: compressed,
      made: made, holder: holder)
  }
}

/// The images of an import with the blobs that they need.
struct SurveyedContent: Sendable {
  let images: [ImportImage]
  let failures: [ImageFailure]
  /// What keeps the import from running, of that which the blobs showed.
  let blockers: [any Error]
  /// The blobs to push, each once.
  let blobs: [ImportBlob]
  /// What the archives leave out and the destination does not have either.
  let absent: [MissingContent]
  /// What they leave out for other reasons, and whether the destination has it.
  let leftOut: [OmittedContent]
  /// Bytes of blobs that the destination has already, where that was asked.
  let presentSize: Int64?
}

/// The fifth step of an import: which blobs are to be pushed, and where each comes from.
struct ContentSurvey: Sendable {
  private let destination: Destination
  private let mapping: NameMapping
  private let keepGoing: Bool
  private let observer: any TransferObserver
  private let executor: BlockingExecutor

  init(
    of destination: Destination, mapping: NameMapping, keepGoing: Bool, observer: any TransferObserver,
    executor: BlockingExecutor
  ) {
    self.observer = observer
    self.destination = destination
    self.mapping = mapping
    self.keepGoing = keepGoing
    self.executor = executor
  }

  /// A dry run also asks for every blob that is to be pushed, and hashes the configs, which a real run does as it goes.
  func survey(
    _ surveyed: SurveyedImages, of archives: ImportedArchives, compressed: [Digest: CompressedLayer],
    made: [Digest: MadeConfig], isDryRun: Bool
  ) async throws -> SurveyedContent {
    var images = surveyed.images
    var failures = surveyed.failures
    var blockers: [any Error] = []
    let search = LeftOutSearch(at: destination, mapping: mapping, executor: executor)
    let wanted = try blobs(of: images.filter(\.isToPush), in: archives, compressed, made)
    let (blobs, absent) = try await search.locate(wanted, for: images.filter(\.isToPush), in: archives)
    let leftOut = try await search.find(of: images.filter { $0.isToPush || $0.isThere }, in: archives)
    if keepGoing {
      let absent = Dictionary(absent.map { ($0.descriptor.digest, $0) }) { first, _ in first }
      exclude(from: &images, &failures) { image in
        let missing = image.tree.blobs.compactMap { absent[$0.digest] }
        return missing.isEmpty ? nil : TransferError.contentMissing(missing)
      }
    } else if !absent.isEmpty {
      blockers.append(TransferError.contentMissing(absent))
    }
    var damaged =
      isDryRun
      ? try await damagedConfigs(among: blobs, of: images.filter(\.isToPush), besidesStreamsOf: archives)
      : [:]
    damaged.merge(archives.damaged) { first, _ in first }
    if keepGoing {
      exclude(from: &images, &failures) { image in
        image.tree.blobs.lazy.compactMap { damaged[$0.digest] }.first
      }
    } else {
      blockers += damaged.sorted { $0.key < $1.key }.map(\.value)
    }
    return SurveyedContent(
      images: images, failures: failures, blockers: blockers, blobs: blobs, absent: absent, leftOut: leftOut,
      presentSize: isDryRun ? try await presentSize(of: blobs) : nil)
  }

  /// The blobs to push, each once, with every repository that needs it; in the images' order.
  private func blobs(
    of images: [ImportImage], in archives: ImportedArchives, _ compressed: [Digest: CompressedLayer],
    _ made: [Digest: MadeConfig]
  ) throws -> [ImportBlob] {
    var order: [Descriptor] = []
    /// All blobs' repositories are in one order, so that of two none waits for the other.
    var ranks: [String: Int32] = [:]
    var names: [String] = []
    var users = PartUsers()
    for image in images {
      try Task.checkCancellation()
      let repository = image.target.repository
      let rank = ranks[repository] ?? Int32(clamping: names.count)
      if rank == names.count {
        ranks[repository] = rank
        names.append(repository)
      }
      for blob in image.tree.blobs where users.add(rank, to: blob) { order.append(blob) }
    }
    /// Most blobs are one repository's.
    let single = names.map { [$0] }
    let holders = try archives.holders(of: order)
    return order.map { blob in
      let compressed = compressed[blob.digest]
      let needing = Set(users[blob]).sorted().map(Int.init)
      return ImportBlob(
        descriptor: blob, layout: compressed?.layout ?? made[blob.digest]?.layout ?? holders(blob),
        repositories: needing.count == 1 ? single[needing[0]] : needing.map { names[$0] },
        compressed: compressed, made: made[blob.digest]?.bytes)
    }
  }

  /// Takes images out of what is to be pushed in which `fault` finds something, with a failure for each.
  private func exclude(
    from images: inout [ImportImage], _ failures: inout [ImageFailure],
    _ fault: (ImportImage) -> (any Error)?
  ) {
    for index in images.indices where images[index].isToPush {
      guard let error = fault(images[index]) else { continue }
      images[index].state = .incomplete
      failures.append(ImageFailure(image: images[index].source, error: error))
    }
  }

  /// Bytes of `blobs` that the destination has already.
  private func presentSize(of blobs: [ImportBlob]) async throws -> Int64 {
    try await executor.mapConcurrently(blobs) { blob in
      try destination.holdsEverywhere(blob) ? blob.descriptor.size : 0
    }.saturatingSum()
  }

  /// Reads the configs that a run would send, as far as they lie in files: they are small, and a run stops at one that
  /// is damaged. What is wrong with each, by its digest.
  private func damagedConfigs(
    among blobs: [ImportBlob], of images: [ImportImage], besidesStreamsOf archives: ImportedArchives
  ) async throws -> [Digest: any Error] {
    let configs = Set(images.lazy.flatMap(\.tree.configs).map(\.digest))
    let wanted = blobs.filter { blob in
      guard let layout = blob.layout, !archives.isStreamed(layout) else { return false }
      return configs.contains(blob.descriptor.digest)
        && blob.made == nil && blob.descriptor.size <= Int64(ImageConfig.sizeLimit)
    }
    let errors = try await executor.mapConcurrently(wanted) { blob -> (any Error)? in
      // What the destination has is not sent.
      guard let layout = blob.layout, try !destination.holdsEverywhere(blob) else { return nil }
      do {
        try archives.reading(blob.descriptor, from: layout, observer: observer) { layout in
          do {
            _ = try layout.bytes(of: blob.descriptor, limit: ImageConfig.sizeLimit)
          } catch LayoutError.wrongContent(let digest, let error) {
            throw TransferError.damagedBlob(archive: layout.path, digest: digest, error)
          }
        }
        return nil
      } catch let error as TransferError {
        return archives.streams.contains { $0.front.holds(blob.descriptor) } ? nil : error
      }
    }
    return Dictionary(
      zip(wanted, errors).compactMap { blob, error in error.map { (blob.descriptor.digest, $0) } }
    ) { first, _ in first }
  }
}

extension Destination {
  /// Whether all repositories that need `blob` have it.
  func holdsEverywhere(_ blob: ImportBlob) throws -> Bool {
    try blob.repositories.allSatisfy { try holds(blob.descriptor, in: $0) }
  }
}
