import NVIDIA
import Digests
public import Images
import Registry

/// `ferry list`: the repositories and tags below some locations.
public struct Listing: Sendable {
  public struct Result: Sendable {
    /// One for each tag, and for what has none where that is shown, in the order of their names.
    public let images: [ListedImage]
    /// What could not be read.
    public let failures: [ImageFailure]
    /// The registries that do not list what has no tag, where that was asked for; nil where it was not.
    public let untaggedUnlisted: [String]?
  }

  /// What was read of one repository.
  private struct Part: Sendable {
    var images: [ListedImage] = []
    var failures: [ImageFailure] = []
    /// Where to look for what has no tag.
    var place: UntaggedPlace?
  }

  private let locations: [RegistryLocation]
  /// Whether sizes and dates are wanted even where each costs a request.
  private let isDetailed: Bool
  /// Whether what has no tag is wanted as well.
  private let showsUntagged: Bool
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  public init(
    _ locations: [RegistryLocation], isDetailed: Bool = false, showsUntagged: Bool = false,
    registries: Registries,
    settings: TransferSettings
  ) throws {
    self.locations = locations
    self.isDetailed = isDetailed
    self.showsUntagged = showsUntagged
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Lists every tag, and where it is wanted what has none. What cannot be read is a failure among the results, and thrown when there is nothing
  /// else.
  @concurrent
  public func run() async throws -> Result {
    let finder = RepositoryFinder(registries: registries)
    let found = try await executor.mapConcurrently(locations) {
      location -> RepositoryFinder.Found in
      do {
        let found = try finder.repositories(below: location)
        if let error = found.hidden { settings.observer.note(.catalogHidden(location, error: error)) }
        return found
      } catch {
        try Task.checkCancellation()
        return RepositoryFinder.Found(
          failures: [ImageFailure(image: location.description, error: error)])
      }
    }
    var repositories: [RegistryLocation: RepositoryFinder.Repository] = [:]
    for repository in found.flatMap(\.repositories) { repositories[repository.location] = repository }
    var parts = try await executor.mapConcurrently(
      repositories.values.sorted { $0.location.description < $1.location.description }
    ) { try read($0, by: finder) }
    let places = parts.compactMap(\.place)
    parts += try await untagged(in: places, repositories)
    let listed = Set(
      parts.flatMap(\.images).map { RegistryLocation(host: $0.reference.host, path: $0.reference.repository) }
    )
    let failures =
      zip(locations, found).flatMap { judged($0, $1, isRepository: listed.contains($0)) }
      + parts.flatMap(\.failures)
    if let failure = failures.first, parts.allSatisfy(\.images.isEmpty) {
      throw failures.count == 1
        ? failure.error : TransferError.imagesFailed(failures, total: failures.count)
    }
    for failure in failures { settings.observer.note(.unreadable(failure)) }
    return Result(
      images: parts.flatMap(\.images).sorted { $0.reference < $1.reference }, failures: failures,
      untaggedUnlisted: showsUntagged ? UntaggedPlace.unlistedHosts(places) : nil)
  }

  /// What no tag names, as far as it is shown.
  private func untagged(
    in places: [UntaggedPlace], _ repositories: [RegistryLocation: RepositoryFinder.Repository]
  ) async throws -> [Part] {
    let search = UntaggedSearch(registries, executor: executor, takesReferrers: true)
    let found = try await search.images(in: places, carriesTags: true)
    return try await executor.mapConcurrently(found) { reference in
      let location = RegistryLocation(host: reference.host, path: reference.repository)
      var part = Part()
      try add(
        RepositoryFinder.Tag(name: reference.identifier), reference, of: repositories[location], to: &part)
      return part
    }
  }

  /// What of a location could not be read. That of a repository whose tags were listed nobody could say what lies below
  /// it is no failure, and told.
  private func judged(
    _ location: RegistryLocation, _ found: RepositoryFinder.Found, isRepository: Bool
  ) -> [ImageFailure] {
    var failures = found.failures + found.leftOut
    if let error = found.unread {
      if isRepository {
        settings.observer.note(.catalogHidden(location, error: error))
      } else {
        failures.append(ImageFailure(image: location.description, error: error))
      }
    }
    return failures
  }

  private func read(
    _ repository: RepositoryFinder.Repository, by finder: RepositoryFinder
  ) throws -> Part {
    let location = repository.location
    do {
      let found = try finder.tags(of: repository)
      var part = Part(failures: found.failures)
      if showsUntagged {
        part.place = finder.untaggedPlace(repository, found)
        part.failures += ImageQuery.unusable(found.untagged, at: location)
      }
      if let failure = found.notShown { settings.observer.note(.unreadable(failure)) }
      if let error = found.unusable.error(in: .tags(of: location.path), of: location.host) {
        part.failures.append(ImageFailure(image: location.description, error: error))
      }
      if found.tags.isEmpty, part.failures.isEmpty, part.place?.mayHaveUntagged != true,
        [.named, .asked].contains(repository.origin)
      {
        settings.observer.note(
          .noTags(repository: location.description, isUnknownByName: found.isUnknownByName))
      }
      for tag in found.tags {
        try Task.checkCancellation()
        let reference = Reference(host: location.host, repository: location.path, tag: tag.name)
        try add(tag, reference, of: repository, to: &part)
      }
      return part
    } catch {
      try Task.checkCancellation()
      return Part(failures: [ImageFailure(image: location.description, error: error)])
    }
  }

  private func add(
    _ found: RepositoryFinder.Tag, _ reference: Reference, of repository: RepositoryFinder.Repository?,
    to part: inout Part
  ) throws {
    var tag = found
    do {
      if isDetailed, tag.size == nil { try measure(&tag, reference) }
    } catch {
      try Task.checkCancellation()
      part.failures.append(ImageFailure(image: reference.description, error: error))
    }
    part.images.append(
      ListedImage(
        reference: reference, size: tag.size, updated: tag.updated, imageID: tag.imageID,
        description: repository?.listed?.description, isPublic: repository?.listed?.isPublic,
        isReadOnly: repository?.listed?.isReadOnly, isSchema1: tag.isSchema1,
        unknownType: tag.unknownType))
  }

  /// Reads an image's manifests for its size, and its first config for its date.
  private func measure(_ tag: inout RepositoryFinder.Tag, _ reference: Reference) throws {
    let client = try registries.client(host: reference.host, repository: reference.repository)
    let search = OpaqueSearch(client, repository: reference.repository)
    let root = try search.complete(client.manifest(tag.name, of: reference.repository))
    tag.isSchema1 = false
    if case .opaque = root.content { tag.unknownType = root.mediaType }
    if case .schema1(let manifest) = root.content {
      tag.isSchema1 = true
      tag.size =
        try manifest.blobs.map { try client.blobSize($0, in: reference.repository) ?? 0 }
        .saturatingSum() + Int64(root.bytes.count)
      return
    }
    let tree = try ImageTree(root: root.descriptor) { descriptor in
      descriptor.digest == root.digest ? root : try search.manifest(descriptor)
    }
    tag.size = tree.size
    let first = tree.configs.first {
      $0.mediaType.isImageConfig && $0.size <= Int64(Manifest.sizeLimit)
    }
    guard let first else { return }
    let config = try client.smallBlob(first, of: reference.repository)
    tag.updated = try? ImageConfig(bytes: config).created
  }
}

/// One tag of a listing and what is known of it.
public struct ListedImage: Sendable {
  public let reference: Reference
  /// Of all it consists of, in bytes.
  public let size: Int64?
  /// When it was made or last pushed, in ISO 8601.
  public let updated: String?
  /// Docker's identifier of the image, where the registry tells it.
  public let imageID: String?
  /// Its repository's Markdown, as its owner wrote it.
  public let description: String?
  public let isPublic: Bool?
  public let isReadOnly: Bool?
  /// Whether it is one of Docker's schema 1, which few registries take any more; nil where nobody looked.
  public let isSchema1: Bool?
  /// The type of its manifest, where somebody looked and Ferry does not know it.
  public let unknownType: MediaType?
}
