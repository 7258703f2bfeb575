import Digests
import Images
import Registry

/// Something that images consist of, in the repository that has to have it.
struct CheckedPart: Sendable {
  let repository: String
  let descriptor: Descriptor
  /// Whether it is a manifest there.
  fileprivate(set) var isManifest: Bool
}

/// What a repository has of a part. There may be hundreds of thousands, nearly all of them held.
enum PartAnswer: Sendable {
  case held
  indirect case faulty(FaultyPart.Fault)
  /// The registry would not say.
  indirect case unknown(any Error)

  /// What an error says of the part that was asked for.
  init(_ error: any Error) {
    switch error {
    case RegistryError.wrongContent(_, _, _, let fault): self = .faulty(.wrongBytes(fault))
    case RegistryError.blobNotFound, RegistryError.manifestNotFound: self = .faulty(.missing)
    default: self = .unknown(error)
    }
  }
}

/// The parts of a check's images, each once in each repository.
struct CheckedParts: Sendable {
  /// Sorted by repository and digest.
  fileprivate(set) var parts: [CheckedPart] = []
  /// Into ``links``, for each part: the last image that needs it.
  private var last: [Int32] = []
  /// An image, by its place among all of the check, and the link of the one that needs the same part; -1 when none does.
  private var links: [(image: Int32, before: Int32)] = []

  init(of images: [(index: Int, image: ExpectedImage)]) {
    let places = Dictionary(grouping: images.indices) { images[$0].image.target.repository }
    for (repository, places) in places.sorted(by: { $0.key < $1.key }) {
      add(places.lazy.map { images[$0] }, of: repository)
    }
  }

  private mutating func add(
    _ images: some Sequence<(index: Int, image: ExpectedImage)>, of repository: String
  ) {
    var found: [PartKey: Int] = [:]
    var own: [(part: CheckedPart, last: Int32)] = []
    for (index, image) in images {
      // A list of referrers that became part of another is not there as such.
      let all = [(image.manifests, true), (image.blobs, false)]
      for (list, isManifest) in all {
        for part in list where image.listed == nil || part.digest != image.digest {
          let place = found[PartKey(part)] ?? own.count
          if place == own.count {
            found[PartKey(part)] = place
            own.append((CheckedPart(repository: repository, descriptor: part, isManifest: isManifest), -1))
          }
          // Beyond that no memory holds them; the part is looked at all the same.
          guard let link = Int32(exactly: links.count) else { continue }
          links.append((Int32(clamping: index), own[place].last))
          own[place].last = link
        }
      }
    }
    own.sort { $0.part.descriptor.digest < $1.part.descriptor.digest }
    parts += own.lazy.map(\.part)
    last += own.lazy.map(\.last)
  }

  /// The images that need a part, in the order in which they were named.
  func owners(of part: Int) -> [Int] {
    var images: [Int] = []
    var next = last[part]
    while next >= 0 {
      images.append(Int(links[Int(next)].image))
      next = links[Int(next)].before
    }
    return images.reversed()
  }
}

/// The parts of a check's images, and what the destination has of each.
struct PartAnswers: Sendable {
  private let all: CheckedParts
  private var answers: [PartAnswer]
  /// Those that are not held, by image.
  private var troubled: [Int: [Int]] = [:]

  init(_ parts: CheckedParts, _ answers: [PartAnswer]) {
    self.all = parts
    self.answers = answers
    for (index, answer) in answers.enumerated() { note(answer, of: index) }
  }

  var parts: [CheckedPart] { all.parts }

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
    for owner in all.owners(of: index) { troubled[owner, default: []].append(index) }
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
        images: all.owners(of: index).map { names[$0] })
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
    var all = CheckedParts(of: images)
    let parts = all.parts
    let answers = try await executor.mapConcurrently(Array(parts.indices)) { try ask(parts[$0]) }
    for (index, answer) in answers.enumerated() where answer.isManifest { all.parts[index].isManifest = true }
    return PartAnswers(all, answers.map(\.answer))
  }

  /// What is there of a part, and whether that is a manifest. Throws when the task was cancelled. Blocks.
  private func ask(_ part: CheckedPart) throws -> (isManifest: Bool, answer: PartAnswer) {
    do {
      if !part.isManifest {
        switch try destination.presence(of: part.descriptor, in: part.repository) {
        case .held: return (false, .held)
        case .differs: return (false, .faulty(.otherSize))
        // A receipt does not say of a type that Ferry does not know whether it is a manifest's.
        case .missing, .hollow:
          if !part.descriptor.mediaType.mayListContent { return (false, .faulty(.missing)) }
        }
      }
      let isHeld = try destination.holds(manifest: part.descriptor.digest, in: part.repository)
      return (part.isManifest || isHeld, isHeld ? .held : .faulty(.missing))
    } catch {
      try Task.checkCancellation()
      return (part.isManifest, PartAnswer(error))
    }
  }
}

/// A step of a check of a destination: what refers to something is listed for it, by the registry's own list of referrers or
/// under the tag that stands in for one. What refers to what the manifests themselves say, as the destination gave them: a
/// receipt does not tell.
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

  /// What is not listed of what the destination has of `images`, all of which it was asked for, and why that cannot be told of
  /// images, by their names. Throws when the task was cancelled.
  func check(
    _ images: [ExpectedImage]
  ) async throws -> (unlisted: [UnlistedReferrer], untold: [String: any Error]) {
    var groups: [RepositoryContent: Group] = [:]
    for image in images {
      let repository = image.target.repository
      // A receipt does not say of a type that Ferry does not know whether it is a manifest's.
      for part in image.parts {
        guard let subject = destination.subject(of: part.digest, in: repository) else { continue }
        let key = RepositoryContent(repository: repository, digest: subject)
        groups[key, default: Group(repository: repository, subject: subject, referring: [:])]
          .referring[part.digest, default: []].append(image.name)
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
