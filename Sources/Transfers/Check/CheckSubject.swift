public import Digests
public import Images
import Layouts

/// What a check holds against a registry: archives or receipts, open and read.
public struct CheckSubject: Sendable {
  /// One file that was named.
  public struct File: Sendable {
    public let path: String
    /// The archive digest; nil for a receipt.
    public let digest: Digest?
  }

  public let files: [File]
  /// What must be among the images; nil where nobody said.
  public let list: ListedReferences?
  /// Images that archives were to hold and do not: they failed when these were made.
  public let lacking: [String]
  /// What archives list beside images, and no registry takes under a name.
  public let strangers: [ImageFailure]
  /// Whether what refers to images is looked at, and how it is listed.
  let takesReferrers: Bool
  /// Of the list that was given, what no file has; nil where none was.
  public private(set) var unlisted: [Reference]?
  /// All names that the files give images, chosen or not.
  private(set) var names: [ListedName]
  let content: Content

  /// The same, where the images of `indexes`, by their repositories and digests, are also known by the indexes that list them.
  func known(by indexes: [RepositoryContent: Digest]) -> CheckSubject {
    guard !indexes.isEmpty else { return self }
    var subject = self
    subject.names = names.map { name in
      let repository = name.reference.repositoryName
      let found = name.digests.compactMap { indexes[RepositoryContent(repository: repository, digest: $0)] }
      return ListedName(reference: name.reference, digests: name.digests.union(found))
    }
    subject.unlisted = list?.missing(from: subject.names)
    return subject
  }

  enum Content: Sendable {
    case archives(ImportedArchives, [SelectedImage])
    /// The images chosen, each with the receipt that has it.
    case receipts([Receipt], [(path: String, receipt: Receipt, image: ReceivedImage)])
  }

  /// The registries that the images came from.
  public var hosts: Set<String> {
    switch content {
    case .archives(_, let selected): Set(selected.compactMap(\.image.reference?.host))
    case .receipts(_, let images): Set(images.compactMap { try? Reference(anyTag: $0.image.source).host })
    }
  }

  /// Whether its files are archives, of which no layer that lies in a file is read unless an import may have changed it.
  public var isOfArchives: Bool { if case .archives = content { true } else { false } }

  /// Whether the archives come through pipes, so that all of them was read.
  public var isReadThrough: Bool {
    if case .archives(let archives, _) = content { archives.areReadThrough } else { false }
  }

  /// The archives that receipts speak of, or that are named themselves, as a receipt names them.
  var receiptArchives: [Receipt.Archive] {
    switch content {
    case .archives(let archives, _):
      archives.named.map { Receipt.Archive(name: Receipt.name(of: $0.path), digest: $0.digest) }
    case .receipts(let receipts, _): receipts.flatMap(\.archives)
    }
  }
}

/// The first step of a check: its files are opened and what they say is proved, as an import does before it asks anything.
/// No layer is read.
public struct CheckOpening: Sendable {
  private let request: CheckRequest
  private let observer: any TransferObserver
  private let executor: BlockingExecutor

  /// Throws ``TransferError/noThread(code:)``.
  public init(_ request: CheckRequest, settings: TransferSettings) throws {
    self.request = request
    observer = settings.observer
    executor = try BlockingExecutor(width: settings.jobs)
  }

  /// Throws for archives that are damaged, as far as can be told without reading layers, or not the one expected, for
  /// receipts that are none, and ``TransferError/notInArchive(name:near:)``.
  @concurrent
  public func open() async throws -> CheckSubject {
    switch request.evidence {
    case .archives(let inputs): try await open(inputs)
    case .receipts(let paths): try await executor.run { try open(paths) }
    }
  }

  private func open(_ inputs: [ArchiveInput]) async throws -> CheckSubject {
    // Which destination plays no part yet.
    let intake = request.intake(
      of: inputs, mapping: NameMapping(destination: RegistryLocation(host: "localhost")))
    let opening = ArchiveOpening(
      intake, keepGoing: false, offersWays: false, isSending: false, readsPipes: true, observer: observer,
      executor: executor)
    let archives = try await opening.open()
    let selected = try await executor.run {
      try ImageSelection(intake, keepGoing: false, offersWays: false).select(from: archives)
    }
    for note in selected.notes { observer.note(note) }
    let names = archives.layouts.flatMap { layout in
      archives.images(of: layout).compactMap { image in
        image.reference.map {
          ListedName(
            reference: $0,
            digests: Set(
              [image.digest, image.convertedFrom, layout.indexDigest(of: image)].compactMap(\.self)))
        }
      }
    }
    let held = Set(names.map(\.reference.description))
    let globs = request.images.compactMap { Glob($0) }
    let lacking = Set(archives.layouts.flatMap { $0.missingImages.map(\.image) }).subtracting(held).filter {
      name in
      let plain = String(name.drop { $0 != "/" }.dropFirst())
      return globs.isEmpty || globs.contains { $0.matches(name) || $0.matches(plain) }
    }
    return CheckSubject(
      files: archives.named.map { CheckSubject.File(path: $0.path, digest: $0.digest) }, list: request.list,
      lacking: lacking.sorted(), strangers: selected.strangers, takesReferrers: request.takesReferrers,
      unlisted: request.list?.missing(from: names), names: names,
      content: .archives(archives, selected.images))
  }

  private func open(_ paths: [String]) throws -> CheckSubject {
    let wanted = try request.images.map { text in
      guard let glob = Glob(text) else { throw MalformedGlob(pattern: text) }
      return glob
    }
    var unmatched = Set(wanted)
    var receipts: [Receipt] = []
    var images: [(path: String, receipt: Receipt, image: ReceivedImage)] = []
    var names: [ListedName] = []
    for path in paths {
      let receipt = try Receipt.read(path: path)
      receipts.append(receipt)
      for image in receipt.images {
        try Task.checkCancellation()
        let listed = image.listed
        let matching = wanted.filter { listed.isNamed(by: $0) }
        unmatched.subtract(matching)
        if let reference = listed.reference {
          names.append(
            ListedName(
              reference: reference,
              digests: Set([listed.root.digest, image.schema1Digest, image.indexDigest].compactMap(\.self))))
        }
        guard wanted.isEmpty || !matching.isEmpty, request.takesReferrers || !listed.looksLikeReferrer else {
          continue
        }
        images.append((path, receipt, image))
      }
    }
    if let missing = unmatched.first {
      throw TransferError.notInArchive(
        name: missing.pattern, near: nearNames(to: missing.pattern, among: names.map(\.reference.description))
      )
    }
    guard !images.isEmpty else { throw TransferError.nothingToImport(archives: paths) }
    return CheckSubject(
      files: paths.map { CheckSubject.File(path: $0, digest: nil) }, list: request.list, lacking: [],
      strangers: [], takesReferrers: request.takesReferrers, unlisted: request.list?.missing(from: names),
      names: names,
      content: .receipts(receipts, images))
  }
}

extension ReceivedImage {
  /// The image as its archive had it.
  var listed: LayoutImage {
    let digest = archiveDigest ?? digest
    let type = parts.first { $0.digest == digest }?.mediaType ?? .ociManifest
    return LayoutImage(
      reference: try? Reference(anyTag: source), name: source,
      root: Descriptor(mediaType: type, digest: digest, size: 0))
  }

  /// The manifests among its parts, as far as their types tell, and its own.
  var manifests: [Descriptor] { blobs.filter { $0.mediaType.isManifest || $0.digest == digest } }
}
