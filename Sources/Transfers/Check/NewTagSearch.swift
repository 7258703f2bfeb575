import Digests
public import Images
import Layouts
import Registry

/// What is at a source and not in the files of a check.
public struct NewTags: Sendable {
  /// In the order of their names.
  public let tags: [Reference]
  /// The repositories among theirs of which the files have nothing.
  public let repositories: Set<String>
  /// The places that were looked into.
  public let places: [RegistryLocation]
  /// Where it cannot be told what is new: a registry without a catalog, a list that was refused or cut.
  public let failures: [ImageFailure]
}

/// Looks for tags and repositories that a source has and the files of a check have not. Where: below the first component of
/// every repository that their images came from, a space, an organisation or a project.
struct NewTagSearch: Sendable {
  /// A repository whose tags are read.
  private struct Place: Sendable {
    let repository: RepositoryFinder.Repository
    /// Whether the files have images of it, and some of these are still there.
    let isKnown: Bool
    let hasImages: Bool
  }

  private let registries: Registries
  private let finder: RepositoryFinder
  private let executor: BlockingExecutor

  init(_ registries: Registries, executor: BlockingExecutor) {
    self.registries = registries
    finder = RepositoryFinder(registries: registries)
    self.executor = executor
  }

  /// Throws when the task was cancelled.
  func search(beside images: [SourceImage], of subject: CheckSubject) async throws -> NewTags {
    let carried = CarriedContent(subject)
    let places = Set(images.compactMap(\.reference).map(Self.place)).sorted { "\($0)" < "\($1)" }
    let found = try await executor.mapConcurrently(places) { try repositories(below: $0) }
    let looked = try await executor.mapConcurrently(
      Self.places(found.flatMap(\.repositories), beside: images, carried)
    ) { try newTags(of: $0, carried) }
    let tags = looked.flatMap(\.tags).sorted()
    return NewTags(
      tags: tags, repositories: Set(tags.map(\.repositoryName)).subtracting(carried.repositories),
      places: places, failures: found.flatMap(\.failures) + looked.flatMap(\.failures))
  }

  /// What lies beside an image: its space.
  private static func place(of image: Reference) -> RegistryLocation {
    RegistryLocation(host: image.host, path: String(image.repository.prefix { $0 != "/" }))
  }

  private func repositories(below place: RegistryLocation) throws -> RepositoryFinder.Found {
    do {
      var found = try finder.repositories(below: place)
      found.failures += found.leftOut
      if let error = found.hidden ?? found.unread {
        found.failures.append(
          ImageFailure(image: place.description, error: TransferError.catalogHidden(place, error)))
      }
      return found
    } catch {
      try Task.checkCancellation()
      return RepositoryFinder.Found(failures: [ImageFailure(image: place.description, error: error)])
    }
  }

  /// What the registries name themselves, and what the images came from, which a catalog may hide.
  private static func places(
    _ found: [RepositoryFinder.Repository], beside images: [SourceImage], _ carried: CarriedContent
  ) -> [Place] {
    var own: [RegistryLocation: Bool] = [:]
    for image in images {
      guard let reference = image.reference else { continue }
      let isThere = if case .gone = image.state { false } else { true }
      let location = RegistryLocation(host: reference.host, path: reference.repository)
      own[location] = own[location] == true || isThere
    }
    var places: [RegistryLocation: Place] = [:]
    for repository in found where repository.origin == .named {
      places[repository.location] = Place(
        repository: repository, isKnown: carried.repositories.contains(repository.location.description),
        hasImages: own[repository.location] ?? false)
    }
    for (location, isThere) in own where places[location] == nil {
      places[location] = Place(
        repository: RepositoryFinder.Repository(location: location, origin: .asked, listed: nil),
        isKnown: true, hasImages: isThere)
    }
    return places.values.sorted { "\($0.repository.location)" < "\($1.repository.location)" }
  }

  private func newTags(
    of place: Place, _ carried: CarriedContent
  ) throws -> (tags: [Reference], failures: [ImageFailure]) {
    let location = place.repository.location
    do {
      let found = try finder.tags(of: place.repository)
      let tags = try found.tags.map {
        Reference(host: location.host, repository: location.path, tag: $0.name)
      }.filter { try !carried.has($0) { try referrers(under: $0) } }
      let odd = found.unusable.error(in: .tags(of: location.path), of: location.host)
      return (
        tags, found.failures + (odd.map { [ImageFailure(image: location.description, error: $0)] } ?? [])
      )
    } catch {
      try Task.checkCancellation()
      // Of a repository of which every image is gone that is no news.
      if case RegistryError.repositoryNotFound = error, place.isKnown, !place.hasImages { return ([], []) }
      return ([], [ImageFailure(image: location.description, error: error)])
    }
  }

  /// What the list of referrers under a tag lists; nil where it is no such list, or cannot be had.
  private func referrers(under tag: Reference) throws -> Set<Digest>? {
    do {
      let client = try registries.client(host: tag.host, repository: tag.repository)
      return try ReferrersList(client.manifest(tag.identifier, of: tag.repository)).digests
    } catch {
      try Task.checkCancellation()
      return nil
    }
  }
}

/// What the files of a check have, by where it came from.
private struct CarriedContent: Sendable {
  private var tags: Set<Reference> = []
  /// The manifests of each repository.
  private var manifests: [String: Set<Digest>] = [:]
  private(set) var repositories: Set<String> = []

  init(_ subject: CheckSubject) {
    for name in subject.names {
      repositories.insert(name.reference.repositoryName)
      if let tag = name.reference.tag { tags.insert(name.reference.with(tag: tag)) }
    }
    // What could not be had is known, and said by itself.
    for name in subject.lacking {
      guard let reference = try? Reference(anyTag: name), let tag = reference.tag else { continue }
      repositories.insert(reference.repositoryName)
      tags.insert(reference.with(tag: tag))
    }
    switch subject.content {
    case .archives(_, let selected):
      for selected in selected {
        guard let repository = selected.image.reference?.repositoryName else { continue }
        manifests[repository, default: []].formUnion(selected.tree.manifests.map(\.digest))
      }
    case .receipts(_, let images):
      for (_, _, image) in images {
        guard let repository = (try? Reference(anyTag: image.source))?.repositoryName else { continue }
        manifests[repository, default: []].formUnion(image.manifests.map(\.digest))
      }
    }
  }

  /// Whether the files have the tag or, of a list of referrers, which has none of its own where a registry lists them
  /// itself, all that it lists.
  func has(_ tag: Reference, referrers: (Reference) throws -> Set<Digest>?) rethrows -> Bool {
    if tags.contains(tag) { return true }
    guard let name = tag.tag, ReferrerTag(name)?.kind == .list, let carried = manifests[tag.repositoryName],
      let listed = try referrers(tag)
    else { return false }
    return listed.isSubset(of: carried)
  }
}
