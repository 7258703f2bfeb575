import Digests
import Files
import Images
import Layouts

/// What the other side has already, by earlier archives and receipts.
struct KnownContent: Sendable {
  /// What knows of a blob, by numbers: there may be hundreds of thousands of blobs, of few sources and repositories.
  private struct Place: Sendable {
    /// Into ``origins``.
    let source: Int32
    /// Of the images that hold it, into ``repositories``.
    let repository: Int32
  }

  /// Each once, sorted by digest.
  private(set) var sources: [KnownSource] = []
  /// What each source's word is worth, by its digest.
  private(set) var proofs: [Digest: KnownProof] = [:]
  private var blobs: [PartKey: Place] = [:]
  /// In the order in which they came.
  private var origins: [(source: Digest, proof: KnownProof)] = []
  /// With their hosts, likewise; nil where no name of an image is known.
  private var repositories: [String?] = []

  /// Takes in that `source` knows `blobs`, which images of `repository` hold.
  mutating func add(
    _ blobs: some Sequence<Descriptor>, of repository: String?, by source: KnownSource, _ proof: KnownProof
  ) {
    if proofs[source.digest] == nil {
      sources.append(source)
      sources.sort { $0.digest < $1.digest }
    }
    proofs[source.digest] = min(proof, proofs[source.digest] ?? proof)
    if origins.isEmpty || origins[origins.count - 1] != (source.digest, proof) {
      origins.append((source.digest, proof))
    }
    if repositories.isEmpty || repositories[repositories.count - 1] != repository {
      repositories.append(repository)
    }
    let place = Place(source: Int32(origins.count - 1), repository: Int32(repositories.count - 1))
    for blob in blobs {
      let key = PartKey(blob.plain)
      if let known = self.blobs[key] {
        // The size is the key's: of two sizes the better source's is taken.
        if !precedes(place, known) { continue }
        self.blobs[key] = nil
      }
      self.blobs[key] = place
    }
  }

  /// Of several that know one blob, whatever the order they come in: what is proved comes first.
  private func precedes(_ place: Place, _ other: Place) -> Bool {
    let (one, two) = (origins[Int(place.source)], origins[Int(other.source)])
    if one.proof != two.proof { return one.proof < two.proof }
    if one.source != two.source { return one.source < two.source }
    return (repositories[Int(place.repository)] ?? "") < (repositories[Int(other.repository)] ?? "")
  }

  private func known(_ blob: Descriptor) -> Place? {
    guard !blobs.isEmpty, let index = blobs.index(forKey: PartKey(blob)),
      blobs[index].key.descriptor.size == blob.size
    else { return nil }
    return blobs[index].value
  }

  func holds(_ blob: Descriptor) -> Bool { known(blob) != nil }

  /// What of `blobs` need not be carried, each once: thousands of images may have the same.
  func omissions(from blobs: some Sequence<Descriptor>) -> [Omission] {
    guard !self.blobs.isEmpty else { return [] }
    var seen: Set<Descriptor> = []
    return blobs.compactMap { blob in
      guard let place = known(blob), seen.insert(blob).inserted else { return nil }
      return Omission(
        blob, reason: .known, source: origins[Int(place.source)].source,
        repository: repositories[Int(place.repository)])
    }
  }
}

/// What stands behind the word of an archive or a receipt that the other side has something, the best first.
public enum KnownProof: Int, Comparable, Hashable, Sendable {
  /// Somebody vouches for it: it has the digest that was expected, or the signature that was demanded.
  case vouched
  /// Every blob that it is believed to hold was read in it and hashed, in this run.
  case hashed
  /// Nothing: it is a file that says so.
  case claimed

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The files that tell what the other side has: read before anything is asked of a registry, and, when it is known what
/// an export wants, looked into for just that.
struct KnownFiles: Sendable {
  /// An archive, as far as opening it tells.
  private struct Archive: Sendable {
    let opened: OpenedArchive
    let source: KnownSource
    let isVouchedFor: Bool
  }

  private struct KnownReceipt: Sendable {
    let receipt: Receipt
    let source: KnownSource
    let proof: KnownProof
  }

  private let archives: [Archive]
  private let receipts: [KnownReceipt]
  private let settings: TransferSettings

  /// Opens the files that `request` names. Throws for one that cannot be read, is damaged, is not one of the archives
  /// expected, or whose signature is not the one demanded: a receipt's must be there, an archive's may be missing, for its blobs are
  /// hashed then. Blocks.
  static func open(
    for request: ExportRequest, settings: TransferSettings
  ) throws -> KnownFiles {
    let (paths, expected, demand) = (request.known, request.knownExpected, request.knownSignature)
    let receiptPaths = Set(paths.filter(Receipt.isDocument))
    let receipts = try receiptPaths.sorted().map { path in
      let (receipt, digest) = try Receipt.file(at: path, demanding: demand)
      return KnownReceipt(
        receipt: receipt, source: KnownSource(kind: .receipt, name: name(of: path), digest: digest),
        proof: demand == nil ? .claimed : .vouched)
    }
    let archivePaths = paths.filter { !receiptPaths.contains($0) }
    let archives = try ArchiveInput.group(archivePaths, streams: request.knownStreams).compactMap {
      input -> Archive? in
      let opened: OpenedArchive
      do {
        opened = try OpenedArchive.open(
          input, for: .proof(unpacksLayers: false), spool: nil, temporary: request.temporary,
          memoryLimit: request.memoryLimit)
      } catch  where input.isOther(error) {
        return nil
      }
      let layout = opened.layout
      guard layout.problems.isEmpty else {
        throw TransferError.knownUnusable(path: input.path, problems: layout.problems)
      }
      if let first = expected.first, !expected.contains(layout.archiveDigest) {
        throw TransferError.wrongArchive(path: input.path, expected: first, actual: layout.archiveDigest)
      }
      return Archive(
        opened: opened,
        source: KnownSource(
          kind: .archive, name: name(of: input.path), digest: layout.archiveDigest),
        isVouchedFor: try !expected.isEmpty || isSigned(input.path, layout.archiveDigest, by: demand))
    }
    return KnownFiles(archives: archives, receipts: receipts, settings: settings)
  }

  private static func isSigned(_ path: String, _ digest: Digest, by demand: SignatureDemand?) throws -> Bool {
    guard let demand else { return false }
    do {
      try demand.check(archive: path, digest: digest)
      return true
    } catch TransferError.unsigned {
      return false
    }
  }

  /// What of `wanted` the other side has. A blob that an archive is believed to hold lies in it, and unless somebody
  /// vouches for the archive, its bytes are read and hashed. What one left out itself, it does not know of.
  func content(
    of wanted: some Sequence<Descriptor>, on executor: BlockingExecutor
  ) async throws -> KnownContent {
    var known = KnownContent()
    guard !receipts.isEmpty || !archives.isEmpty else { return known }
    // What is known is told by the descriptors that the export has in memory.
    var own = DescriptorsByDigest()
    for blob in wanted where own[blob.digest] == nil { own.update(blob) }
    for told in receipts {
      known.add([], of: nil, by: told.source, told.proof)
      for image in told.receipt.images {
        let blobs = image.blobs.lazy.compactMap { [own] blob in
          own[blob.digest].flatMap { $0.size == blob.size ? $0 : nil }
        }
        known.add(
          blobs, of: (try? Reference(anyTag: image.source))?.repositoryName, by: told.source, told.proof)
      }
    }
    for archive in archives {
      let proof = archive.isVouchedFor ? KnownProof.vouched : .hashed
      known.add([], of: nil, by: archive.source, proof)
      let images = try await executor.run { [own] in try contents(of: archive.opened, own) }
      let held = Set(images.lazy.flatMap(\.blobs).map { PartKey($0) })
      let unsound =
        archive.isVouchedFor
        ? [] : try await unproved(held.map(\.descriptor), in: archive, on: executor)
      for (repository, blobs) in images {
        known.add(blobs.filter { !unsound.contains($0.digest) }, of: repository, by: archive.source, proof)
      }
    }
    return known
  }

  /// The wanted blobs that lie in an archive, by the repository of the images that list them.
  private func contents(
    of opened: OpenedArchive, _ wanted: DescriptorsByDigest
  ) throws -> [(repository: String?, blobs: [Descriptor])] {
    let layout = opened.layout
    var coming: [Digest: Int64] = [:]
    for blob in opened.stream?.blobs ?? [] { coming[blob.digest] = blob.size }
    // An image may have thousands of names; it is walked once a repository, and of what its images share each is named once.
    var walked: Set<RepositoryContent> = []
    var taken: Set<RepositoryContent> = []
    return try layout.images.compactMap { image in
      let repository = image.reference?.repositoryName
      let name = repository ?? ""
      guard walked.insert(RepositoryContent(repository: name, digest: image.root.digest)).inserted else {
        return nil
      }
      let blobs = try layout.tree(of: image).blobs.compactMap { blob -> Descriptor? in
        guard let own = wanted[blob.digest], own.size == blob.size,
          (coming[blob.digest] ?? layout.blobs[blob.digest]?.size) == blob.size,
          taken.insert(RepositoryContent(repository: name, digest: blob.digest)).inserted
        else { return nil }
        return own
      }
      return blobs.isEmpty ? nil : (repository, blobs)
    }
  }

  /// Those of `blobs` whose bytes in the archive are not the right ones, or did not come.
  private func unproved(
    _ blobs: [Descriptor], in archive: Archive, on executor: BlockingExecutor
  ) async throws -> Set<Digest> {
    guard !blobs.isEmpty else { return [] }
    settings.observer.note(
      .provingKnown(archive.source, size: blobs.map(\.size).saturatingSum()))
    let readings: [BlobReading]
    switch archive.opened {
    case .inPlace(let layout) where layout.isSequential:
      readings = try await executor.run { try BlobReading.passed(blobs.map(\.digest), in: layout) }
    case .inPlace(let layout):
      readings = try await executor.mapConcurrently(blobs.map(\.digest).sorted()) { digest in
        do {
          return try BlobReading.read(digest, in: layout) { _ in }
        } catch is LayoutError {
          // What cannot be read there is not known to be anywhere.
          return BlobReading(digest: digest, problem: .damaged(digest, actual: digest))
        }
      }
    case .passing(let stream):
      readings = try await executor.run { try read(Set(blobs.map(\.digest)), from: stream) }
    }
    let sound = Set(readings.lazy.filter { $0.problem == nil }.map(\.digest))
    let others = blobs.filter { !sound.contains($0.digest) }
    for blob in others { settings.observer.note(.knownDamaged(archive.source, blob: blob)) }
    return Set(others.map(\.digest))
  }

  /// Hashes `wanted` blobs of an archive that passes by, and lets the others pass. Blocks.
  private func read(_ wanted: Set<Digest>, from stream: StreamedLayout) throws -> [BlobReading] {
    var readings = stream.manifests.filter(wanted.contains).map {
      BlobReading(digest: $0, problem: nil)
    }
    do {
      while let due = stream.blob {
        if wanted.contains(due.digest) {
          readings.append(
            try unsafe BlobReading.read(due.digest, size: due.size, progress: { _ in }) {
              buffer, offset in try unsafe stream.read(due.digest, into: buffer, at: offset)
            })
        }
        try stream.skip()
      }
    } catch LayoutError.brokenStream {
      // What did not come any more is not known.
    }
    return readings
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
