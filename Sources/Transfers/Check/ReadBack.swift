import Digests
import Files
import Images
import Layouts
import Registry

/// A step of a check of a destination: blobs are fetched from it and hashed, and nothing of them is stored. A registry's
/// word for what it has under a digest is no proof.
struct ReadBack: Sendable {
  private let scope: ReadBackScope
  private let destination: Destination
  private let location: JournalLocation
  /// The files that the check is about.
  private let files: [String]
  private let settings: TransferSettings
  private let executor: BlockingExecutor

  init(
    _ scope: ReadBackScope, from destination: Destination, journal: JournalLocation, beside files: [String],
    settings: TransferSettings, executor: BlockingExecutor
  ) {
    self.scope = scope
    self.destination = destination
    location = journal
    self.files = files
    self.settings = settings
    self.executor = executor
  }

  /// Reads what is asked for of the blobs that are held, and corrects the answers for those that turn out not to be.
  /// Throws for a journal that was named and cannot be had, ``TransferError/checkRunning(journal:pid:)``, and when the task
  /// was cancelled: what was read by then is in the journal.
  func run(_ answers: inout PartAnswers) async throws -> ReadBackResult {
    let journal = try await executor.run { try openJournal() }
    let parts = answers.parts
    let held = answers.heldBlobs
    let chosen = ReadBackChoice(of: scope, seed: journal?.seed ?? ReadBackJournal.freshSeed())
      .choose(among: held.map { (index: $0, part: parts[$0]) })
    let earlier = Set(
      chosen.filter { index in
        journal?.hasRead(parts[index].descriptor, in: parts[index].repository, of: destination.host) ?? false
      })
    func size(_ indices: some Sequence<Int>) -> Int64 {
      indices.map { parts[$0].descriptor.size }.saturatingSum()
    }
    let (total, wanted, had) = (size(held), size(chosen), size(earlier))
    settings.observer.note(.readingBack(bytes: wanted, of: total))
    settings.observer.expect(bytes: wanted)
    if had > 0 {
      settings.observer.note(.readBackContinues(bytes: had))
      settings.observer.skipped(bytes: had)
    }
    // The largest first, so that no single one is waited for at the end.
    let order = chosen.filter { !earlier.contains($0) }
      .sorted { (parts[$1].descriptor.size, $0) < (parts[$0].descriptor.size, $1) }
    let answered = try await executor.mapConcurrently(order) { try read(parts[$0], noting: journal) }
    var result = ReadBackResult(
      scope: scope, blobs: held.count, totalBytes: total, readBlobs: earlier.count, readBytes: had,
      earlierBytes: had)
    var isComplete = true
    for (index, answer) in zip(order, answered) {
      switch answer {
      case .held, .faulty(.wrongBytes):
        result.readBlobs += 1
        result.readBytes = [result.readBytes, parts[index].descriptor.size].saturatingSum()
      case .faulty: break
      case .unknown: isComplete = false
      }
      if case .held = answer { continue }
      answers.correct(index, answer)
    }
    journal?.finish(isComplete: isComplete)
    return result
  }

  private func openJournal() throws -> ReadBackJournal? {
    let paths = location.paths(
      archives: files.filter { $0 != "-" }, shard: nil, as: .checkJournal)
    do {
      return try location.open(
        firstOf: paths, { try ReadBackJournal.open(at: $0, isNamed: $1) },
        lost: { settings.observer.note(.noReadBackJournal(error: $0)) })
    } catch FileError.locked(let path, let pid) {
      throw TransferError.checkRunning(journal: path, pid: pid)
    }
  }

  /// Throws when the task was cancelled. Blocks.
  private func read(_ part: CheckedPart, noting journal: ReadBackJournal?) throws -> PartAnswer {
    let meter = TransferMeter(part.descriptor, observer: settings.observer)
    var hash = HashedBlob(part.descriptor, progress: meter.advance)
    do {
      try Task.checkCancellation()
      try destination.client(for: part.repository).pullBlob(
        part.descriptor, from: part.repository, into: &hash)
      journal?.note(part.descriptor, in: part.repository, of: destination.host)
      return .held
    } catch {
      try Task.checkCancellation()
      return PartAnswer(error)
    }
  }
}

/// A blob of which nothing but its hash is kept.
private struct HashedBlob: ~Copyable, BlobReceiver {
  private var verifier: BlobVerifier
  private let progress: @Sendable (Int64) -> Void

  init(_ blob: Descriptor, progress: @escaping @Sendable (Int64) -> Void) {
    verifier = BlobVerifier(digest: blob.digest, size: blob.size)
    self.progress = progress
  }

  var position: Int64 { verifier.received }

  mutating func write(_ bytes: RawSpan) throws(DigestError) {
    try verifier.update(bytes)
    progress(verifier.received)
  }

  mutating func restart() { verifier.restart() }

  func check() throws(DigestError) { _ = try verifier.check() }
}

/// Which blobs are read back.
struct ReadBackChoice: Sendable {
  private let scope: ReadBackScope
  /// What a sample is drawn by: another seed draws another.
  private let seed: String

  init(of scope: ReadBackScope, seed: String) {
    self.scope = scope
    self.seed = seed
  }

  /// The indices of those chosen, in the order in which they stand. A part is chosen by repository and digest alone, so
  /// that all parts together are everything; a sample is drawn until it has the bytes that were asked for.
  func choose(among blobs: [(index: Int, part: CheckedPart)]) -> [Int] {
    switch scope {
    case .everything: return blobs.map(\.index)
    case .part(let shard):
      return blobs.filter { shard.holds("\($0.part.repository)@\($0.part.descriptor.digest)") }.map(\.index)
    case .percent(let percent):
      let total = blobs.map(\.part.descriptor.size).saturatingSum()
      return sample(of: Int64((Double(total) * min(percent, 100) / 100).rounded(.up)), from: blobs)
    case .bytes(let bytes): return sample(of: bytes, from: blobs)
    }
  }

  private func sample(of bytes: Int64, from blobs: [(index: Int, part: CheckedPart)]) -> [Int] {
    let ranked = blobs.map { blob in
      let name = "\(seed) \(blob.part.repository)@\(blob.part.descriptor.digest)"
      return (rank: Digest(of: Array(name.utf8)), index: blob.index, size: blob.part.descriptor.size)
    }.sorted { $0.rank < $1.rank }
    var chosen: [Int] = []
    var sum: Int64 = 0
    for blob in ranked {
      // Of anything at least one is read: a sample of nothing shows nothing.
      guard sum < bytes || chosen.isEmpty else { break }
      chosen.append(blob.index)
      sum = [sum, blob.size].saturatingSum()
    }
    return chosen.sorted()
  }
}
