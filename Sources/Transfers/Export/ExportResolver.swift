import Files
import Images
import Layouts
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
  /// The registries that do not list what has no tag, where that was asked for; nil where it was not.
  let untaggedUnlisted: [String]?
  /// What the other side has already.
  let known: KnownContent
  let descriptions: RepositoryDescriptions
  /// What ``images`` are made of.
  let descriptors: SharedDescriptors
}

/// The first stage of an export: asks the registries what the images are and what refers to them. Moves no layer.
struct ExportResolver: Sendable {
  private let request: ExportRequest
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  /// What all images are made of.
  private struct Parts: Sendable {
    let descriptors: SharedDescriptors
    /// The bytes of their manifests.
    let manifests: SpooledContent

    /// What a manifest becomes. Throws `FileError` where there is no room for it.
    func keep(_ manifest: Manifest) throws -> ManifestBytes {
      try ManifestBytes(manifest).moved(to: manifests, share: descriptors.shared)
    }
  }

  /// How many bytes of manifests are kept in memory: those of some hundred images. An export of fewer makes no file for them.
  private static let manifestsInMemory = 2 << 20

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
    let (references, unlisted, leftOut, places) = try await expand()
    for entry in leftOut { settings.observer.note(.unreadable(entry)) }
    settings.observer.note(.resolving(images: references.count))
    let finder = ReferrerFinder(registries, observer: settings.observer)
    let descriptors = SharedDescriptors()
    let manifests = SpooledContent(
      called: request.temporary, memory: Self.manifestsInMemory, spoolingIn: request.temporary)
    let parts = Parts(descriptors: descriptors, manifests: manifests)
    var outcomes = try await executor.mapConcurrently(references) { try look(at: $0, finder, parts) }
    outcomes += try await untagged(in: places, beside: outcomes, finder, parts)
    if outcomes.isEmpty, unlisted.isEmpty, request.shard == nil, let first = places.first {
      throw places.count == 1
        ? TransferError.noTagSelected(repository: "\(first.location)", total: first.unsettled.count)
        : TransferError.nothingSelectedBelow(
          RegistryLocation(host: first.location.host), repositories: places.count)
    }
    let images = told(outcomes.compactMap { try? $0.get() })
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
    let known = try await knownFiles.content(of: checked.sound.lazy.flatMap(\.blobs), on: executor)
    let descriptions = try await executor.run {
      try RepositoryDescriptions.find(
        of: checked.sound.map(\.reference), registries: registries, observer: settings.observer)
    }
    return ResolvedExport(
      images: checked.sound, failures: failures + checked.failures, leftOut: leftOut,
      untaggedUnlisted: request.takesUntagged ? UntaggedPlace.unlistedHosts(places) : nil, known: known,
      descriptions: descriptions, descriptors: descriptors)
  }

  /// What no tag names of repositories, and is no part of the images seen, each once.
  private func untagged(
    in places: [UntaggedPlace], beside outcomes: [Result<ExportImage, ImageFailure>],
    _ finder: ReferrerFinder, _ parts: Parts
  ) async throws -> [Result<ExportImage, ImageFailure>] {
    guard !places.isEmpty else { return [] }
    var known = Dictionary(places.map { ($0.location, $0) }) { first, _ in first }
    for image in outcomes.compactMap({ try? $0.get() }) {
      known[RegistryLocation(host: image.reference.host, path: image.reference.repository)]?.settle(image)
    }
    let search = UntaggedSearch(registries, executor: executor, takesReferrers: request.takesReferrers)
    let found = try await search.images(in: Array(known.values), carriesTags: false)
    let references = found.filter { request.shard?.holds($0.description) ?? true }
    if !references.isEmpty { settings.observer.note(.untaggedFound(references.count)) }
    return try await executor.mapConcurrently(references) { try look(at: $0, finder, parts) }
  }

  /// The images, after it was said of each what refers to it and stays behind. What has a tag of its own, and was asked for by
  /// that, does not.
  private func told(_ images: [ExportImage]) -> [ExportImage] {
    guard images.contains(where: { !$0.referrersLeft.isEmpty }) else { return images }
    var carried: Set<RepositoryContent> = []
    for image in images {
      let repository = image.reference.repositoryName
      let trees = [image.tree] + image.referrers.map(\.tree)
      for digest in [image.digest] + trees.flatMap(\.manifests).map(\.digest) {
        carried.insert(RepositoryContent(repository: repository, digest: digest))
      }
    }
    return images.map { image in
      let repository = image.reference.repositoryName
      let left = image.referrersLeft.filter {
        $0.digest.map { !carried.contains(RepositoryContent(repository: repository, digest: $0)) } ?? true
      }
      for referrer in left where referrer.reason != .notShown {
        settings.observer.note(.referrerNotCarried(image: image.named.description, referrer))
      }
      return left.count == image.referrersLeft.count ? image : image.with(image.referrers, left: left)
    }
  }

  /// The images asked for, each once, in the order of their names, the queries that failed, what is listed and cannot be
  /// asked for, and where to look for what has no tag.
  private func expand() async throws -> (
    [Reference], [ImageFailure], leftOut: [ImageFailure], places: [UntaggedPlace]
  ) {
    let expanded = try await executor.mapConcurrently(request.queries) { query -> ImageQuery.Expansion in
      do {
        var found = try query.expand(
          registries, takesUntagged: request.takesUntagged, observer: settings.observer)
        if case .image = query { return found }
        // Nobody has named them, and docker could load none of them.
        if request.platforms.isForDocker {
          let all = found.images.count
          found.images.removeAll { $0.tag.map { ReferrerTag($0) != nil } ?? false }
          if found.images.count < all {
            settings.observer.note(.referrerTagsLeft(all - found.images.count))
          }
        }
        return found
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
      expanded.flatMap(\.leftOut), expanded.flatMap(\.places)
    )
  }

  /// What one image is. Throws only when the export is cancelled, and when there is no room for what its manifests say, which
  /// is no image's fault. Blocks.
  private func look(
    at reference: Reference, _ finder: ReferrerFinder, _ parts: Parts
  ) throws -> Result<ExportImage, ImageFailure> {
    let image: ExportImage
    do {
      let alone = try ExportImage.resolve(
        reference, platforms: request.platforms, converts: request.convertsSchema1,
        sharing: parts.descriptors, keeping: parts.keep, registries: registries, observer: settings.observer)
      if request.platforms.isForDocker, let obstacle = alone.obstacleForDocker {
        throw TransferError.notForDocker(reference, obstacle)
      }
      image = try withReferrers(alone, from: finder, parts)
    } catch let error as FileError {
      throw error
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
    return .success(try image.movingManifests(to: parts.manifests, sharing: parts.descriptors))
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
  private func withReferrers(
    _ image: ExportImage, from finder: ReferrerFinder, _ parts: Parts
  ) throws -> ExportImage {
    guard request.takesReferrers else { return image }
    do {
      let found = try finder.referrers(of: image, keeping: parts.keep)
      for manifest in found.carried.map(\.tree).unknownManifests {
        settings.observer.note(.manifestUnknown(image: image.named, manifest))
      }
      return image.with(found.carried, left: found.left)
    } catch let error as FileError {
      throw error
    } catch {
      try Task.checkCancellation()
      throw TransferError.referrersNotHad(image.reference, error)
    }
  }
}
