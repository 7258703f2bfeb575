import Digests
import FoundationEssentials
import Images
import Registry

/// The images of an import with what the destination has of them.
struct SurveyedImages: Sendable {
  let images: [ImportImage]
  let failures: [ImageFailure]
  /// Repositories that may not be pushed to, in the order of their names.
  let refusals: [RepositoryRefusal]
  /// What keeps the import from running, of that which the destination said.
  let blockers: [any Error]
}

/// The fourth step of an import: the destination is asked for each image's tag, of those that are there for all that lies
/// below, and whether the repositories may be pushed to.
struct DestinationSurvey: Sendable {
  private let destination: Destination
  private let request: ImportRequest
  private let keepGoing: Bool
  private let executor: BlockingExecutor

  init(of destination: Destination, for request: ImportRequest, keepGoing: Bool, executor: BlockingExecutor) {
    self.destination = destination
    self.request = request
    self.keepGoing = keepGoing
    self.executor = executor
  }

  /// `strangers` are failures already. `opensUploads` opens an upload in each repository and gives it up.
  func survey(
    _ named: [ImportImage], strangers: [ImageFailure], opensUploads: Bool
  ) async throws -> SurveyedImages {
    let looked = try await executor.mapConcurrently(named) { image -> (ImportImage, ImageFailure?) in
      guard image.state == .new else { return (image, nil) }
      do {
        return (try look(at: image), nil)
      } catch {
        try Task.checkCancellation()
        var image = image
        image.state = .unknown
        return (image, ImageFailure(image: image.source, error: error))
      }
    }
    var images = looked.map(\.0)
    var failures = looked.compactMap(\.1) + strangers
    SubjectIndex(images).skip(&images)
    try await checkPresent(&images, &failures)
    let refusals = try await refusals(for: images, opensUploads: opensUploads)
    exclude(refusals, from: &images, &failures)
    var blockers: [any Error] = []
    if !refusals.isEmpty, !keepGoing { blockers.append(TransferError.pushRefused(refusals)) }
    let taken = images.compactMap(\.takenTag)
    if keepGoing {
      failures += taken.map { ImageFailure(image: $0.source, error: TransferError.tagsTaken([$0])) }
    } else if !taken.isEmpty {
      blockers.append(TransferError.tagsTaken(taken))
    }
    return SurveyedImages(images: images, failures: failures, refusals: refusals, blockers: blockers)
  }

  /// Asks the destination for the image's tag.
  private func look(at image: ImportImage) throws -> ImportImage {
    var image = image
    let present: Destination.Tagged?
    do {
      present = try destination.tagged(image.target, by: image.digest.algorithm)
    } catch TransferError.tagUntold where request.existing == .overwrite {
      image.state = .replacesUnseen
      return image
    }
    guard let present else {
      image.state = .new
      return image
    }
    switch present {
    case .manifest(let manifest) where manifest.digest == image.digest:
      image.state = .identical
      return image
    case .manifest(let manifest):
      if let list = image.compared(with: manifest) { return list }
    case .unreadable(image.digest, .manifestNotFound):
      // HEAD alone knows of it: it is to be pushed.
      image.state = .new
      return image
    case .unreadable(let digest, let error):
      // What it gives is not what it says.
      guard digest != image.digest else { throw error }
    }
    switch request.existing {
    case .stop: image.state = .taken(present.digest)
    case .skip: image.state = .skipped(present.digest)
    case .overwrite: image.state = .replaces(present.digest)
    }
    return image
  }

  /// Looks below the tags that are there, unless they are to be trusted. What has parts missing is pushed again; only
  /// what has none missing is confirmed.
  private func checkPresent(_ images: inout [ImportImage], _ failures: inout [ImageFailure]) async throws {
    let there = images.indices.filter { images[$0].isThere }
    guard !request.trustsTags else {
      for index in there { images[index].state = .trusted }
      return
    }
    let check = DestinationCheck(destination: destination, executor: executor)
    let missing = try await check.missing(of: there.map { images[$0] })
    for (index, missing) in zip(there, missing) {
      switch missing {
      case .success(0): images[index].confirmedAt = Date()
      case .success(let count):
        images[index].missing = count
        images[index].state = images[index].state.withoutParts
      case .failure(let error):
        images[index].state = .unknown
        failures.append(ImageFailure(image: images[index].source, error: error))
      }
    }
  }

  /// The target repositories that may not be pushed to, each asked once, in the order of their names.
  private func refusals(for images: [ImportImage], opensUploads: Bool) async throws -> [RepositoryRefusal] {
    let repositories = Set(images.filter { $0.isToPush || $0.state == .unknown }.map(\.target.repository))
    return try await executor.mapConcurrently(repositories.sorted()) { repository in
      try destination.refusal(of: repository, opensUpload: opensUploads)
    }.compactMap(\.self)
  }

  /// Takes the images of refused repositories out of what is to be pushed. That a repository is refused, and
  /// what may help, says more than what was seen of it before.
  private func exclude(
    _ refusals: [RepositoryRefusal], from images: inout [ImportImage], _ failures: inout [ImageFailure]
  ) {
    let refused = Dictionary(uniqueKeysWithValues: refusals.map { ($0.repository, $0) })
    guard !refused.isEmpty else { return }
    /// By source; of several images of one name the last counts.
    var reasons: [String: (index: Int, refusal: RepositoryRefusal)] = [:]
    for index in images.indices {
      guard let refusal = refused[images[index].target.repositoryName],
        images[index].isToPush || images[index].state == .unknown
      else { continue }
      images[index].state = .refused
      reasons[images[index].source] = (index, refusal)
    }
    failures.removeAll { reasons[$0.image] != nil }
    guard keepGoing else { return }
    failures += reasons.sorted { $0.value.index < $1.value.index }.map { source, reason in
      ImageFailure(image: source, error: TransferError.pushRefused([reason.refusal]))
    }
  }
}

extension ImportImage {
  fileprivate var takenTag: TakenTag? {
    guard case .taken(let present) = state else { return nil }
    return TakenTag(target: target, source: source, present: present, wanted: digest)
  }
}

/// Looks below tags that are there already: a tag says nothing of what a registry has lost since, or never had.
private struct DestinationCheck {
  /// Something that an image consists of, in the repository that has to have it.
  private struct Part: Sendable {
    enum Content {
      case manifest(Digest)
      case blob(Descriptor)
    }

    let repository: String
    let content: Content

    var digest: Digest {
      switch content {
      case .manifest(let digest): digest
      case .blob(let blob): blob.digest
      }
    }
  }

  private let destination: Destination
  private let executor: BlockingExecutor

  init(destination: Destination, executor: BlockingExecutor) {
    self.destination = destination
    self.executor = executor
  }

  /// How many of each image's manifests and blobs its repository does not have, or why that cannot be told. Each is
  /// asked for once in each repository, however many images share it. Throws when the task was cancelled.
  func missing(of images: [ImportImage]) async throws -> [Result<Int, any Error>] {
    var seen: [String: Set<Digest>] = [:]
    var parts: [Part] = []
    for image in images {
      for part in Self.parts(of: image)
      where seen[part.repository, default: []].insert(part.digest).inserted { parts.append(part) }
    }
    let answers = try await executor.mapConcurrently(parts) { part -> Result<Bool, any Error> in
      do { return .success(try isHeld(part)) } catch {
        try Task.checkCancellation()
        return .failure(error)
      }
    }
    var held: [String: [Digest: Result<Bool, any Error>]] = [:]
    for (part, answer) in zip(parts, answers) {
      held[part.repository, default: [:]][part.digest] = answer
    }
    return images.map { image in
      Result {
        try Self.parts(of: image).count { part in
          try held[part.repository]?[part.digest]?.get() != true
        }
      }
    }
  }

  private func isHeld(_ part: Part) throws -> Bool {
    switch part.content {
    case .manifest(let digest): try destination.holds(manifest: digest, in: part.repository)
    case .blob(let blob): try destination.holds(blob, in: part.repository)
    }
  }

  /// All of an image but its root: that was read by its tag or, a list of referrers in another one, is not there
  /// as such. Its tag does not show that it is there under a digest that is not the usual one.
  private static func parts(of image: ImportImage) -> [Part] {
    let repository = image.target.repository
    let isKnown = image.digest.algorithm == .sha256 || image.list != nil || image.target.tag == nil
    return image.tree.manifests.filter { !isKnown || $0.digest != image.digest }
      .map { Part(repository: repository, content: .manifest($0.digest)) }
      + image.tree.blobs.map { Part(repository: repository, content: .blob($0)) }
  }
}
