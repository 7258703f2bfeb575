import Digests
import Images
import Registry

/// Something that images consist of, in the repository that has to have it.
struct CheckedPart: Sendable {
  let repository: String
  let descriptor: Descriptor
  /// Those that need it, by their places among the images of the check.
  fileprivate(set) var owners: [Int]
  /// Whether it is a manifest there.
  fileprivate(set) var isManifest: Bool
}

/// What a repository has of a part.
enum PartAnswer: Sendable {
  case held
  case faulty(FaultyPart.Fault)
  /// The registry would not say.
  case unknown(any Error)

  /// What an error says of the part that was asked for.
  init(_ error: any Error) {
    switch error {
    case RegistryError.wrongContent(_, _, _, let fault): self = .faulty(.wrongBytes(fault))
    case RegistryError.blobNotFound, RegistryError.manifestNotFound: self = .faulty(.missing)
    default: self = .unknown(error)
    }
  }
}

/// The parts of a check's images, and what the destination has of each.
struct PartAnswers: Sendable {
  let parts: [CheckedPart]
  private var answers: [PartAnswer]
  /// Those that are not held, by image.
  private var troubled: [Int: [Int]] = [:]

  init(_ parts: [CheckedPart], _ answers: [PartAnswer]) {
    self.parts = parts
    self.answers = answers
    for (index, answer) in answers.enumerated() { note(answer, of: index) }
  }

  /// The blobs that are held, by their places among ``parts``.
  var heldBlobs: [Int] {
    parts.indices.filter { index in
      if case .held = answers[index] { !parts[index].isManifest } else { false }
    }
  }

  /// Takes what was learnt of a part that seemed to be held.
  mutating func correct(_ index: Int, _ answer: PartAnswer) {
    answers[index] = answer
    note(answer, of: index)
  }

  private mutating func note(_ answer: PartAnswer, of index: Int) {
    if case .held = answer { return }
    for owner in parts[index].owners { troubled[owner, default: []].append(index) }
  }

  /// What an image is with these parts; `otherwise` when all of them are held.
  func state(of image: Int, otherwise: DestinationImage.State) -> DestinationImage.State {
    var (missing, wrong) = (0, 0)
    var error: (any Error)?
    for index in troubled[image] ?? [] {
      switch answers[index] {
      case .held: break
      case .faulty(.missing): missing += 1
      case .faulty(.otherSize), .faulty(.wrongBytes): wrong += 1
      case .unknown(let fault): error = error ?? fault
      }
    }
    if wrong > 0 { return .damaged(wrong) }
    if missing > 0 { return .incomplete(missing) }
    return error.map { .unknown($0) } ?? otherwise
  }

  /// What is wrong with parts, with the names of the images that need them.
  func faults(of names: [String], at host: String) -> [FaultyPart] {
    parts.indices.compactMap { index in
      guard case .faulty(let fault) = answers[index] else { return nil }
      return FaultyPart(
        repository: "\(host)/\(parts[index].repository)", descriptor: parts[index].descriptor, fault: fault,
        images: parts[index].owners.map { names[$0] })
    }
  }
}

/// A step of a check of a destination: every manifest below the names is read and hashed, and every blob asked for, with its
/// size and a byte of it. Each once in each repository, however many images share it.
struct PartComparison: Sendable {
  private let destination: Destination
  private let executor: BlockingExecutor

  init(with destination: Destination, executor: BlockingExecutor) {
    self.destination = destination
    self.executor = executor
  }

  /// Asks for the parts of `images`, each with its place among all. Throws when the task was cancelled.
  func ask(_ images: [(index: Int, image: ExpectedImage)]) async throws -> PartAnswers {
    var places: [RepositoryContent: Int] = [:]
    var parts: [CheckedPart] = []
    for (index, image) in images {
      let repository = image.target.repository
      // A list of referrers that became part of another is not there as such.
      let all = image.manifests.map { ($0, true) } + image.blobs.map { ($0, false) }
      for (part, isManifest) in all where image.listed == nil || part.digest != image.digest {
        let content = RepositoryContent(repository: repository, digest: part.digest)
        if let place = places[content] {
          parts[place].owners.append(index)
        } else {
          places[content] = parts.count
          parts.append(
            CheckedPart(repository: repository, descriptor: part, owners: [index], isManifest: isManifest))
        }
      }
    }
    parts.sort { ($0.repository, $0.descriptor.digest) < ($1.repository, $1.descriptor.digest) }
    let answers = try await executor.mapConcurrently(parts) { try ask($0) }
    return PartAnswers(answers.map(\.0), answers.map(\.1))
  }

  /// What is there of a part, which is known to be a manifest then if it is one. Throws when the task was cancelled. Blocks.
  private func ask(_ part: CheckedPart) throws -> (CheckedPart, PartAnswer) {
    do {
      if !part.isManifest {
        switch try destination.presence(of: part.descriptor, in: part.repository) {
        case .held: return (part, .held)
        case .differs: return (part, .faulty(.otherSize))
        // A receipt does not say of a type that Ferry does not know whether it is a manifest's.
        case .missing, .hollow:
          if !part.descriptor.mediaType.mayListContent { return (part, .faulty(.missing)) }
        }
      }
      let isHeld = try destination.holds(manifest: part.descriptor.digest, in: part.repository)
      var part = part
      part.isManifest = part.isManifest || isHeld
      return (part, isHeld ? .held : .faulty(.missing))
    } catch {
      try Task.checkCancellation()
      return (part, PartAnswer(error))
    }
  }
}

/// A step of a check of a destination: what refers to something is listed for it, by the registry's own list of referrers or
/// under the tag that stands in for one.
struct ReferrerListing: Sendable {
  private struct Group: Sendable {
    let repository: String
    let subject: Digest
    /// Each manifest that refers to it, with the images that have it.
    var referring: [Digest: [String]]
  }

  private let destination: Destination
  private let executor: BlockingExecutor

  init(at destination: Destination, executor: BlockingExecutor) {
    self.destination = destination
    self.executor = executor
  }

  /// What is not listed, and why that cannot be told of images, by their names. Throws when the task was cancelled.
  func check(
    _ images: [ExpectedImage]
  ) async throws -> (unlisted: [UnlistedReferrer], untold: [String: any Error]) {
    var groups: [RepositoryContent: Group] = [:]
    for image in images {
      for (manifest, subject) in image.referring {
        let key = RepositoryContent(repository: image.target.repository, digest: subject)
        groups[key, default: Group(repository: key.repository, subject: subject, referring: [:])]
          .referring[manifest, default: []].append(image.name)
      }
    }
    let order = groups.values.sorted { ($0.repository, $0.subject) < ($1.repository, $1.subject) }
    let answers = try await executor.mapConcurrently(order) { group -> Result<Set<Digest>, any Error> in
      do { return .success(try listed(for: group)) } catch {
        try Task.checkCancellation()
        return .failure(error)
      }
    }
    var unlisted: [UnlistedReferrer] = []
    var untold: [String: any Error] = [:]
    for (group, answer) in zip(order, answers) {
      switch answer {
      case .failure(let error):
        for name in group.referring.values.flatMap(\.self) { untold[name] = error }
      case .success(let listed):
        for (digest, names) in group.referring.sorted(by: { $0.key < $1.key }) where !listed.contains(digest)
        {
          unlisted.append(
            UnlistedReferrer(
              repository: "\(destination.host)/\(group.repository)", digest: digest, subject: group.subject,
              images: names))
        }
      }
    }
    return (unlisted, untold)
  }

  /// What the registry lists, or the list under a tag: as an import sees to it, either is enough.
  private func listed(for group: Group) throws -> Set<Digest> {
    let client = try destination.client(for: group.repository)
    var listed = Set(
      try client.referrers(of: group.subject, in: group.repository)?.manifests.map(\.digest) ?? [])
    guard !listed.isSuperset(of: group.referring.keys) else { return listed }
    let tag = ReferrerTag(.list, of: group.subject).tag
    if let manifest = try client.manifestIfPresent(tag, of: group.repository),
      let list = try? ReferrersList(manifest)
    {
      listed.formUnion(list.digests)
    }
    return listed
  }
}
