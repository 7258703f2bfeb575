import Digests
public import Images
import Layouts
import Registry

/// What is at a source and not in the files of a check.
public struct NewTags: Sendable {
  /// In the order of their names.
  public let tags: [Reference]
  /// By their digests, manifests that no tag names and that belong to nothing in the files, as far as registries show them;
  /// nil where the files have no such image, and nobody looked.
  public let untagged: [Reference]?
  /// The registries that do not list what no tag names; empty where nobody looked.
  public let untaggedUnlisted: [String]
  /// The repositories among theirs of which the files have nothing.
  public let repositories: Set<String>
  /// The places that were looked into.
  public let places: [RegistryLocation]
  /// Where it cannot be told what is new: a registry without a catalog, a list that was refused or cut.
  public let failures: [ImageFailure]

  public var isEmpty: Bool { tags.isEmpty && untagged?.isEmpty ?? true }
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
    var untagged: [Reference]?
    let known = looked.compactMap(\.place)
    if carried.hasUntagged {
      untagged = try await self.untagged(in: known, beside: images, carried)
    }
    let new = Set((tags + (untagged ?? [])).map(\.repositoryName))
    return NewTags(
      tags: tags, untagged: untagged,
      untaggedUnlisted: carried.hasUntagged ? UntaggedPlace.unlistedHosts(known) : [],
      repositories: new.subtracting(carried.repositories), places: places,
      failures: found.flatMap(\.failures) + looked.flatMap(\.failures))
  }

  /// What no tag names, is not in the files and belongs to nothing in them.
  private func untagged(
    in places: [UntaggedPlace], beside images: [SourceImage], _ carried: CarriedContent
  ) async throws -> [Reference] {
    var places = places
    // A tag that is what it was consists of what the files have, but for what they leave out.
    var same: [RegistryLocation: [SourceImage]] = [:]
    for image in images {
      guard case .same = image.state, !image.isPartial, let reference = image.reference, reference.tag != nil
      else { continue }
      same[RegistryLocation(host: reference.host, path: reference.repository), default: []].append(image)
    }
    for index in places.indices {
      let place = places[index].location
      places[index].carry(
        carried.manifests[place.description] ?? [], leaving: carried.omitted[place.description] ?? [])
      for image in same[place] ?? [] {
        guard let tag = image.reference?.tag else { continue }
        places[index].settle(tag, Set(image.parts.map(\.digest)), subject: image.subject, isCarried: true)
      }
    }
    let found = try await UntaggedSearch(
      registries, executor: executor, takesReferrers: carried.hasReferrers
    ).images(in: places, carriesTags: false)
    // An index all of whose manifests the files have is nothing new; nor is one of which they have some platforms.
    let isNew = try await executor.mapConcurrently(found) { reference in
      let repository = reference.repositoryName
      if let digest = reference.digest, carried.indexes[repository]?.contains(digest) == true { return false }
      let children = try children(of: reference)
      let known = (carried.manifests[repository] ?? []).union(carried.omitted[repository] ?? [])
      return children.isEmpty || !children.isSubset(of: known)
    }
    return zip(found, isNew).filter(\.1).map(\.0)
  }

  /// What an index lists; nothing, where it cannot be had.
  private func children(of reference: Reference) throws -> Set<Digest> {
    do {
      let client = try registries.client(host: reference.host, repository: reference.repository)
      return Set(try client.manifest(reference.identifier, of: reference.repository).children.map(\.digest))
    } catch {
      try Task.checkCancellation()
      return []
    }
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
  ) throws -> (tags: [Reference], place: UntaggedPlace?, failures: [ImageFailure]) {
    let location = place.repository.location
    do {
      let found = try finder.tags(of: place.repository)
      let tags = try found.tags.map {
        Reference(host: location.host, repository: location.path, tag: $0.name)
      }.filter { try !carried.has($0) { try referrers(under: $0) } }
      let odd = found.unusable.error(in: .tags(of: location.path), of: location.host)
      let untagged = carried.hasUntagged ? found.untagged?.unusable : nil
      let odder = untagged?.error(in: .tags(of: location.path), of: location.host)
      return (
        tags, finder.untaggedPlace(place.repository, found),
        found.failures
          + [odd, odder].compactMap(\.self).map { ImageFailure(image: location.description, error: $0) }
      )
    } catch {
      try Task.checkCancellation()
      // Of a repository of which every image is gone that is no news.
      if case RegistryError.repositoryNotFound = error, place.isKnown, !place.hasImages {
        return ([], nil, [])
      }
      return ([], nil, [ImageFailure(image: location.description, error: error)])
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
  /// The manifests of each repository, as its registry knows them.
  private(set) var manifests: [String: Set<Digest>] = [:]
  private(set) var repositories: Set<String> = []
  /// What of each repository they leave out on purpose.
  private(set) var omitted: [String: Set<Digest>] = [:]
  /// The images of each repository that no tag names, and that refer to none of the others.
  private(set) var untagged: [String: Set<Digest>] = [:]
  /// The indexes of each repository that images are some platforms of.
  private(set) var indexes: [String: Set<Digest>] = [:]
  /// Whether they have anything that refers to an image.
  private(set) var hasReferrers = false

  var hasUntagged: Bool { !untagged.isEmpty }

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
        guard let reference = selected.image.reference else { continue }
        let repository = reference.repositoryName
        hasReferrers = hasReferrers || selected.referral != nil
        if let index = selected.takenFrom { indexes[repository, default: []].insert(index) }
        if reference.tag == nil, selected.superseded == nil, (selected.referral?.depth ?? 0) == 0 {
          untagged[repository, default: []].insert(selected.image.digest)
        }
        let left = selected.tree.omitted.filter(\.mediaType.isManifest).map(\.digest)
        if !left.isEmpty { omitted[repository, default: []].formUnion(left) }
        manifests[repository, default: []].formUnion(
          selected.tree.manifests.map(\.digest)
            + [selected.image.digest, selected.image.convertedFrom].compactMap(\.self))
      }
    case .receipts(_, let images):
      for (_, _, image) in images {
        guard let reference = try? Reference(anyTag: image.source) else { continue }
        // Which of those by digest refer to others a receipt does not say: what no tag names is not looked for.
        manifests[reference.repositoryName, default: []].formUnion(
          image.manifests.map(\.digest) + [image.archiveDigest, image.schema1Digest].compactMap(\.self))
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
