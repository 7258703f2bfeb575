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

  /// What a query comes to.
  struct Expansion: Sendable {
    var images: [Reference] = []
    /// What of it could not be listed.
    var failures: [ImageFailure] = []
    /// Entries of the registry's lists that name nothing which can be asked for: they stop nothing else.
    var leftOut: [ImageFailure] = []
    /// The repositories that were listed, where manifests without a tag are wanted.
    var places: [UntaggedPlace] = []
  }

  /// The images this names, asking the registry for tags and repositories where they are wanted, and what
  /// of it could not be listed. What has no tag is for ``UntaggedSearch``. Blocks.
  func expand(
    _ registries: Registries, takesUntagged: Bool, observer: any TransferObserver
  ) throws -> Expansion {
    switch self {
    case .image(let reference):
      guard reference.tag == nil, reference.digest == nil else { return Expansion(images: [reference]) }
      observer.note(.latestAssumed(reference))
      return Expansion(images: [reference.with(tag: Reference.defaultTag)])
    case .tags(let reference, let selector):
      return try Self.tags(of: reference, selector, registries, takesUntagged: takesUntagged, observer)
    case .repositories(let location, let selector):
      return try Self.images(
        below: location, selector, RepositoryFinder(registries: registries), takesUntagged: takesUntagged,
        observer)
    }
  }

  private static func tags(
    of reference: Reference, _ selector: TagSelector, _ registries: Registries, takesUntagged: Bool,
    _ observer: any TransferObserver
  ) throws -> Expansion {
    guard reference.tag == nil, reference.digest == nil else {
      throw TransferError.selectorOnTag(reference.description)
    }
    let client = try registries.client(host: reference.host, repository: reference.repository)
    let list = client.tagList(of: reference.repository)
    if let failure = list.failure { throw failure }
    let selected = list.names.filter(selector.selects)
    var leftOut = leftOut(list.unusable, selector, of: reference.host, reference.repository)
    let place = UntaggedPlace(
      RegistryLocation(host: reference.host, path: reference.repository), listed: list.untagged?.digests,
      tags: list.names)
    if takesUntagged { leftOut += unusable(list.untagged, at: place.location) }
    guard !selected.isEmpty || takesUntagged && place.mayHaveUntagged else {
      if let only = leftOut.first { throw only.error }
      if takesUntagged { note([place], observer) }
      throw TransferError.noTagSelected(repository: reference.repositoryName, total: list.names.count)
    }
    return Expansion(
      images: selected.map(reference.with(tag:)), leftOut: leftOut, places: takesUntagged ? [place] : [])
  }

  /// Tells, where nothing is exported that could tell it, which registries do not list what has no tag.
  private static func note(_ places: [UntaggedPlace], _ observer: any TransferObserver) {
    let hosts = UntaggedPlace.unlistedHosts(places)
    if !hosts.isEmpty { observer.note(.untaggedUnlisted(hosts: hosts)) }
  }

  /// That a repository's list of manifests without a tag has what is no digest.
  static func unusable(_ untagged: UntaggedManifests?, at place: RegistryLocation) -> [ImageFailure] {
    let error = untagged?.unusable.error(in: .tags(of: place.path), of: place.host)
    return error.map { [ImageFailure(image: place.description, error: $0)] } ?? []
  }

  /// That a repository's list has entries that are selected and name nothing which can be asked for.
  private static func leftOut(
    _ unusable: UnusableNames, _ selector: TagSelector, of host: String, _ repository: String
  ) -> [ImageFailure] {
    let error = unusable.selected(by: selector.selects).error(in: .tags(of: repository), of: host)
    return error.map { [ImageFailure(image: "\(host)/\(repository)", error: $0)] } ?? []
  }

  private static func images(
    below location: RegistryLocation, _ selector: TagSelector, _ finder: RepositoryFinder,
    takesUntagged: Bool, _ observer: any TransferObserver
  ) throws -> Expansion {
    let found = try finder.repositories(below: location)
    var all = Expansion(failures: found.failures, leftOut: found.leftOut)
    if let error = found.unread {
      all.failures.append(ImageFailure(image: location.description, error: error))
    }
    if let error = found.hidden {
      // What lies below was asked for, and cannot be looked for.
      all.failures.append(
        ImageFailure(image: location.description, error: TransferError.catalogHidden(location, error)))
    }
    for repository in found.repositories {
      let place = repository.location
      do {
        let tags = try finder.tags(of: repository)
        guard tags.failures.isEmpty else {
          // Of a repository whose list is not whole nothing is taken, as if it were all.
          all.failures += tags.failures
          continue
        }
        if let failure = tags.notShown { observer.note(.unreadable(failure)) }
        let untagged = takesUntagged ? finder.untaggedPlace(repository, tags) : nil
        if let untagged {
          all.places.append(untagged)
          all.leftOut += unusable(tags.untagged, at: place)
        }
        if tags.tags.isEmpty, repository.origin == .named, untagged?.mayHaveUntagged != true {
          observer.note(.noTags(repository: place.description, isUnknownByName: tags.isUnknownByName))
        }
        all.leftOut += leftOut(tags.unusable, selector, of: place.host, place.path)
        all.images += tags.tags.map(\.name).filter(selector.selects).map {
          Reference(host: place.host, repository: place.path, tag: $0)
        }
      } catch {
        try Task.checkCancellation()
        all.failures.append(ImageFailure(image: place.description, error: error))
      }
    }
    if all.images.isEmpty, all.failures.isEmpty, !all.places.contains(where: \.mayHaveUntagged) {
      if let only = all.leftOut.first { throw only.error }
      note(all.places, observer)
      throw TransferError.nothingSelectedBelow(location, repositories: found.repositories.count)
    }
    return all
  }
}
