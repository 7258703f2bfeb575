import Images
import Registry

/// `ferry export`: resolve everything, plan the archives, then move each blob once to its place.
public struct Export: Sendable {
  let request: ExportRequest
  let registries: Registries
  let settings: TransferSettings
  let executor: BlockingExecutor

  /// Throws ``TransferError/noThread(code:)``.
  public init(_ request: ExportRequest, registries: Registries, settings: TransferSettings) throws {
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Resolves the images and plans the archives; moves no blob. Failures of single images and whatever
  /// else stands in the way are collected, so that one look shows them all.
  @concurrent
  public func prepare() async throws -> PreparedExport {
    let knownFiles = try await executor.run {
      try KnownFiles(
        request.known, expected: request.knownExpected, signedBy: request.knownSignature, settings: settings)
    }
    let (references, unlisted) = try await expand()
    settings.observer.note(.resolving(images: references.count))
    let finder = ReferrerFinder(registries, observer: settings.observer)
    let outcomes = try await executor.mapConcurrently(references) {
      reference -> Result<ExportImage, ImageFailure> in
      do {
        let image = try ExportImage.resolve(
          reference, platforms: request.platforms, registries: registries, observer: settings.observer)
        return .success(try withReferrers(image, from: finder))
      } catch {
        try Task.checkCancellation()
        let refusal = RepositoryRefusal(
          error, host: reference.host, repository: reference.repository, registries: registries)
        return .failure(
          ImageFailure(
            image: reference.description, error: refusal.map(TransferError.pullRefused) ?? error))
      }
    }
    var images: [ExportImage] = []
    var failures = unlisted
    for outcome in outcomes {
      switch outcome {
      case .success(let image): images.append(image)
      case .failure(let failure): failures.append(failure)
      }
    }
    let resolved = images
    let failed = failures
    let checked = try await executor.run {
      SoundImages(resolved, isApart: !request.isOneArchive) { part, image in
        let reference = image.reference
        return try registries.client(host: reference.host, repository: reference.repository)
          .hasBlob(part.digest, size: part.size, in: reference.repository)
      }
    }
    let known = try await knownFiles.content(of: checked.sound.flatMap(\.blobs), on: executor)
    return try await executor.run {
      try plan(checked.sound, known: known, failures: failed + checked.failures)
    }
  }

  /// The images asked for, each once, in the order of their names, and the queries that failed.
  private func expand() async throws -> ([Reference], [ImageFailure]) {
    let expanded = try await executor.mapConcurrently(request.queries) {
      query -> (images: [Reference], failures: [ImageFailure]) in
      do {
        return try query.expand(registries, observer: settings.observer)
      } catch {
        try Task.checkCancellation()
        return ([], [ImageFailure(image: query.name, error: error)])
      }
    }
    let references = Set(expanded.flatMap(\.images))
    let failures = expanded.flatMap(\.failures)
    let shard = request.shard
    return (references.filter { shard?.holds($0.description) ?? true }.sorted(), failures)
  }
}
