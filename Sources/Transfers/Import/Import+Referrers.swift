import Digests
import Images
import Registry

extension Import {
  /// How many times a list that others write at the same time is written again.
  private static let mostWrites = 3

  /// Looks at `present`, which is under the tag of the list that `image` is, and is not it: a list that has all of this
  /// one's referrers, or will get them. nil when it is no list.
  func lookAtList(_ image: ImportImage, present: Manifest) -> ImportImage? {
    guard image.referral?.tag == .list, let root = image.tree.manifests.last,
      let own = try? ReferrersList(root), let there = try? ReferrersList(present)
    else { return nil }
    var image = image
    if own.digests.isSubset(of: there.digests) {
      image.state = .included(present.digest)
      image.list = present.descriptor
    } else {
      image.state = .extends(present.digest)
    }
    return image
  }

  /// Throws when all that `image` refers to is among the lost ones.
  func expectSubject(of image: ImportImage, in index: SubjectIndex, without lost: Set<String>) throws {
    let subjects = index.subjects(of: image)
    guard let first = subjects.first, subjects.allSatisfy(lost.contains) else { return }
    throw TransferError.subjectFailed(first)
  }

  /// Adds the image's list of referrers to the one that is there, and returns what became of it.
  func extendList(_ image: ImportImage, _ root: Manifest, _ client: RegistryClient) throws -> Descriptor? {
    let own = try ReferrersList(root)
    try extendList(at: image.target, client) { $0.add(own) }
    return try listManifest(at: image.target, client)?.descriptor
  }

  /// Sees that the destination lists what refers to something: by itself, where it has the referrers API, else
  /// under the tag that stands in for it. What could not be listed, by image.
  func list(_ referred: [ReferredManifests]) async throws -> [ImageFailure] {
    guard request.takesReferrers else { return [] }
    let failures = try await executor.mapConcurrently(referred) { referred -> [ImageFailure] in
      do {
        try list(referred.manifests, under: referred.subject, in: referred.repository)
        return []
      } catch {
        guard settings.keepGoing, !Task.isCancelled else { throw error }
        return referred.images.map { ImageFailure(image: $0.source, error: error) }
      }
    }
    var known: Set<String> = []
    return failures.flatMap(\.self).filter { known.insert($0.image).inserted }
  }

  /// Each list is asked for, whatever the registry answered when it was given a manifest: some say that they list it
  /// (`OCI-Subject`) and do not.
  private func list(_ manifests: [Manifest], under subject: Digest, in repository: String) throws {
    let host = request.mapping.destination.host
    let client = try registries.client(host: host, repository: repository)
    var left = manifests
    if let listed = try client.referrers(of: subject, in: repository, isForPush: true) {
      let known = Set(listed.manifests.map(\.digest))
      left.removeAll { known.contains($0.digest) }
    }
    guard !left.isEmpty else { return }
    let tag = ReferrerTag(.list, of: subject).tag
    try extendList(at: Reference(host: host, repository: repository, tag: tag), client) { list in
      left.reduce(false) { list.add($1) || $0 }
    }
  }

  /// Reads the list under a tag, lets `change` add to it, and writes it where that said it did; then reads it
  /// back, for another client may have written it in between.
  private func extendList(
    at target: Reference, _ client: RegistryClient, _ change: (inout ReferrersList) -> Bool
  ) throws {
    for _ in 0..<Self.mostWrites {
      var list = try list(at: target, client) ?? ReferrersList()
      guard change(&list) else { return }
      let manifest = try list.manifest()
      try client.putManifest(manifest, to: target.repository, as: target.identifier)
      let readBack = try client.manifest(target.identifier, of: target.repository)
      if readBack.digest == manifest.digest { return }
    }
    var list = try list(at: target, client) ?? ReferrersList()
    guard change(&list) else { return }
    throw TransferError.listContended(target)
  }

  private func list(at target: Reference, _ client: RegistryClient) throws -> ReferrersList? {
    do {
      return try listManifest(at: target, client).map(ReferrersList.init)
    } catch let error as ManifestError {
      throw TransferError.notAReferrersList(target, error)
    }
  }

  private func listManifest(at target: Reference, _ client: RegistryClient) throws -> Manifest? {
    try client.manifestIfPresent(target.identifier, of: target.repository, isForPush: true)
  }
}
