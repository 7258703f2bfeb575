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
    settings.observer.note(.resolving(images: expected.count))
    let looked = try await withConversions(try await executor.mapConcurrently(expected) { try look(at: $0) })
    var images = looked.map(\.image)
    let there = images.indices.filter { images[$0].state.isRight }
    var answers = try await PartComparison(with: destination, executor: executor).ask(
      there.map { (index: $0, image: looked[$0].expected) })
    let listing = ReferrerListing(at: destination, executor: executor)
    let (unlisted, untold) = try await listing.check(there.map { looked[$0].expected })
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
      leftOut: leftOut, readBack: readBack, isForPlatforms: !request.platforms.isEmpty)
  }

  /// What was seen under an image's name.
  private struct Look: Sendable {
    var expected: ExpectedImage
    var image: DestinationImage
    /// What came under the name is not what the registry says.
    var wrongBytes: DigestError?

    /// What its name is said to stand for.
    var digest: Digest {
      if case .mismatch(let said, _) = wrongBytes { said } else { expected.digest }
    }
  }

  /// Asks for an image's name. Throws when the task was cancelled. Blocks.
  private func look(at expected: ExpectedImage) throws -> Look {
    func look(_ expected: ExpectedImage, _ state: DestinationImage.State) -> Look {
      Look(expected: expected, image: DestinationImage(expected, state: state))
    }
    do {
      switch try destination.tagged(expected.target) {
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
        return look(expected, .differs(manifest.digest))
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

  /// Where the name of an image of Docker's schema 1 is another's, that may be what `ferry import --convert-schema1` made of
  /// it: which only making it again can tell. Throws what keeps it from being made.
  private func withConversions(_ looked: [Look]) async throws -> [Look] {
    guard case .archives(let archives, let selected) = subject.content else { return looked }
    let others = looked.indices.filter { index in
      if case .differs = looked[index].image.state { looked[index].expected.isSchema1 } else { false }
    }
    let digests = Set(others.map { looked[$0].expected.digest })
    let old = selected.filter {
      digests.contains($0.tree.root.digest) && !archives.isStreamed($0.layout)
    }
    guard !old.isEmpty else { return looked }
    let made: CompressedSelection
    do {
      made = try await Schema1Converter(
        executor: executor, observer: settings.observer, memoryLimit: request.memoryLimit
      ).convert(old, in: archives)
    } catch {
      try Task.checkCancellation()
      // Of layers that are elsewhere, or wrong, it cannot be told what they become.
      return looked
    }
    let new = Dictionary(zip(old, made.selected).map { ($0.tree.root.digest, $1.tree) }) { first, _ in first }
    var looked = looked
    for index in others {
      let (expected, askedAt) = (looked[index].expected, looked[index].image.askedAt)
      guard case .differs(let present) = looked[index].image.state, let tree = new[expected.digest],
        let named = expected.becoming(tree).named(present)
      else { continue }
      looked[index].expected = named
      looked[index].image = DestinationImage(named, state: .there)
      looked[index].image.askedAt = askedAt
    }
    return looked
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
      guard let now = try destination.tagged(image.target) else { return .missing }
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
