import Images
import NVIDIA
import Registry

/// Finds repositories and their tags: by REST on NVIDIA's hosts, by the distribution API elsewhere. Blocks.
struct RepositoryFinder: Sendable {
  /// A repository and what its registry tells of it.
  struct Repository: Sendable {
    let location: RegistryLocation
    /// Whether the registry itself named it, so that it is there.
    let isNamed: Bool
    /// As NVIDIA's REST services know it.
    let listed: NVIDIARepository?
  }

  struct Tag: Sendable {
    let name: String
    /// In bytes.
    var size: Int64?
    /// ISO 8601.
    var updated: String?
    var imageID: String?
  }

  let registries: Registries

  /// The repositories at or below `location`, and parts of it that could not be listed.
  func repositories(
    below location: RegistryLocation
  ) throws -> (repositories: [Repository], failures: [ImageFailure]) {
    if let catalog = try registries.catalog(host: location.host, repository: location.path) {
      let found = try catalog.repositories(below: location.path)
      if found.repositories.isEmpty, found.failures.isEmpty, !location.path.isEmpty {
        throw TransferError.nothingListed(location)
      }
      return (
        found.repositories.map {
          Repository(
            location: RegistryLocation(host: location.host, path: $0.path), isNamed: true, listed: $0)
        },
        found.failures.map { ImageFailure(image: "\(location.host)/\($0.path)", error: $0.error) }
          + incomplete(location, skipped: found.skipped.count, missingPages: found.missingPages)
      )
    }
    return (try inCatalog(below: location), [])
  }

  /// A listing that is not whole is a failure: what is not listed is not exported.
  private func incomplete(
    _ location: RegistryLocation, skipped: Int, missingPages: Int
  ) -> [ImageFailure] {
    guard skipped > 0 || missingPages > 0 else { return [] }
    let error = TransferError.incompleteListing(skipped: skipped, missingPages: missingPages)
    return [ImageFailure(image: location.description, error: error)]
  }

  /// Where a registry shows no catalog, the location is taken for a repository itself.
  private func inCatalog(below location: RegistryLocation) throws -> [Repository] {
    let client = try registries.client(host: location.host, repository: location.path)
    if location.path.isEmpty, client.configuration.credential == nil,
      registries.nvidiaHosts.contains(location.host)
    {
      // NVIDIA's list by REST alone, which takes a key.
      throw RegistryError.unauthorized(
        host: location.host, repository: nil, hadCredential: false, messages: [])
    }
    let catalog: [String]
    do { catalog = try client.catalog() } catch {
      if case .transport = error { throw error }
      if location.path.isEmpty { throw error }
      return [Repository(location: location, isNamed: false, listed: nil)]
    }
    let found = catalog.filter {
      location.path.isEmpty || $0 == location.path || $0.hasPrefix(location.path + "/")
    }
    // Catalogs may hide what can be read all the same.
    guard !found.isEmpty || location.path.isEmpty else {
      return [Repository(location: location, isNamed: false, listed: nil)]
    }
    return found.map {
      Repository(location: RegistryLocation(host: location.host, path: $0), isNamed: true, listed: nil)
    }
  }

  func tags(of repository: Repository) throws -> (tags: [Tag], failures: [ImageFailure]) {
    let location = repository.location
    if let listed = repository.listed,
      let catalog = try registries.catalog(host: location.host, repository: location.path)
    {
      let found = try catalog.tags(of: listed)
      return (
        found.entries.map {
          Tag(name: $0.name, size: $0.size, updated: $0.lastModified, imageID: $0.imageID)
        }, incomplete(location, skipped: found.skipped.count, missingPages: found.missingPages)
      )
    }
    let client = try registries.client(host: location.host, repository: location.path)
    do {
      return (try client.tags(of: location.path).map { Tag(name: $0) }, [])
    } catch {
      // Some registries know no repository without tags when they are asked for its tags.
      if case .repositoryNotFound = error, repository.isNamed { return ([], []) }
      throw error
    }
  }
}
