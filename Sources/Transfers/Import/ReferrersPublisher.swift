import Digests
import Images
import Registry

/// The eighth step of an import: the destination lists what refers to something, by itself where it has the referrers
/// API, else under the tag that stands in for it.
struct ReferrersPublisher: Sendable {
  /// How many times a list that others write at the same time is written again.
  private static let mostWrites = 3

  private let destination: Destination
  private let keepGoing: Bool

  init(to destination: Destination, keepGoing: Bool) {
    self.destination = destination
    self.keepGoing = keepGoing
  }

  /// What could not be listed, by image.
  func publish(
    _ referred: [ReferredManifests], on executor: BlockingExecutor
  ) async throws -> [ImageFailure] {
    let failures = try await executor.mapConcurrently(referred) { referred -> [ImageFailure] in
      do {
        try publish(referred)
        return []
      } catch {
        guard keepGoing, !Task.isCancelled else { throw error }
        return referred.images.map { ImageFailure(image: $0.source, error: error) }
      }
    }
    var known: Set<String> = []
    return failures.flatMap(\.self).filter { known.insert($0.image).inserted }
  }

  /// Each list is asked for, whatever the registry answered when it was given a manifest: some say that they list it
  /// (`OCI-Subject`) and do not.
  private func publish(_ referred: ReferredManifests) throws {
    let client = try destination.client(for: referred.repository)
    var missing = referred.manifests
    if let listed = try client.referrers(of: referred.subject, in: referred.repository, isForPush: true) {
      let known = Set(listed.manifests.map(\.digest))
      missing.removeAll { known.contains($0.descriptor.digest) }
    }
    guard !missing.isEmpty else { return }
    let manifests = try missing.map { try $0.source.manifest($0.descriptor) }
    let tag = ReferrerTag(.list, of: referred.subject).tag
    let target = Reference(host: destination.host, repository: referred.repository, tag: tag)
    try extendList(at: target, client) { list in
      manifests.reduce(false) { list.add($1) || $0 }
    }
  }

  /// Adds the list of referrers that `image` is, with `root` as its manifest, to the one that is there, and returns what
  /// became of that.
  func extend(with image: ImportImage, _ root: Manifest) throws -> Descriptor? {
    let client = try destination.client(for: image.target.repository)
    let own = try ReferrersList(root)
    try extendList(at: image.target, client) { $0.add(own) }
    return try listManifest(at: image.target, client)?.descriptor
  }

  /// Reads the list under a tag, lets `change` add to it, and writes it where that said it did; then reads it
  /// back, for another client may have written it in between.
  private func extendList(
    at target: Reference, _ client: RegistryClient, _ change: (inout ReferrersList) -> Bool
  ) throws {
    for _ in 0..<Self.mostWrites {
      let before = try listManifest(at: target, client)
      var list = try list(before, at: target) ?? ReferrersList()
      guard change(&list) else { return }
      let manifest = try list.manifest()
      try client.putManifest(manifest, to: target.repository, as: target.identifier)
      let readBack = try client.settled(
        .manifest(repository: target.repository, identifier: target.identifier)
      ) {
        try client.manifest(target.identifier, of: target.repository)
      } isRight: {
        // What is neither the new one nor the one before is another client's.
        $0.digest != before?.digest || $0.digest == manifest.digest
      }
      if readBack.digest == manifest.digest { return }
      // It took the list, and gives the manifest itself under the tag all the same.
      if target.namesReferrers(of: readBack.digest) { throw TransferError.subjectUnderListTag(target) }
    }
    var list = try list(listManifest(at: target, client), at: target) ?? ReferrersList()
    guard change(&list) else { return }
    throw TransferError.listContended(target)
  }

  /// The list that `manifest`, which is under a tag, is; nil when there is none. A manifest under the tag of its own
  /// referrers is no list of them, be it an index: where somebody has tagged it so it stays.
  private func list(_ manifest: Manifest?, at target: Reference) throws -> ReferrersList? {
    guard let manifest else { return nil }
    guard !target.namesReferrers(of: manifest.digest) else {
      guard try destination.tagged(target) == nil else { throw TransferError.subjectUnderListTag(target) }
      return nil
    }
    do {
      return try ReferrersList(manifest)
    } catch {
      throw TransferError.notAReferrersList(target, error)
    }
  }

  private func listManifest(at target: Reference, _ client: RegistryClient) throws -> Manifest? {
    do throws(RegistryError) {
      return try client.manifestIfPresent(target.identifier, of: target.repository, isForPush: true)
    } catch {
      // Of a tag that is not there some say neither.
      try destination.expectUnlisted(target, insteadOf: error, isAbsent: false)
      return nil
    }
  }
}

extension Reference {
  /// Whether its tag is the one under which the referrers of `subject` are listed.
  fileprivate func namesReferrers(of subject: Digest) -> Bool {
    tag == ReferrerTag(.list, of: subject).tag
  }
}

extension ImportImage {
  /// The image, when it is a list of referrers, held against `present`, which is under its tag and is not it: a list that
  /// has all of this one's referrers, or will get them. nil when either is no list.
  func compared(with present: Manifest) -> ImportImage? {
    guard referral?.tag == .list, present.digest != referral?.subject,
      let root = tree.manifests.last.flatMap({ try? manifests.manifest($0) }),
      let own = try? ReferrersList(root), let there = try? ReferrersList(present)
    else { return nil }
    var image = self
    if own.digests.isSubset(of: there.digests) {
      image.state = .included(present.digest)
      image.list = present.descriptor
    } else {
      image.state = .extends(present.digest)
    }
    return image
  }
}

/// Manifests of one repository that refer to the same one (distribution-spec, "Pushing Manifests with Subject").
struct ReferredManifests: Sendable {
  let repository: String
  /// What they refer to.
  let subject: Digest
  /// Each once, and where it can be read.
  let manifests: [(descriptor: Descriptor, source: ImportManifests)]
  /// Those that they belong to.
  let images: [ImportImage]

  /// All that `images` hold that refers to something, by what it refers to.
  static func list(of images: [ImportImage]) -> [Self] {
    var manifests: [RepositoryContent: [Digest: (descriptor: Descriptor, source: ImportManifests)]] = [:]
    var owners: [RepositoryContent: [ImportImage]] = [:]
    for image in images {
      for reference in image.tree.references {
        guard let manifest = image.tree.manifests.first(where: { $0.digest == reference.manifest }) else {
          continue
        }
        let subject = RepositoryContent(repository: image.target.repository, digest: reference.subject)
        manifests[subject, default: [:]][manifest.digest] = (manifest, image.manifests)
        owners[subject, default: []].append(image)
      }
    }
    return manifests.sorted { ($0.key.repository, $0.key.digest) < ($1.key.repository, $1.key.digest) }.map {
      subject, manifests in
      ReferredManifests(
        repository: subject.repository, subject: subject.digest,
        manifests: manifests.values.sorted { $0.descriptor.digest < $1.descriptor.digest },
        images: owners[subject] ?? [])
    }
  }
}
