import Digests
import Files
import Images
import Layouts

/// The first step of an import: its archives are opened, and all that stands around their blobs is proved.
struct ArchiveOpening: Sendable {
  private let request: ImportRequest
  private let keepGoing: Bool
  /// Whether there is an option that takes the images that are whole.
  private let offersWays: Bool
  /// Whether what lies in them is to be sent.
  private let isSending: Bool
  /// Whether what comes through a pipe is read to its end: nobody will read it later, and what was not read is not proved.
  private let readsPipes: Bool
  private let observer: any TransferObserver
  private let executor: BlockingExecutor

  init(
    _ request: ImportRequest, keepGoing: Bool, offersWays: Bool = true, isSending: Bool = true,
    readsPipes: Bool, observer: any TransferObserver, executor: BlockingExecutor
  ) {
    self.isSending = isSending
    self.readsPipes = readsPipes
    self.observer = observer
    self.request = request
    self.keepGoing = keepGoing
    self.offersWays = offersWays
    self.executor = executor
  }

  /// Throws for an archive that is not the one expected, not signed as demanded, or damaged so that none of its images
  /// can be trusted; of several that one is put aside where the others are to be taken. What was found in a directory and
  /// turns out to be no archive is none of them, unless it may hold images.
  func open() async throws -> ImportedArchives {
    let findings = try await executor.mapConcurrently(request.archives) { try find($0) }
    var inputs: [ArchiveInput] = []
    var opened: [OpenedArchive] = []
    var failures: [(any Error, ImageFailure)] = []
    var putAside: [Layout] = []
    var passedOver = request.passedOver
    var damaged: [Digest: any Error] = [:]
    // The directories in which there was an archive.
    var fruitful: Set<String> = []
    var examined: [ObjectIdentifier: DamagedImages] = [:]
    let refused = try refused(findings)
    let taken = zip(request.archives, findings).enumerated().compactMap { index, found -> TakenArchive? in
      guard case .archive(let archive, let problems, _) = found.1, refused[index] == nil else { return nil }
      return TakenArchive(archive, problems, isReadThrough: readsPipes && found.0.comesOnce)
    }
    for (index, (input, finding)) in zip(request.archives, findings).enumerated() {
      switch finding {
      case .archive(let archive, let problems, let harm):
        examined[ObjectIdentifier(archive.layout)] = harm?.found
        var error = refused[index]
        var unsound: Unsound?
        do {
          if error == nil {
            unsound = try await executor.run { try self.unsound(problems, of: archive, among: taken) }
          }
        } catch let found where request.archives.count > 1 && found.isOfOneArchive {
          guard keepGoing else { throw offersWays ? OneArchiveFault(error: found) : found }
          error = found
        }
        if let error {
          failures.append((error, ImageFailure(image: input.path, error: error)))
          putAside.append(archive.layout)
          break
        }
        inputs.append(input)
        opened.append(archive)
        if let unsound {
          failures.append((unsound.error, ImageFailure(image: input.path, error: unsound.error)))
          damaged.merge(unsound.blobs) { first, _ in first }
        }
      case .other(let error):
        passedOver.add(input, error)
        continue
      case .broken(let error, let layout):
        failures.append((error, ImageFailure(image: input.path, error: error)))
        if let layout { putAside.append(layout) }
      }
      fruitful.insert(input.directory ?? input.path)
    }
    if opened.isEmpty, let (error, _) = failures.first { throw error }
    var fruitless: [String] = []
    for input in request.archives where !fruitful.contains(input.directory ?? input.path) {
      let directory = input.directory ?? input.path
      let error = LayoutError.noArchive(directory: directory, unread: passedOver.unread(below: directory))
      guard keepGoing, !opened.isEmpty else { throw error }
      fruitful.insert(directory)
      fruitless.append(directory)
      failures.append((error, ImageFailure(image: directory, error: error)))
    }
    let unread = passedOver.unread(besides: fruitless)
    if !unread.isEmpty, !keepGoing {
      let error = LayoutError.unread(unread)
      throw offersWays ? OneArchiveFault(error: error) : error
    }
    failures += unread.map { ($0.error, ImageFailure(image: $0.path, error: $0.error)) }
    if !passedOver.isEmpty { observer.note(.passedOver(passedOver)) }
    var archives = ImportedArchives(inputs, opened: opened)
    archives.failures = failures.map(\.1)
    archives.putAside = putAside
    archives.passedOver = passedOver
    archives.damaged = damaged
    archives.examined = examined
    archives.areReadThrough = readsPipes && inputs.allSatisfy(\.comesOnce)
    return archives
  }

  private enum Finding: Sendable {
    /// With what was found wrong with it where it was read to its end.
    case archive(OpenedArchive, [LayoutProblem], Harm?)
    /// With what says so.
    case other(any Error)
    /// With what it lists, where that can be told.
    case broken(any Error, Layout?)
  }

  /// That an archive is damaged, and what there is of its images all the same.
  private struct Harm: Sendable {
    let found: DamagedImages
    /// What stops an import that has no other archive; nil where it takes those of them that are whole.
    let error: (any Error)?
  }

  /// Of archives that cannot be taken by themselves, why they are not, by their places: where others have what they lack they are.
  /// Throws that unless it stops nothing.
  private func refused(_ findings: [Finding]) throws -> [Int: any Error] {
    var harmed: [(place: Int, layout: Layout, harm: Harm, error: any Error)] = []
    var layouts: [Layout] = []
    var found: [ObjectIdentifier: DamagedImages] = [:]
    for (place, finding) in findings.enumerated() {
      guard case .archive(let archive, _, let harm) = finding else { continue }
      layouts.append(archive.layout)
      found[ObjectIdentifier(archive.layout)] = harm?.found
      if let harm, let error = harm.error { harmed.append((place, archive.layout, harm, error)) }
    }
    guard !harmed.isEmpty else { return [:] }
    let globs = request.images.compactMap { Glob($0) }
    let copies = try WholeCopies(among: layouts, for: request.platformScope) {
      found[ObjectIdentifier($0)] ?? DamagedImages()
    }
    var isOneHad = false
    for (_, layout, harm, error) in harmed {
      let asked = layout.images.filter { image in
        (globs.isEmpty || globs.contains { image.isNamed(by: $0) })
          && request.shard?.holds(image.label) ?? true
      }
      func isHad(_ image: LayoutImage) -> Bool {
        guard let error = harm.found.absences[image.root.digest] else { return true }
        return copies.copy(of: image, in: layout, insteadOf: error) != nil
      }
      if keepGoing {
        isOneHad = isOneHad || asked.contains { harm.found.absences[$0.root.digest] != nil && isHad($0) }
      } else if !asked.allSatisfy(isHad) || asked.isEmpty && request.shard == nil
        || !ArchiveDamage(of: layout).unreadable.isEmpty
      {
        throw offersWays ? OneArchiveFault(error: error) : error
      }
    }
    return keepGoing && !isOneHad
      ? Dictionary(uniqueKeysWithValues: harmed.map { ($0.place, $0.error) }) : [:]
  }

  /// What is wrong with blobs of an archive that was read to its end, and does not stop what spares others.
  private struct Unsound: Sendable {
    let error: TransferError
    let blobs: [Digest: any Error]
  }

  private func find(_ input: ArchiveInput) throws -> Finding {
    var seen: Layout?
    do {
      let (archive, harm) = try open(input) { seen = $0 }
      return .archive(archive, readsPipes && input.comesOnce ? try readToEnd(archive) : [], harm)
    } catch  where input.isOther(error) {
      return .other(error)
    } catch  where request.archives.count > 1 && error.isOfOneArchive {
      if keepGoing { return .broken(error, seen) }
      throw offersWays ? OneArchiveFault(error: error) : error
    }
  }

  /// Reads what comes through a pipe to its end, and tells what is wrong with it.
  private func readToEnd(_ archive: OpenedArchive) throws -> [LayoutProblem] {
    if let stream = archive.stream { observer.expect(bytes: stream.blobs.map(\.size).saturatingSum()) }
    return try archive.blobProblems(telling: observer)
  }

  /// What `problems`, which showed when an archive was read to its end, leave: a run has from another of the archives that are `taken`
  /// what is not right in one. Throws for what it would stop at.
  private func unsound(
    _ problems: [LayoutProblem], of archive: OpenedArchive,
    among taken: [TakenArchive]
  ) throws -> Unsound? {
    guard !problems.isEmpty else { return nil }
    let layout = archive.layout
    let holders = try problems.map { problem -> Layout? in
      guard let blob = problem.blob, let size = layout.blobs[blob]?.size else { return nil }
      return try taken.first { try $0.layout !== layout && $0.hasRight(blob, size) }?.layout
    }
    var left = zip(problems, holders).filter { $1 == nil }.map(\.0)
    // What comes no more of a stream is had elsewhere, too, where nothing stops at its end.
    if keepGoing, archive.stream != nil, left.count < problems.count,
      left.allSatisfy({ if case .truncated = $0 { true } else { false } })
    {
      left = []
    }
    for (problem, holder) in zip(problems, holders) where left.isEmpty || keepGoing {
      guard let blob = problem.blob, let holder else { continue }
      let error = TransferError.imageNotWhole(archive: layout.path, problems: [problem], volumes: [])
      observer.note(.blobElsewhere(blob: blob, error: error, taken: holder.path))
    }
    guard !left.isEmpty else { return nil }
    let problems = left.allSatisfy { $0.blob != nil } ? left : problems
    let findings = try ArchiveDamage(of: layout, request.platformScope).findings(adding: problems)
    let isOfBlobs = problems.allSatisfy { $0.blob != nil }
    let sparesImages = isOfBlobs && ArchiveDamage(of: layout).sparesImages(findings)
    let way = offersWays && sparesImages ? WayAround.keepGoing : nil
    let error = TransferError.damaged(archive: layout.path, findings, way: keepGoing ? nil : way)
    guard keepGoing, isOfBlobs else { throw error }
    let blobs = problems.compactMap { problem in problem.blob.map { ($0, problem) } }
    return Unsound(
      error: error,
      blobs: Dictionary(blobs) { first, _ in first }.mapValues {
        TransferError.imageNotWhole(archive: layout.path, problems: [$0], volumes: [])
      })
  }

  /// `see` is given what the archive lists before that is judged.
  private func open(
    _ input: ArchiveInput, _ see: (Layout) -> Void
  ) throws -> (archive: OpenedArchive, harm: Harm?) {
    let readsTwice = request.compressesLayers || request.convertsSchema1
    let archive = try OpenedArchive.open(
      input, for: isSending ? .sending(readsTwice: readsTwice) : .look, spool: request.spool,
      temporary: request.temporary, memoryLimit: request.memoryLimit, note: { observer.note($0) })
    let layout = archive.layout
    see(layout)
    if let expected = request.expected, layout.archiveDigest != expected {
      throw TransferError.wrongArchive(path: layout.path, expected: expected, actual: layout.archiveDigest)
    }
    try request.signature?.check(archive: input.path, digest: layout.archiveDigest)
    if layout.isRepacked { observer.note(.repacked(path: layout.path)) }
    if layout.signatureCount > 0 {
      observer.note(.signaturesLeft(path: layout.path, count: layout.signatureCount))
    }
    guard !layout.problems.isEmpty else { return (archive, nil) }
    let damage = ArchiveDamage(of: layout, request.platformScope)
    // Of a stream nothing more is read once its front is wrong.
    let found = archive.stream == nil && damage.isOfParts ? try damage.examination() : nil
    let way = try found.flatMap { try damage.wayAround($0) }
    if way == .allowMissing || way == .keepGoing {
      // Whether the images that are asked for are whole is seen when they are chosen.
      let isChoosing = !request.images.isEmpty || request.platformScope != .all && damage.sparesParts
      guard !isChoosing else {
        observer.note(.takenFromDamaged(path: layout.path, problems: layout.problems.count))
        return (archive, found.map { Harm(found: $0, error: nil) })
      }
      if keepGoing || way == .allowMissing && request.allowsMissing {
        return (archive, found.map { Harm(found: $0, error: nil) })
      }
    }
    let offered = offersWays ? way : nil
    let error =
      try damage.incompleteness(offered)
      ?? .damaged(archive: layout.path, try damage.findings(), way: offered)
    // What is not right here may be in another archive.
    guard let found, isSending, request.archives.count > 1, damage.isOfKnownImages else { throw error }
    return (archive, Harm(found: found, error: error))
  }
}

/// One of the archives that are taken, as others are held against it.
private struct TakenArchive: Sendable {
  let layout: Layout
  private let wrong: Set<Digest>
  private let isStreamed: Bool
  private let isReadThrough: Bool

  init(_ archive: OpenedArchive, _ problems: [LayoutProblem], isReadThrough: Bool) {
    layout = archive.layout
    wrong = Set((archive.layout.problems + problems).compactMap(\.blob))
    isStreamed = archive.stream != nil
    self.isReadThrough = isReadThrough
  }

  /// Whether it has a blob of `size` bytes, and as it should be. What comes only once and was not read is not asked.
  func hasRight(_ blob: Digest, _ size: Int64) throws -> Bool {
    guard layout.blobs[blob]?.size == size, !wrong.contains(blob) else { return false }
    if isReadThrough { return true }
    guard !isStreamed else { return false }
    guard !layout.isSequential else {
      return try BlobReading.passed([blob], in: layout).allSatisfy { $0.problem == nil }
    }
    return try BlobReading.read(blob, in: layout) { _ in }.problem == nil
  }
}

/// What is wrong with one of several archives, and has stopped an import that could do without it.
public struct OneArchiveFault: Error {
  public let error: any Error
}
