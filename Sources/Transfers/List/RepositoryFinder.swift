import Images
import NVIDIA
import Registry
import Synchronization
import Transport

/// Finds repositories and their tags: by REST on NVIDIA's hosts, by the distribution API elsewhere. Blocks.
struct RepositoryFinder: Sendable {
  /// A repository and what its registry tells of it.
  struct Repository: Sendable {
    enum Origin: Sendable {
      /// The registry itself named it, so that it is there.
      case named
      /// It is the location asked for.
      case asked
      /// It is the location asked for beside a list that failed: it may well be a mere namespace.
      case guessed
      /// It is the location asked for, and the catalog shows only what lies below it: most likely a namespace.
      case namespace
    }

    let location: RegistryLocation
    let origin: Origin
    /// As NVIDIA's REST services know it.
    let listed: NVIDIARepository?
  }

  /// What was found at or below a location.
  struct Found: Sendable {
    var repositories: [Repository] = []
    /// Parts that could not be listed.
    var failures: [ImageFailure] = []
    /// Entries that name nothing which can be asked for.
    var leftOut: [ImageFailure] = []
    /// Why the registry shows no catalog: what lies below the location cannot be looked for.
    var hidden: RegistryError?
    /// Why nothing of the catalog that lies below the location could be read, and may be there: it may be a repository all the same.
    var unread: RegistryError?
  }

  struct Tag: Sendable {
    let name: String
    /// In bytes.
    var size: Int64?
    /// ISO 8601.
    var updated: String?
    var imageID: String?
    /// Whether it is one of Docker's schema 1; nil where nobody looked.
    var isSchema1: Bool?
    /// The type of its manifest, where somebody looked and Ferry does not know it.
    var unknownType: MediaType?
  }

  /// What was found of a repository's tags.
  struct FoundTags: Sendable {
    var tags: [Tag] = []
    /// What of them could not be listed.
    var failures: [ImageFailure] = []
    /// Entries that name nothing which can be asked for.
    var unusable = UnusableNames()
    /// The manifests that no tag names; nil where the registry lists none.
    var untagged: UntaggedManifests?
    /// Whether the registry lists the repository and then does not know its name.
    var isUnknownByName = false
    /// That a place which need not be a repository is not shown.
    var notShown: ImageFailure?
  }

  private let registries: Registries
  private let catalogs = CatalogMemory()

  init(registries: Registries) { self.registries = registries }

  /// The repositories at or below `location`, and parts of it that could not be listed.
  func repositories(below location: RegistryLocation) throws -> Found {
    if let catalog = try registries.catalog(host: location.host, repository: location.path) {
      let found = try catalog.repositories(below: location.path)
      if found.repositories.isEmpty, found.failures.isEmpty, !location.path.isEmpty {
        throw TransferError.nothingListed(location)
      }
      return Found(
        repositories: found.repositories.map {
          Repository(
            location: RegistryLocation(host: location.host, path: $0.path), origin: .named, listed: $0)
        },
        failures: found.failures.map {
          let place = RegistryLocation(host: location.host, path: $0.path)
          return ImageFailure(image: place.description, error: $0.error)
        } + incomplete(location, skipped: found.skipped.count, missingPages: found.missingPages))
    }
    return try inCatalog(below: location)
  }

  /// A listing that is not whole is a failure: what is not listed is not exported.
  private func incomplete(
    _ location: RegistryLocation, skipped: Int, missingPages: Int
  ) -> [ImageFailure] {
    guard skipped > 0 || missingPages > 0 else { return [] }
    let error = TransferError.incompleteListing(skipped: skipped, missingPages: missingPages)
    return [ImageFailure(image: location.description, error: error)]
  }

  /// Where a registry shows no catalog, the location is taken for a repository itself. A catalog that fails is
  /// none that is not shown: what was read of it is found, and the failure with it. For a repository it is a convenience:
  /// one that keeps silent, as a large one may, is asked once.
  private func inCatalog(below location: RegistryLocation) throws -> Found {
    let client = try registries.client(host: location.host, repository: location.path)
    if location.path.isEmpty, client.configuration.credential == nil,
      registries.nvidiaHosts.contains(location.host)
    {
      // NVIDIA's list by REST alone, which takes a key.
      throw RegistryError.unauthorized(
        host: location.host, repository: nil, hadCredential: client.configuration.credentialInHand,
        messages: [])
    }
    let catalog = catalogs.catalog(of: client, outlastsStalls: location.path.isEmpty)
    let below = catalog.names(below: location.path)
    var found = Found(
      repositories: below.map {
        Repository(
          location: RegistryLocation(host: location.host, path: $0), origin: .named, listed: nil)
      })
    if let failure = catalog.failure {
      try Task.checkCancellation()
      if location.path.isEmpty, below.isEmpty { throw Self.told(failure, by: client, at: location) }
      if failure.isAboutReaching { throw failure }
      if failure.meansNoCatalog, !location.path.isEmpty {
        found.hidden = failure
      } else if failure.tellsNothing || failure.isOfNoEnd && below.allSatisfy({ $0 == location.path }),
        !location.path.isEmpty
      {
        found.unread = failure
      } else {
        found.failures = [ImageFailure(image: location.description, error: failure)]
      }
    }
    let isBelow: (String) -> Bool = {
      location.path.isEmpty || $0 == location.path || $0.hasPrefix(location.path + "/")
    }
    if let error = catalog.unusable.selected(by: isBelow).error(in: .catalog, of: location.host) {
      found.leftOut = [ImageFailure(image: location.description, error: error)]
    }
    // Catalogs may hide what can be read all the same.
    let isNamed = below.contains(location.path)
    if !location.path.isEmpty, !isNamed {
      let isNamespace = !below.isEmpty && catalog.failure == nil
      let isGuess = !found.failures.isEmpty || found.unread != nil
      let origin = isNamespace ? Repository.Origin.namespace : isGuess ? .guessed : .asked
      found.repositories.append(Repository(location: location, origin: origin, listed: nil))
    }
    return found
  }

  /// The error for a whole registry whose catalog cannot be had: who is let in and shown none has to name repositories.
  private static func told(
    _ failure: RegistryError, by client: RegistryClient, at location: RegistryLocation
  ) -> any Error {
    guard failure.meansNoCatalog else { return failure }
    if case .unauthorized = failure {
      guard client.configuration.credential != nil, client.letsIn() else { return failure }
    }
    return TransferError.catalogHidden(location, failure)
  }

  /// Where to look for what has no tag, beside what was found of a repository's tags; nil where there is no repository.
  func untaggedPlace(_ repository: Repository, _ found: FoundTags) -> UntaggedPlace? {
    let isThere =
      [.named, .asked].contains(repository.origin) || !found.tags.isEmpty || found.untagged != nil
    guard isThere else { return nil }
    return UntaggedPlace(
      repository.location, listed: found.untagged?.digests, tags: found.tags.map(\.name))
  }

  /// The tags of a repository, and what of them could not be listed.
  func tags(of repository: Repository) throws -> FoundTags {
    let location = repository.location
    if let listed = repository.listed,
      let catalog = try registries.catalog(host: location.host, repository: location.path)
    {
      let found = try catalog.tags(of: listed)
      return FoundTags(
        tags: found.entries.map {
          Tag(name: $0.name, size: $0.size, updated: $0.lastModified, imageID: $0.imageID)
        }, failures: incomplete(location, skipped: found.skipped.count, missingPages: found.missingPages))
    }
    var client = try registries.client(host: location.host, repository: location.path)
    // Most namespaces are no repositories, and Harbor's token server answers 500 to a project's name.
    if repository.origin == .namespace { client = try client.withoutRetries() }
    let list = client.tagList(of: location.path)
    guard let failure = list.failure else {
      return FoundTags(
        tags: list.names.map { Tag(name: $0) }, unusable: list.unusable, untagged: list.untagged)
    }
    try Task.checkCancellation()
    switch (failure, repository.origin) {
    // Of a repository without tags some registries say that they do not know its name (distribution 2.8).
    case (.repositoryNotFound(_, _, let messages), .named)
    where !messages.isEmpty && messages.allSatisfy({ $0.code == "NAME_UNKNOWN" }):
      return FoundTags(isUnknownByName: true)
    case (.repositoryNotFound, .guessed), (.repositoryNotFound, .namespace): return FoundTags()
    case (.refused(_, 400, _), .namespace), (.refused(_, 405, _), .namespace): return FoundTags()
    // Of a namespace some say the same: what they would not show is no repository that the catalog could have shown.
    case (.transport, .namespace): break
    case (_, .namespace) where list.names.isEmpty:
      return FoundTags(notShown: ImageFailure(image: location.description, error: failure))
    default: break
    }
    if list.names.isEmpty { throw failure }
    return FoundTags(
      tags: list.names.map { Tag(name: $0) },
      failures: [ImageFailure(image: location.description, error: failure)], unusable: list.unusable,
      untagged: list.untagged)
  }
}

/// The catalogs that were read: each registry's is, once, however many places in it are looked for.
private final class CatalogMemory: Sendable {
  /// What a catalog shows, so that what lies below a place is found without a look at all else.
  struct Catalog: Sendable {
    /// In the order of their bytes, in which what lies below one place stands together.
    private let names: [String]
    let unusable: UnusableNames
    /// Why these are not all; nil when they are.
    let failure: RegistryError?

    init(_ list: NameList) {
      unusable = list.unusable
      names = list.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      failure = list.failure
    }

    /// Those at or below `path`; all of them where it is empty.
    func names(below path: String) -> [String] {
      guard !path.isEmpty else { return names }
      let start = firstIndex(from: path)
      let itself = start < names.count && names[start] == path ? [path] : []
      let below = path + "/"
      return itself + names[firstIndex(from: below)...].prefix { $0.hasPrefix(below) }
    }

    /// Where names begin that do not come before `name`.
    private func firstIndex(from name: String) -> Int {
      var range = 0..<names.count
      while !range.isEmpty {
        let middle = range.lowerBound + range.count / 2
        if names[middle].utf8.lexicographicallyPrecedes(name.utf8) {
          range = middle + 1..<range.upperBound
        } else {
          range = range.lowerBound..<middle
        }
      }
      return range.lowerBound
    }
  }

  /// By client, which is kept so that no other gets its place. The lock is held while a catalog is read.
  private let known = Mutex<[ObjectIdentifier: (client: RegistryClient, catalog: Catalog)]>([:])

  /// With `outlastsStalls` false a registry that keeps silent is not asked again.
  func catalog(of client: RegistryClient, outlastsStalls: Bool) -> Catalog {
    known.withLock { known in
      if let found = known[ObjectIdentifier(client)] { return found.catalog }
      let catalog = Catalog(client.catalogList(outlastsStalls: outlastsStalls))
      // A run that was cancelled meanwhile has not seen what there is.
      if !Task.isCancelled { known[ObjectIdentifier(client)] = (client, catalog) }
      return catalog
    }
  }
}

extension RegistryError {
  /// Whether a registry says, in answer to who it knows, that it shows no catalog: by 401, 403, 404, 405, 501, or
  /// by the code for what it does not do. Anything else is a catalog that failed.
  fileprivate var meansNoCatalog: Bool {
    switch self {
    case .unauthorized, .denied, .noUsableChallenge: true
    case .refused(_, let status, let messages):
      [404, 405, 501].contains(status) || messages.contains { $0.code == "UNSUPPORTED" }
    default: false
    }
  }

  /// Whether it says nothing of what there is: the registry, or the line, broke down before a word of it came.
  fileprivate var tellsNothing: Bool {
    switch self {
    case .overwhelmed, .refused, .transport: true
    default: false
    }
  }

  /// Whether the list goes on for longer than it is read: who asks for one repository need not hear of all others.
  fileprivate var isOfNoEnd: Bool {
    switch self {
    case .listCutShort(_, _, _, let error): error.isOfNoEnd
    case .malformedResponse(_, .tooManyNames), .malformedResponse(_, .emptyPages),
      .malformedResponse(_, .slowList):
      true
    default: false
    }
  }

  /// Whether the registry was not reached: nothing else is worth being asked.
  fileprivate var isAboutReaching: Bool {
    guard case .transport(let fault) = self else { return false }
    switch fault {
    case .stalled, .cut, .reset, .tooLarge, .tooManyRedirects, .redirectRefused: return false
    default: return true
    }
  }
}
