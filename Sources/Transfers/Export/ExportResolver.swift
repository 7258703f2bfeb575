import Images
import Registry
import Transport

/// An export's content: what the images are and what of it travels, before it is laid out in archives.
struct ResolvedExport: Sendable {
  /// Those that can be carried, in the order of their names.
  let images: [ExportImage]
  /// Those that cannot, and queries that failed.
  let failures: [ImageFailure]
  /// Entries of the registries' lists that name nothing which can be asked for.
  let leftOut: [ImageFailure]
  /// What the other side has already.
  let known: KnownContent
  let descriptions: RepositoryDescriptions
}

/// The first stage of an export: asks the registries what the images are and what refers to them. Moves no layer.
struct ExportResolver: Sendable {
  private let request: ExportRequest
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  init(
    _ request: ExportRequest, registries: Registries, settings: TransferSettings, executor: BlockingExecutor
  ) {
    self.request = request
    self.registries = registries
    self.settings = settings
    self.executor = executor
  }

  /// Failures of single images are collected. Throws for what concerns all of them: known files that cannot be read,
  /// and cancellation.
  func resolve() async throws -> ResolvedExport {
    let knownFiles = try await executor.run {
      try KnownFiles.open(for: request, settings: settings)
    }
    let (references, unlisted, leftOut) = try await expand()
    for entry in leftOut { settings.observer.note(.unreadable(entry)) }
    settings.observer.note(.resolving(images: references.count))
    let finder = ReferrerFinder(registries, observer: settings.observer)
    let outcomes = try await executor.mapConcurrently(references) { try look(at: $0, finder) }
    let images = outcomes.compactMap { try? $0.get() }
    let failures =
      unlisted
      + outcomes.compactMap { outcome in
        if case .failure(let failure) = outcome { failure } else { nil }
      }
    let checked = try await executor.run {
      SoundImages.judge(images, isApart: !request.isOneArchive) { part, image in
        let reference = image.reference
        return try registries.client(host: reference.host, repository: reference.repository)
          .hasBlob(part.digest, size: part.size, in: reference.repository)
      }
    }
    let known = try await knownFiles.content(of: checked.sound.flatMap(\.blobs), on: executor)
    let descriptions = try await executor.run {
      try RepositoryDescriptions.find(
        of: checked.sound.map(\.reference), registries: registries, observer: settings.observer)
    }
    return ResolvedExport(
      images: checked.sound, failures: failures + checked.failures, leftOut: leftOut, known: known,
      descriptions: descriptions)
  }

  /// The images asked for, each once, in the order of their names, the queries that failed, and what is listed and
  /// cannot be asked for.
  private func expand() async throws -> ([Reference], [ImageFailure], leftOut: [ImageFailure]) {
    let expanded = try await executor.mapConcurrently(request.queries) { query -> ImageQuery.Expansion in
      do {
        return try query.expand(registries, observer: settings.observer)
      } catch {
        try Task.checkCancellation()
        return ImageQuery.Expansion(failures: [ImageFailure(image: query.name, error: error)])
      }
    }
    let references = Set(expanded.flatMap(\.images))
    let failures = expanded.flatMap(\.failures)
    let shard = request.shard
    return (
      references.filter { shard?.holds($0.description) ?? true }.sorted(), failures,
      expanded.flatMap(\.leftOut)
    )
  }

  /// What one image is. Throws only when the export is cancelled. Blocks.
  private func look(
    at reference: Reference, _ finder: ReferrerFinder
  ) throws -> Result<ExportImage, ImageFailure> {
    do {
      let image = try ExportImage.resolve(
        reference, platforms: request.platforms, registries: registries, observer: settings.observer)
      return .success(try withReferrers(image, from: finder))
    } catch {
      try Task.checkCancellation()
      if let tag = reference.tag, !RepositoryName.isValidTag(tag), Self.saysNotThere(error) {
        return .failure(
          ImageFailure(
            image: reference.description, error: TransferError.oddTagNotHad(reference, error)))
      }
      let refusal = RepositoryRefusal(
        error, host: reference.host, repository: reference.repository, registries: registries)
      return .failure(
        ImageFailure(
          image: reference.description, error: refusal.map(TransferError.pullRefused) ?? error))
    }
  }

  /// Whether an error says that there is no such image, or no such registry.
  private static func saysNotThere(_ error: any Error) -> Bool {
    switch error {
    case TransferError.tagNotFound: true
    case let error as RegistryError:
      switch error {
      case .manifestNotFound, .repositoryNotFound, .refused, .invalidName, .transport(.unknownHost): true
      default: false
      }
    default: false
    }
  }

  /// The image with its referrers. That they cannot be had is an error of its own: the image alone is to be had
  /// all the same.
  private func withReferrers(_ image: ExportImage, from finder: ReferrerFinder) throws -> ExportImage {
    guard request.takesReferrers else { return image }
    do {
      let found = try finder.referrers(of: image)
      for referrer in found.left where referrer.reason != .notShown {
        settings.observer.note(.referrerNotCarried(image: image.reference, referrer))
      }
      return image.with(found.carried, left: found.left)
    } catch {
      try Task.checkCancellation()
      throw TransferError.referrersNotHad(image.reference, error)
    }
  }
}
