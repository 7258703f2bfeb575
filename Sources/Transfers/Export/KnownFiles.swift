import Archives
import Digests
import Images
import Layouts

/// The files that `--skip-known` names: read before anything is asked of a registry, and, when it is known what an
/// export wants, looked into for just that.
struct KnownFiles: Sendable {
  /// An archive, as far as opening it tells.
  private struct Archive: Sendable {
    let opened: OpenedArchive
    let source: KnownSource
    let isVouchedFor: Bool
  }

  private let archives: [Archive]
  private let receipts: [(receipt: Receipt, source: KnownSource, proof: KnownProof)]
  private let settings: TransferSettings

  /// Opens the files. Throws for one that cannot be read, is damaged, is not one of the `expected` archives, or whose
  /// signature is not the one demanded: a receipt's must be there, an archive's may be missing, for its blobs are
  /// hashed then. Blocks.
  init(
    _ paths: [String], expected: [Digest], signedBy demand: SignatureDemand?, settings: TransferSettings
  ) throws {
    self.settings = settings
    let receiptPaths = Set(try paths.filter(Self.isReceipt))
    receipts = try receiptPaths.sorted().map { path in
      let bytes = try Receipt.bytes(path: path)
      try demand?.check(bytes, of: path, beside: path)
      let source = KnownSource(kind: .receipt, name: Self.name(of: path), digest: Digest(of: bytes))
      return (try Receipt(bytes: bytes, path: path), source, demand == nil ? .claimed : .vouched)
    }
    archives = try ArchiveInput.group(paths.filter { !receiptPaths.contains($0) }).map { input in
      let opened = try OpenedArchive(input, spool: nil)
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
          kind: .archive, name: Self.name(of: input.path), digest: layout.archiveDigest),
        isVouchedFor: try !expected.isEmpty || Self.isSigned(input.path, layout.archiveDigest, by: demand))
    }
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
  func content(of wanted: [Descriptor], on executor: BlockingExecutor) async throws -> KnownContent {
    let sizes = Dictionary(wanted.map { ($0.digest, $0.size) }) { first, _ in first }
    var known = KnownContent()
    for (receipt, source, proof) in receipts {
      known.add([], of: nil, by: source, proof)
      for image in receipt.images {
        let blobs = image.blobs.filter { sizes[$0.digest] == $0.size }
        known.add(blobs, of: (try? Reference(image.source))?.repositoryName, by: source, proof)
      }
    }
    for archive in archives {
      let proof = archive.isVouchedFor ? KnownProof.vouched : .hashed
      known.add([], of: nil, by: archive.source, proof)
      let images = try await executor.run { try contents(of: archive.opened, sizes) }
      let held = Dictionary(images.flatMap(\.blobs).map { ($0.digest, $0) }) { first, _ in first }
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
    var held = layout.blobs.mapValues(\.size)
    for blob in opened.stream?.blobs ?? [] { held[blob.digest] = blob.size }
    // An image may have thousands of names; it is walked once a repository.
    var walked: Set<[String]> = []
    return try layout.images.compactMap { image in
      let repository = image.reference?.repositoryName
      guard walked.insert([repository ?? "", image.root.digest.hex]).inserted else { return nil }
      let blobs = try layout.tree(of: image).blobs.filter { blob in
        sizes[blob.digest] == blob.size && held[blob.digest] == blob.size
      }
      return (repository, blobs)
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
    case .inPlace(let layout):
      readings = try await executor.mapConcurrently(blobs.map(\.digest).sorted()) { digest in
        do {
          return try BlobReading.read(digest, in: layout, unpacks: false) { _ in }
        } catch is LayoutError {
          // What cannot be read there is not known to be anywhere.
          return BlobReading(digest: digest, problem: .damaged(digest, actual: digest), diffID: nil)
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
      BlobReading(digest: $0, problem: nil, diffID: nil)
    }
    do {
      while let due = stream.blob {
        if wanted.contains(due.digest) {
          readings.append(
            try unsafe BlobReading.read(due.digest, size: due.size, unpacks: false, progress: { _ in }) {
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

  /// Whether `path` is JSON rather than any kind of archive.
  private static func isReceipt(_ path: String) throws -> Bool {
    guard let status = try? DataFile.open(reading: path), let size = try? status.size(), size > 0 else {
      return false
    }
    return try status.read(1, at: 0) == [UInt8(ascii: "{")]
  }

  private static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
