public import Digests
public import Images
import Layouts
import Registry

/// `ferry check` without a destination: are the images still at their source what archives or receipts hold, and what is
/// there that they do not?
///
///     CheckOpening   → CheckSubject
///     SourceQuestion → SourceImage    each tag, once, however many files have it
///     NewTagSearch   → NewTags        below the places that the images came from
public struct SourceComparison: Sendable {
  private let subject: CheckSubject
  private let looksForNew: Bool
  private let registries: Registries
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  /// `looksForNew`: also for what is there and not in the files. Throws ``TransferError/noThread(code:)``.
  public init(
    _ subject: CheckSubject, looksForNew: Bool, registries: Registries, settings: TransferSettings
  ) throws {
    self.subject = subject
    self.looksForNew = looksForNew
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Asks for every image. What cannot be told is among the results; throws when it is cancelled.
  @concurrent
  public func run() async throws -> SourceCheckResult {
    let indexes = try await indexes()
    let subject = subject.known(by: indexes)
    let questions = SourceQuestion.all(of: subject, in: indexes)
    settings.observer.named(questions.compactMap(\.reference))
    settings.observer.note(.resolving(images: questions.count))
    let images = try await executor.mapConcurrently(questions) { question in
      SourceImage(question, state: try ask(question))
    }
    // A source that tells of no image tells of nothing else, and asking it anew takes as long again.
    let isSilent = images.allSatisfy { if case .unknown = $0.state { true } else { false } }
    guard looksForNew, !isSilent else {
      return SourceCheckResult(subject: subject, images: images, new: nil)
    }
    let search = NewTagSearch(registries, executor: executor)
    return SourceCheckResult(
      subject: subject, images: images, new: try await search.search(beside: images, of: subject))
  }

  /// The indexes that the list names by digest and no file knows, by their repositories and what they list: of each a file may
  /// have the one platform that was exported.
  private func indexes() async throws -> [RepositoryContent: Digest] {
    let wanted = (subject.unlisted ?? []).filter { $0.digest != nil }
    let found = try await executor.mapConcurrently(wanted) { reference -> [RepositoryContent: Digest] in
      guard let digest = reference.digest else { return [:] }
      do {
        let client = try registries.client(host: reference.host, repository: reference.repository)
        let index = try client.manifest(digest.description, of: reference.repository)
        return Dictionary(
          index.children.map {
            (RepositoryContent(repository: reference.repositoryName, digest: $0.digest), digest)
          }, uniquingKeysWith: { first, _ in first })
      } catch {
        // It stays what no file has.
        try Task.checkCancellation()
        return [:]
      }
    }
    return found.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
  }

  /// Throws when the task was cancelled. Blocks.
  private func ask(_ question: SourceQuestion) throws -> SourceImage.State {
    guard let reference = question.reference else {
      let digest = question.digests.first ?? Digest(of: [])
      return .unknown(TransferError.sourceUnknown(archive: question.file, digest))
    }
    do {
      // Asked as an import asks its destination, but for the right to write there.
      let source = Destination(host: reference.host, registries: registries, isForPush: false)
      switch try source.tagged(reference) {
      case nil, .unreadable(_, .manifestNotFound): return .gone
      case .manifest(let manifest): return question.state(by: manifest)
      case .unreadable(let digest, let error):
        // What it gives is not what it says.
        guard !question.digests.contains(digest) else { return .unknown(error) }
        return .moved(digest)
      }
    } catch {
      try Task.checkCancellation()
      let refusal = RepositoryRefusal(
        error, host: reference.host, repository: reference.repository, registries: registries)
      return .unknown(refusal.map(TransferError.pullRefused) ?? error)
    }
  }
}

/// What is asked of an image's source, and what the answer should be.
struct SourceQuestion: Sendable {
  let name: String
  /// nil where its archive does not say where it came from.
  let reference: Reference?
  /// The first file that has it.
  let file: String
  /// Its digests, in the files' order: several where they differ.
  private(set) var digests: [Digest]
  /// What its source knows it by, where it was converted for its archive: one of ``digests``.
  let convertedFrom: Digest?
  /// The index that it is some platforms of, where that is known.
  let takenFrom: Digest?
  /// Everything it consists of, as the first file has it: its manifests, and its blobs.
  let manifests: [Descriptor]
  let blobs: [Descriptor]
  /// What it refers to, when it is there for that.
  let subject: Digest?
  /// Whether the first file leaves out something of it.
  var isPartial = false

  /// Every image of the files once, in the order of their names. `indexes` are known beside what the files say, by their
  /// repositories and what they list.
  static func all(of subject: CheckSubject, in indexes: [RepositoryContent: Digest]) -> [SourceQuestion] {
    var questions: [String: SourceQuestion] = [:]
    for question in each(of: subject, in: indexes) {
      // Images without a name are told apart by what they are.
      let key = question.reference?.description ?? "\(question.file) \(question.digests)"
      guard questions[key] != nil else {
        questions[key] = question
        continue
      }
      for digest in question.digests where questions[key]?.digests.contains(digest) == false {
        questions[key]?.digests.append(digest)
      }
    }
    return questions.values.sorted { ($0.name, $0.file) < ($1.name, $1.file) }
  }

  private static func each(
    of subject: CheckSubject, in indexes: [RepositoryContent: Digest]
  ) -> [SourceQuestion] {
    func index(of digest: Digest, _ reference: Reference?) -> Digest? {
      reference.flatMap { indexes[RepositoryContent(repository: $0.repositoryName, digest: digest)] }
    }
    return switch subject.content {
    case .archives(_, let selected):
      // What another image of the files has the name of is not asked for by it.
      selected.filter { $0.superseded == nil }.map { selected in
        let digest = selected.image.digest
        let from = selected.image.convertedFrom
        let index = selected.takenFrom ?? index(of: digest, selected.image.reference)
        return SourceQuestion(
          name: selected.image.label,
          reference: selected.image.reference.map { $0.naming(from ?? index, insteadOf: digest) },
          file: selected.layout.path, digests: [digest] + [from].compactMap(\.self), convertedFrom: from,
          takenFrom: index,
          manifests: selected.tree.manifests, blobs: selected.tree.blobs,
          subject: selected.referral?.subject, isPartial: !selected.tree.omitted.isEmpty)
      }
    case .receipts(_, let images):
      images.map { path, _, image in
        let listed = image.listed
        let index = image.indexDigest ?? index(of: listed.root.digest, listed.reference)
        return SourceQuestion(
          name: image.source,
          reference: listed.reference.map {
            $0.naming(image.schema1Digest ?? index, insteadOf: listed.root.digest)
          },
          file: path, digests: [listed.root.digest] + [image.schema1Digest].compactMap(\.self),
          convertedFrom: image.schema1Digest, takenFrom: index, manifests: image.blobs, blobs: [],
          subject: listed.reference?.tag.flatMap { ReferrerTag($0) }?.subject)
      }
    }
  }

  func state(by manifest: Manifest) -> SourceImage.State {
    if digests.contains(where: manifest.isNamed) { return .same }
    // A platform that was taken out of its index is what it was while the index lists it; an index of some of its platforms,
    // while it is the index that it was made of.
    if takenFrom.map(manifest.isNamed) ?? false
      || manifest.children.contains(where: { digests.contains($0.digest) })
    {
      return .listed(in: manifest.digest)
    }
    return .moved(manifest.digest)
  }
}

extension Reference {
  /// The same name for what its source has, where this names by digest what was made of it.
  fileprivate func naming(_ original: Digest?, insteadOf digest: Digest) -> Reference {
    guard let original, self.digest == digest else { return self }
    return Reference(host: host, repository: repository, tag: tag, digest: original)
  }
}

/// One image of a check, and what became of it at its source.
public struct SourceImage: Sendable {
  public enum State: Sendable {
    /// Its tag, or digest, names there what the file has.
    case same
    /// Its tag names an index that lists it: it was taken out of one by its platform.
    case listed(in: Digest)
    /// Its tag names something else now.
    case moved(Digest)
    case gone
    /// The source would not say, or nobody knows where that is.
    case unknown(any Error)

    public var isUnchanged: Bool {
      switch self {
      case .same, .listed: true
      case .moved, .gone, .unknown: false
      }
    }
  }

  public let state: State
  private let question: SourceQuestion

  init(_ question: SourceQuestion, state: State) {
    self.question = question
    self.state = state
  }

  /// Its name in the file.
  public var name: String { question.name }
  public var reference: Reference? { question.reference }
  /// As the first file has it.
  public var digest: Digest { question.digests.first ?? Digest(of: []) }
  /// What its source knows it by, where it was converted for its archive.
  public var convertedFrom: Digest? { question.convertedFrom }
  /// What it is known by: as the first file has it, before it was converted, and as the index that it is some platforms of.
  public var digests: Set<Digest> { Set([digest, convertedFrom, question.takenFrom].compactMap(\.self)) }
  /// Everything it consists of, each part once.
  public var parts: [Descriptor] { question.manifests + question.blobs }
  /// What it refers to, when it is there for that: a signature, an SBOM, an attestation.
  public var subject: Digest? { question.subject }

  /// Whether its file leaves out something of it.
  var isPartial: Bool { question.isPartial }

  /// All its parts added up, in bytes.
  public var size: Int64 { parts.map(\.size).saturatingSum() }
}

/// What a check of the source found.
public struct SourceCheckResult: Sendable {
  public let subject: CheckSubject
  /// In the order of their names.
  public let images: [SourceImage]
  /// nil when nobody looked.
  public let new: NewTags?

  /// Whether something is not as it was, or not where it should be.
  public var hasDifferences: Bool {
    let isChanged = images.contains { image in
      switch image.state {
      case .moved, .gone: true
      case .same, .listed, .unknown: false
      }
    }
    return isChanged || new?.isEmpty == false || subject.isShort
  }

  /// What could not be told.
  public var failures: [ImageFailure] {
    images.compactMap { image in
      if case .unknown(let error) = image.state { ImageFailure(image: image.name, error: error) } else { nil }
    } + subject.strangers + (new?.failures ?? [])
  }
}

extension CheckSubject {
  /// Whether its files do not hold all that they should.
  public var isShort: Bool { !lacking.isEmpty || unlisted?.isEmpty == false }
}
