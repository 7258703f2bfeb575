import Digests
import Files
import Images
import Layouts

/// What the other side has already, by earlier archives and receipts.
struct KnownContent: Sendable {
  private struct Place: Sendable {
    let size: Int64
    /// The digest of the ``KnownSource``.
    let source: Digest
    let proof: KnownProof
    /// Of the images that hold it, with its host.
    let repository: String?

    /// Of several that know one blob, whatever the order they come in: what is proved comes first.
    func precedes(_ other: Self) -> Bool {
      if proof != other.proof { return proof < other.proof }
      return source != other.source ? source < other.source : (repository ?? "") < (other.repository ?? "")
    }
  }

  /// Each once, sorted by digest.
  private(set) var sources: [KnownSource] = []
  /// What each source's word is worth, by its digest.
  private(set) var proofs: [Digest: KnownProof] = [:]
  private var blobs: [Digest: Place] = [:]

  /// Takes in that `source` knows `blobs`, which images of `repository` hold.
  mutating func add(
    _ blobs: some Sequence<Descriptor>, of repository: String?, by source: KnownSource, _ proof: KnownProof
  ) {
    if proofs[source.digest] == nil {
      sources.append(source)
      sources.sort { $0.digest < $1.digest }
    }
    proofs[source.digest] = min(proof, proofs[source.digest] ?? proof)
    for blob in blobs {
      let place = Place(size: blob.size, source: source.digest, proof: proof, repository: repository)
      if let other = self.blobs[blob.digest], !place.precedes(other) { continue }
      self.blobs[blob.digest] = place
    }
  }

  func holds(_ blob: Descriptor) -> Bool { blobs[blob.digest]?.size == blob.size }

  /// What of `blobs` need not be carried, each once: thousands of images may have the same.
  func omissions(from blobs: some Sequence<Descriptor>) -> [Omission] {
    guard !self.blobs.isEmpty else { return [] }
    var seen: Set<Descriptor> = []
    return blobs.compactMap { blob in
      guard seen.insert(blob).inserted, let place = self.blobs[blob.digest], place.size == blob.size else {
        return nil
      }
      return Omission(blob, reason: .known, source: place.source, repository: place.repository)
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
    let sizes = Dictionary(wanted.lazy.map { ($0.digest, $0.size) }) { first, _ in first }
    for told in receipts {
      known.add([], of: nil, by: told.source, told.proof)
      for image in told.receipt.images {
        let blobs = image.blobs.lazy.filter { sizes[$0.digest] == $0.size }
        known.add(
          blobs, of: (try? Reference(anyTag: image.source))?.repositoryName, by: told.source, told.proof)
      }
    }
    for archive in archives {
      let proof = archive.isVouchedFor ? KnownProof.vouched : .hashed
      known.add([], of: nil, by: archive.source, proof)
      let images = try await executor.run { try contents(of: archive.opened, sizes) }
      var held: [Digest: Descriptor] = [:]
      for blob in images.lazy.flatMap(\.blobs) where held[blob.digest] == nil { held[blob.digest] = blob }
      let sound =
        archive.isVouchedFor ? Set(held.keys) : try await prove(Array(held.values), in: archive, on: executor)
      for (repository, blobs) in images {
        known.add(blobs.filter { sound.contains($0.digest) }, of: repository, by: archive.source, proof)
      }
    }
    return known
  }

  /// The wanted blobs that lie in an archive, by the repository of the images that list them.
  private func contents(
    of opened: OpenedArchive, _ sizes: [Digest: Int64]
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
      let blobs = try layout.tree(of: image).blobs.filter { blob in
        sizes[blob.digest] == blob.size
          && (coming[blob.digest] ?? layout.blobs[blob.digest]?.size) == blob.size
          && taken.insert(RepositoryContent(repository: name, digest: blob.digest)).inserted
      }
      return blobs.isEmpty ? nil : (repository, blobs)
    }
  }

  /// Those of `blobs` whose bytes in the archive are the right ones.
  private func prove(
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
    let sound = Set(readings.filter { $0.problem == nil }.map(\.digest))
    for blob in blobs where !sound.contains(blob.digest) {
      settings.observer.note(.knownDamaged(archive.source, blob: blob))
    }
    return sound
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
