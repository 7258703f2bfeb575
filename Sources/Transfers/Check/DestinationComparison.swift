import Digests
import FoundationEssentials
import Images
import Registry

/// `ferry check --to`: does a destination hold what archives or receipts have, under the names that an import gives it?
///
///     CheckOpening     → CheckSubject
///     ExpectedNames    → ExpectedImage     every name, as an import finds it
///     (this)           → DestinationImage  each name asked, its manifest read and hashed
///     PartComparison   → PartAnswers       every manifest read and hashed, every blob asked for
///     ReferrerListing  → UnlistedReferrer  what refers to something is listed for it
///     ReadBack         → ReadBackResult    blobs read and hashed, where that is asked for
///     (this)                               every name once more
public struct DestinationComparison: Sendable {
  private let subject: CheckSubject
  private let request: DestinationRequest
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor
  private let destination: Destination

  /// Throws ``TransferError/noThread(code:)``.
  public init(
    of subject: CheckSubject, with request: DestinationRequest, registries: Registries,
    settings: TransferSettings
  ) throws {
    self.subject = subject
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
    destination = Destination(
      host: request.mapping.destination.host, registries: registries, isForPush: false)
  }

  /// Looks at every image. What is not right, or cannot be told, is among the results. Throws what keeps an import from
  /// naming the images, for a journal that cannot be had, and when it is cancelled.
  @concurrent
  public func run() async throws -> DestinationCheckResult {
    let (expected, imported) = try await executor.run {
      try ExpectedNames(request, registries: registries).name(subject)
    }
    settings.observer.named(expected.flatMap { [$0.target, $0.reference].compactMap(\.self) })
    settings.observer.note(.resolving(images: expected.count))
    let seen = try await withChanges(try await executor.mapConcurrently(expected) { try look(at: $0) })
    let (looked, left) = withoutLeftReferrers(seen)
    var images = looked.map(\.image)
    let there = images.indices.filter { images[$0].state.isRight }
    var answers = try await PartComparison(with: destination, executor: executor).ask(
      there.map { (index: $0, image: looked[$0].expected) })
    let listing = ReferrerListing(at: destination, executor: executor)
    // An import that leaves referrers lists nothing either.
    let (unlisted, untold) =
      subject.takesReferrers ? try await listing.check(there.map { looked[$0].expected }) : ([], [:])
    let readBack = try await self.readBack(&answers)
    for index in there {
      images[index].state = answers.state(of: index, otherwise: images[index].state)
      if images[index].state.isRight, let error = untold[images[index].name] {
        images[index].state = .unknown(error)
      }
    }
    if readBack != nil { try await lookAgain(at: &images) }
    let leftOut = try await leftOut(of: imported)
    return DestinationCheckResult(
      subject: subject, destination: request.mapping.destination, images: images,
      faults: Self.faults(of: looked) + answers.faults(of: images.map(\.name), at: destination.host),
      unlisted: unlisted,
      leftOut: leftOut, uncarried: left, readBack: readBack, isForPlatforms: !request.platforms.isEmpty)
  }

  /// What was seen under an image's name.
  fileprivate struct Look: Sendable {
    var expected: ExpectedImage
    var image: DestinationImage
    /// What came under the name is not what the registry says.
    var wrongBytes: DigestError?

    /// What its name is said to stand for, or should.
    var digest: Digest {
      if case .mismatch(let said, _) = wrongBytes { return said }
      if case .differs(let present) = image.state { return present }
      return expected.digest
    }

    /// Whether it may be there as an import changes it: another manifest is under its name, or, where that is its digest,
    /// none. Of an image of which only some platforms are looked at, nobody can tell what its layers become.
    func mayBeChanged(isForPlatforms: Bool) -> Bool {
      switch image.state {
      case .differs: image.mayBeChanged && (expected.isSchema1 || !isForPlatforms)
      case .missing:
        expected.target.tag == nil && (expected.isSchema1 || (expected.hasPlainLayers && !isForPlatforms))
      default: false
      }
    }
  }

  /// Asks for an image's name. Throws when the task was cancelled. Blocks.
  private func look(at expected: ExpectedImage) throws -> Look {
    func look(_ expected: ExpectedImage, _ state: DestinationImage.State) -> Look {
      Look(expected: expected, image: DestinationImage(expected, state: state))
    }
    do {
      switch try destination.tagged(expected.target, by: expected.digest.algorithm) {
      // What HEAD alone knows of nobody can pull.
      case nil, .unreadable(_, .manifestNotFound):
        return look(expected, .missing)
      case .unreadable(let digest, let error):
        // What it gives is not what it says.
        guard digest != expected.digest else { throw error }
        return look(expected, .differs(digest))
      case .manifest(let manifest):
        if let named = expected.named(manifest.digest) { return look(named, .there) }
        if let listed = expected.listed, let there = try? ReferrersList(manifest),
          listed.isSubset(of: there.digests)
        {
          return look(expected, .included(manifest.descriptor))
        }
        var found = look(expected, .differs(manifest.digest))
        found.image.mayBeChanged = expected.mayBecome(manifest)
        return found
      }
    } catch {
      try Task.checkCancellation()
      guard case RegistryError.wrongContent(_, _, _, let fault) = error else {
        let refusal = RepositoryRefusal(
          error, host: destination.host, repository: expected.target.repository, registries: registries)
        return look(expected, .unknown(refusal.map(TransferError.pullRefused) ?? error))
      }
      var found = look(expected, .damaged(1))
      found.wrongBytes = fault
      return found
    }
  }

  /// Images that are not there as the archives have them, as they are where an import has changed them.
  private func withChanges(_ looked: [Look]) async throws -> [Look] {
    guard case .archives(let archives, let selected) = subject.content else { return looked }
    let others = looked.indices.filter { looked[$0].mayBeChanged(isForPlatforms: !request.platforms.isEmpty) }
    guard !others.isEmpty else { return looked }
    let forms = ChangedForms(
      of: selected, in: archives, executor: executor, observer: settings.observer,
      memoryLimit: request.memoryLimit)
    let trees = try await forms.trees(of: Set(others.map { looked[$0].expected.digest }))
    let anew = try await executor.mapConcurrently(others) { index -> Look in
      let look = looked[index]
      guard let tree = trees[look.expected.digest] else { return look }
      let changed = look.expected.changed(to: tree)
      if case .missing = look.image.state {
        let new = try self.look(at: changed)
        // What is not there either way is missing as the archive has it.
        if case .missing = new.image.state { return look }
        return new
      }
      guard look.digest == changed.digest else {
        var look = look
        // What it becomes is known now, but of an image whose layers another zlib may compress otherwise.
        if tree.root.mediaType.isIndex || look.expected.isSchema1 { look.image.mayBeChanged = false }
        return look
      }
      var new = Look(expected: changed, image: DestinationImage(changed, state: .there))
      new.image.askedAt = look.image.askedAt
      return new
    }
    var looked = looked
    for (index, look) in zip(others, anew) { looked[index] = look }
    return looked
  }

  /// What is left of `looked` without what refers to images that are there converted, or as one platform of theirs: it speaks of
  /// another manifest, and an import pushes it not. That is said of each.
  private func withoutLeftReferrers(
    _ looked: [Look]
  ) -> (looked: [Look], left: [(image: String, referrer: UncarriedReferrer)]) {
    func content(_ look: Look, _ digest: Digest) -> RepositoryContent {
      RepositoryContent(repository: look.expected.target.repository, digest: digest)
    }
    var gone: [RepositoryContent: String] = [:]
    var reasons: [RepositoryContent: UncarriedReferrer.Reason] = [:]
    for look in looked where look.image.state.isRight {
      guard let old = look.expected.archiveDigest, look.expected.schema1Digest == old || look.expected.isPart
      else { continue }
      gone[content(look, old)] = look.image.name
      reasons[content(look, old)] = look.expected.isPart ? .replaced : .converted
    }
    // Under another tag it may be there as it was.
    for look in looked where look.image.state.isRight { gone[content(look, look.expected.digest)] = nil }
    guard !gone.isEmpty else { return (looked, []) }
    var left: [(image: String, referrer: UncarriedReferrer)] = []
    var kept = looked
    while true {
      let (those, others) = kept.divided { look in
        look.expected.subject.map { gone[content(look, $0)] != nil } ?? false
      }
      guard !those.isEmpty else { return (kept, left) }
      kept = others
      for look in those {
        guard let subject = look.expected.subject, let image = gone[content(look, subject)] else { continue }
        let tag = look.expected.target.tag.flatMap { ReferrerTag($0) }
        left.append(
          (
            image,
            UncarriedReferrer(
              look.expected.root, of: subject, kind: tag?.kind.artifact,
              reasons[content(look, subject)] ?? .subject)
          ))
        for manifest in look.expected.manifests where gone[content(look, manifest.digest)] == nil {
          gone[content(look, manifest.digest)] = image
        }
      }
    }
  }

  /// What is wrong with manifests under the images' names, each once for its repository.
  private static func faults(of looks: [Look]) -> [FaultyPart] {
    let wrong = Dictionary(grouping: looks.filter { $0.wrongBytes != nil }) { look in
      RepositoryContent(repository: look.expected.target.repositoryName, digest: look.digest)
    }
    return wrong.sorted { ($0.key.repository, $0.key.digest) < ($1.key.repository, $1.key.digest) }.compactMap
    { content, looks in
      guard let first = looks.first, let fault = first.wrongBytes else { return nil }
      let listed = first.expected.manifests.first { $0.digest == content.digest }
      return FaultyPart(
        repository: content.repository,
        descriptor: listed ?? Descriptor(mediaType: .ociManifest, digest: content.digest, size: 0),
        fault: .wrongBytes(fault), images: looks.map(\.expected.name))
    }
  }

  /// Reads back what was asked for of the blobs that are there; nil when nothing was.
  private func readBack(_ answers: inout PartAnswers) async throws -> ReadBackResult? {
    guard let scope = request.readBack else { return nil }
    let readBack = ReadBack(
      scope, from: destination, journal: request.journal, beside: subject.files.map(\.path),
      settings: settings, executor: executor)
    return try await readBack.run(&answers)
  }

  /// Between the first look at a name and the last byte read lie hours in which somebody may have moved it.
  private func lookAgain(at images: inout [DestinationImage]) async throws {
    let right = images.indices.filter { images[$0].state.isRight && images[$0].target.tag != nil }
    let looked = images
    let states = try await executor.mapConcurrently(right) { try lookAgain(at: looked[$0]) }
    for (index, state) in zip(right, states) {
      images[index].state = state
      images[index].askedAt = Date()
    }
  }

  /// What became of an image that was right when it was looked at. Throws when the task was cancelled. Blocks.
  private func lookAgain(at image: DestinationImage) throws -> DestinationImage.State {
    do {
      guard let now = try destination.tagged(image.target, by: image.digest.algorithm) else {
        return .missing
      }
      // What a HEAD alone tells of is what somebody remembers.
      if case .unreadable(image.digest, let error) = now { throw error }
      if case .included(let list) = image.state {
        return now.digest == list.digest ? image.state : .differs(now.digest)
      }
      return now.digest == image.digest ? image.state : .differs(now.digest)
    } catch {
      try Task.checkCancellation()
      return .unknown(error)
    }
  }

  /// Asks for what archives leave out of the images on purpose.
  private func leftOut(of images: [ImportImage]) async throws -> [OmittedContent] {
    guard case .archives(let archives, _) = subject.content, request.platforms.isEmpty else { return [] }
    let search = LeftOutSearch(at: destination, mapping: request.mapping, executor: executor)
    do {
      return try await search.find(of: images, in: archives)
    } catch {
      try Task.checkCancellation()
      // It need not be there, so this is no matter of the images'.
      let failure = ImageFailure(image: request.mapping.destination.description, error: error)
      settings.observer.note(.unreadable(failure))
      return []
    }
  }
}

extension [DestinationComparison.Look] {
  /// Those that are such, and all others.
  fileprivate func divided(by isSuch: (Element) -> Bool) -> (such: [Element], others: [Element]) {
    (filter(isSuch), filter { !isSuch($0) })
  }
}
