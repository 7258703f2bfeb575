import Digests
import Images
import Registry

/// A repository, and what is known of the manifests that may be there without a tag.
struct UntaggedPlace: Sendable {
  let location: RegistryLocation
  /// Those that the registry lists; nil where it lists none.
  let listed: Set<Digest>?
  /// Tags, and digests of indexes that stay behind, of which it is not known yet what they name.
  private(set) var unsettled: Set<String>
  /// What is carried, as images of their own or with them.
  private(set) var carried: Set<Digest> = []
  /// What stays behind on purpose, and whatever refers to it with it.
  private(set) var left: Set<Digest> = []
  /// What something refers to that has a tag, and which may be there without one.
  private(set) var subjects: Set<Digest> = []

  init(_ location: RegistryLocation, listed: Set<Digest>?, tags: [String]) {
    self.location = location
    self.listed = listed
    unsettled = Set(tags)
    subjects = Set(tags.compactMap { ReferrerTag($0)?.subject })
  }

  /// The registries among them that do not list all that they have.
  static func unlistedHosts(_ places: [UntaggedPlace]) -> [String] {
    Set(places.filter { $0.listed == nil }.map(\.location.host)).sorted()
  }

  /// Whether there is anything to look for.
  var mayHaveUntagged: Bool { listed?.isEmpty == false || !subjects.isEmpty }

  /// Which of the manifests may belong to nothing that is carried or left.
  var candidates: Set<Digest> { (listed ?? []).union(subjects).subtracting(carried).subtracting(left) }

  /// What was unsettled consists of these, none of which is an image without a tag.
  mutating func settle(_ identifier: String, _ manifests: Set<Digest>, subject: Digest?, isCarried: Bool) {
    unsettled.remove(identifier)
    if isCarried { carried.formUnion(manifests) } else { left.formUnion(manifests) }
    if let subject { subjects.insert(subject) }
  }

  /// These manifests are carried, and those stay behind.
  mutating func carry(_ manifests: Set<Digest>, leaving others: Set<Digest>) {
    carried.formUnion(manifests)
    left.formUnion(others.subtracting(manifests))
  }

  /// An image of it is exported.
  mutating func settle(_ image: ExportImage) {
    if let tag = image.reference.tag { unsettled.remove(tag) }
    let trees = [image.tree] + image.referrers.map(\.tree)
    carried.formUnion(trees.flatMap(\.manifests).map(\.digest))
    carried.insert(image.digest)
    subjects.formUnion(trees.compactMap(\.subject))
    left.formUnion(image.leftOut.map(\.digest))
    unsettled.formUnion(
      image.leftOut.filter { $0.mediaType.isIndex && $0.digest != image.top }.map(\.digest.description))
    left.formUnion(image.referrersLeft.filter { $0.reason != .otherSubject }.compactMap(\.digest))
  }
}

/// Finds the manifests of repositories that no tag names and that belong to nothing that has one, as far as their registries
/// show them: by a list of manifests, as Google's registries give one beside the tags, and by what refers to them. No such
/// image is what an index lists, or what its registry lists as a referrer of something that is carried.
///
/// What cannot be told of a manifest speaks for it: rather too much is carried than too little.
struct UntaggedSearch: Sendable {
  private let registries: Registries
  private let executor: BlockingExecutor
  private let takesReferrers: Bool

  /// How many manifests are asked for, of one repository, besides those that its registry lists.
  private static let mostAsked = 20_000

  init(_ registries: Registries, executor: BlockingExecutor, takesReferrers: Bool) {
    self.registries = registries
    self.executor = executor
    self.takesReferrers = takesReferrers
  }

  /// The images without a tag, by their digests, in the order of their names. What unsettled tags name is looked at where
  /// that may matter, and in any case with `carriesTags`: it is carried then, and stays behind otherwise. Throws when the task is cancelled, and
  /// ``TransferError/tooManyReferrers(most:deepest:)``.
  func images(in places: [UntaggedPlace], carriesTags: Bool) async throws -> [Reference] {
    var places = places
    let tags = places.indices.flatMap { place in
      carriesTags || !places[place].candidates.isEmpty
        ? places[place].unsettled.sorted().map { (place, $0) } : []
    }
    let trees = try await executor.mapConcurrently(tags) { [places] place, tag in
      try tree(below: tag, in: places[place].location)
    }
    for ((place, tag), tree) in zip(tags, trees) {
      places[place].settle(tag, tree.manifests, subject: tree.subject, isCarried: carriesTags)
    }
    var found: [Reference] = []
    for place in places where !place.candidates.isEmpty { found += try await images(in: place) }
    return found.sorted()
  }

  /// What one manifest points at.
  private struct Links: Sendable {
    var children: Set<Digest> = []
    var subject: Digest?
  }

  private func images(in place: UntaggedPlace) async throws -> [Reference] {
    let found = try await links(in: place)
    let children = found.values.reduce(into: Set<Digest>()) { $0.formUnion($1.children) }
    let roots = found.filter { !children.contains($0.key) }
    let subjects = Set(roots.values.compactMap(\.subject)).filter {
      place.carried.contains($0) || found[$0] != nil
    }
    let lists = try await executor.mapConcurrently(takesReferrers ? Array(subjects) : []) {
      try listed(for: $0, in: place.location)
    }
    let referrers = lists.reduce(into: Set<Digest>()) { $0.formUnion($1) }
    return roots.compactMap { digest, links in
      if let subject = links.subject {
        let isLeft = place.left.contains(subject) && !place.carried.contains(subject)
        guard takesReferrers, !isLeft, !referrers.contains(digest) else { return nil }
      }
      return Reference(host: place.location.host, repository: place.location.path, digest: digest)
    }
  }

  /// What the candidates point at, and what these refer to that is there.
  private func links(in place: UntaggedPlace) async throws -> [Digest: Links] {
    let listed = place.listed ?? []
    var links: [Digest: Links] = [:]
    var asked: Set<Digest> = place.carried.union(place.left)
    var waiting = place.candidates
    while !waiting.isEmpty {
      asked.formUnion(waiting)
      guard asked.count - place.carried.count - place.left.count <= listed.count + Self.mostAsked else {
        throw TransferError.tooManyReferrers(most: Self.mostAsked, deepest: ReferrerFinder.deepest)
      }
      let digests = waiting.sorted()
      let answers = try await executor.mapConcurrently(digests) {
        try self.links(of: $0, in: place.location, isListed: listed.contains($0))
      }
      waiting = []
      for (digest, answer) in zip(digests, answers) {
        guard let answer else { continue }
        links[digest] = answer
        if let subject = answer.subject, !asked.contains(subject) { waiting.insert(subject) }
      }
    }
    return links
  }

  /// nil for what nobody lists and is not there. Blocks.
  private func links(of digest: Digest, in place: RegistryLocation, isListed: Bool) throws -> Links? {
    do {
      let client = try registries.client(host: place.host, repository: place.path)
      guard let manifest = try client.manifestIfPresent(digest.description, of: place.path) else {
        // Whoever takes it is told.
        return isListed ? Links() : nil
      }
      return Links(children: Set(manifest.children.map(\.digest)), subject: manifest.subject?.digest)
    } catch {
      try Task.checkCancellation()
      return Links()
    }
  }

  /// The manifests that an image consists of, as far as they can be had, and what it refers to. Blocks.
  private func tree(
    below top: String, in place: RegistryLocation
  ) throws -> (manifests: Set<Digest>, subject: Digest?) {
    var manifests: Set<Digest> = []
    var subject: Digest?
    var waiting = [top]
    while let identifier = waiting.popLast(), manifests.count <= Self.mostAsked {
      try Task.checkCancellation()
      let client = try registries.client(host: place.host, repository: place.path)
      guard let manifest = try? client.manifest(identifier, of: place.path) else { continue }
      if identifier == top { subject = manifest.subject?.digest }
      manifests.insert(manifest.digest)
      for child in manifest.children where manifests.insert(child.digest).inserted {
        if child.mediaType.isIndex { waiting.append(child.digest.description) }
      }
    }
    try Task.checkCancellation()
    return (manifests, subject)
  }

  /// What the registry lists for a manifest. Blocks.
  private func listed(for subject: Digest, in place: RegistryLocation) throws -> Set<Digest> {
    do {
      let client = try registries.client(host: place.host, repository: place.path)
      return Set(try client.referrers(of: subject, in: place.path)?.manifests.map(\.digest) ?? [])
    } catch {
      try Task.checkCancellation()
      return []
    }
  }
}
