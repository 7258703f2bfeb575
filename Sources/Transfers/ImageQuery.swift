public import Images
import Registry

/// One line of what to export.
public enum ImageQuery: Hashable, Sendable {
  case image(Reference)
  /// Tags of one repository.
  case tags(of: Reference, TagSelector)
  /// Tags of every repository at or below a location.
  case repositories(below: RegistryLocation, TagSelector)

  /// The registry it asks.
  public var host: String {
    switch self {
    case .image(let reference), .tags(let reference, _): reference.host
    case .repositories(let location, _): location.host
    }
  }

  /// As it is spoken of in an error.
  var name: String {
    switch self {
    case .image(let reference): reference.description
    case .tags(let reference, _): reference.description
    case .repositories(let location, _): location.description
    }
  }

  /// The images this names, asking the registry for tags and repositories where they are wanted, and what
  /// of it could not be listed. Blocks.
  func expand(
    _ registries: Registries, observer: any TransferObserver
  ) throws -> (images: [Reference], failures: [ImageFailure]) {
    switch self {
    case .image(let reference):
      guard reference.tag == nil, reference.digest == nil else { return ([reference], []) }
      observer.note(.latestAssumed(reference))
      return ([reference.with(tag: Reference.defaultTag)], [])
    case .tags(let reference, let selector):
      return (try Self.tags(of: reference, selector, registries), [])
    case .repositories(let location, let selector):
      return try Self.images(
        below: location, selector, RepositoryFinder(registries: registries), observer)
    }
  }

  private static func tags(
    of reference: Reference, _ selector: TagSelector, _ registries: Registries
  ) throws -> [Reference] {
    guard reference.tag == nil, reference.digest == nil else {
      throw TransferError.selectorOnTag(reference.description)
    }
    let client = try registries.client(host: reference.host, repository: reference.repository)
    let all = try client.tags(of: reference.repository)
    let selected = all.filter(selector.selects)
    guard !selected.isEmpty else {
      throw TransferError.noTagSelected(repository: reference.repositoryName, total: all.count)
    }
    return selected.map(reference.with(tag:))
  }

  private static func images(
    below location: RegistryLocation, _ selector: TagSelector, _ finder: RepositoryFinder,
    _ observer: any TransferObserver
  ) throws -> (images: [Reference], failures: [ImageFailure]) {
    let found = try finder.repositories(below: location)
    var images: [Reference] = []
    var failures = found.failures
    if let error = found.hidden {
      // What lies below was asked for, and cannot be looked for.
      failures.append(
        ImageFailure(image: location.description, error: TransferError.catalogHidden(location, error)))
    }
    for repository in found.repositories {
      let place = repository.location
      do {
        let tags = try finder.tags(of: repository)
        guard tags.failures.isEmpty else {
          // Of a repository whose list is not whole nothing is taken, as if it were all.
          failures += tags.failures
          continue
        }
        if let failure = tags.notShown { observer.note(.unreadable(failure)) }
        if tags.tags.isEmpty, repository.origin == .named {
          observer.note(.noTags(repository: place.description, isUnknownByName: tags.isUnknownByName))
        }
        images += tags.tags.map(\.name).filter(selector.selects).map {
          Reference(host: place.host, repository: place.path, tag: $0)
        }
      } catch {
        try Task.checkCancellation()
        failures.append(ImageFailure(image: place.description, error: error))
      }
    }
    if images.isEmpty, failures.isEmpty {
      throw TransferError.nothingSelectedBelow(location, repositories: found.repositories.count)
    }
    return (images, failures)
  }
}
