public import Images
import Registry

/// `ferry list`: the repositories and tags below some locations.
public struct Listing: Sendable {
  public struct Result: Sendable {
    /// One for each tag, in the order of their names.
    public let images: [Reference]
    /// Repositories that could not be read.
    public let failures: [ImageFailure]
  }

  let locations: [RegistryLocation]
  let registries: Registries
  let settings: TransferSettings
  let executor: BlockingExecutor

  public init(_ locations: [RegistryLocation], registries: Registries, settings: TransferSettings) {
    self.locations = locations
    self.registries = registries
    self.settings = settings
    executor = BlockingExecutor(width: settings.jobs)
  }

  /// Lists every tag. A repository that cannot be read is a failure among the results; a catalog that
  /// cannot be read is thrown.
  @concurrent
  public func run() async throws -> Result {
    let found = try await executor.mapConcurrently(locations) { try repositories(below: $0) }
    let all = Set(found.flatMap(\.self)).sorted { $0.description < $1.description }
    let outcomes = try await executor.mapConcurrently(all) {
      location -> Swift.Result<[Reference], ImageFailure> in
      do {
        let client = try registries.client(host: location.host, repository: location.path)
        return .success(
          try client.tags(of: location.path).map {
            Reference(host: location.host, repository: location.path, tag: $0)
          })
      } catch {
        try Task.checkCancellation()
        settings.observer.note(.unreadableRepository(name: location.description, error: error))
        return .failure(ImageFailure(image: location.description, error: error))
      }
    }
    var images: [Reference] = []
    var failures: [ImageFailure] = []
    for outcome in outcomes {
      switch outcome {
      case .success(let tags): images += tags
      case .failure(let failure): failures.append(failure)
      }
    }
    return Result(images: images.sorted(), failures: failures)
  }

  /// The repositories of the registry that lie at or below `location`. Where a registry shows no catalog, the
  /// location is taken for a repository itself.
  private func repositories(below location: RegistryLocation) throws -> [RegistryLocation] {
    let client = try registries.client(host: location.host, repository: location.path)
    let catalog: [String]
    do { catalog = try client.catalog() } catch {
      if location.path.isEmpty { throw error }
      return [location]
    }
    return
      catalog
      .filter { location.path.isEmpty || $0 == location.path || $0.hasPrefix(location.path + "/") }
      .filter { RepositoryName.isValid($0) }
      .map { RegistryLocation(host: location.host, path: $0) }
  }
}
