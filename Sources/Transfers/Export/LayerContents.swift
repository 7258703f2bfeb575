import Digests
import Files
import Images
import Layouts
import Synchronization

/// What the layers of images that are converted hold: each is decompressed once in an export. Where it lies in the archive that
/// is being written, it is read there.
final class LayerContents: Sendable {
  private let request: ExportRequest
  private let settings: TransferSettings
  private let executor: BlockingExecutor
  private let contents = Mutex<[Digest: Digest]>([:])

  init(_ request: ExportRequest, settings: TransferSettings, executor: BlockingExecutor) {
    self.request = request
    self.settings = settings
    self.executor = executor
  }

  /// Learns what the layers of `images` hold, and gives the images as they become with that, or the error by which one
  /// cannot. Layers that `writer` has lie there; all others, and without one all, are fetched from `sources` into a nameless
  /// file.
  func settle(
    _ images: [ExportImage], in writer: ArchiveWriter?, from sources: BlobSources
  ) async throws -> [Result<ExportImage, any Error>] {
    let known = contents.withLock { $0 }
    var seen: Set<Digest> = []
    let layers = images.flatMap { $0.original?.layers ?? [] }.filter {
      known[$0.digest] == nil && seen.insert($0.digest).inserted
    }
    settings.observer.expect(bytes: layers.map(\.size).saturatingSum())
    let learnt = try await executor.mapConcurrently(layers) { layer -> Result<Digest, any Error> in
      do {
        return .success(try self.content(of: layer, in: writer, from: sources))
      } catch {
        try Task.checkCancellation()
        return .failure(error)
      }
    }
    var failures: [Digest: any Error] = [:]
    for (layer, outcome) in zip(layers, learnt) {
      switch outcome {
      case .success(let content): contents.withLock { $0[layer.digest] = content }
      case .failure(let error): failures[layer.digest] = error
      }
    }
    let all = contents.withLock { $0 }
    return images.map { image in
      if let error = image.original?.layers.lazy.compactMap({ failures[$0.digest] }).first {
        return .failure(error)
      }
      return Result { try image.converted(with: all) }
    }
  }

  /// The digest of what a layer holds, decompressed. Blocks.
  private func content(
    of layer: Descriptor, in writer: ArchiveWriter?, from sources: BlobSources
  ) throws -> Digest {
    let meter = TransferMeter(layer, observer: settings.observer)
    let reading: BlobReading
    if let writer, writer.plan.blob(layer.digest) != nil {
      reading = try unsafe BlobReading.read(
        layer.digest, size: layer.size, unpackingWithin: request.memoryLimit, progress: meter.advance
      ) { buffer, offset in try unsafe writer.read(layer.digest, into: buffer, at: offset) }
      if case .damaged(_, let actual) = reading.problem {
        throw TransferError.damagedBlob(
          archive: writer.place.path, digest: layer.digest,
          .mismatch(expected: layer.digest, actual: actual))
      }
    } else {
      var blob = try SpooledBlob(layer, in: request.temporary)
      try sources.pull(layer, into: &blob)
      let file = try blob.finish()
      reading = try unsafe BlobReading.read(
        layer.digest, size: layer.size, unpackingWithin: request.memoryLimit, progress: meter.advance
      ) { buffer, offset in try unsafe file.read(into: buffer, at: offset) }
    }
    guard reading.problem == nil, let content = reading.diffID else {
      throw TransferError.layerUnreadable(archive: nil, layer.digest)
    }
    return content
  }
}

/// A blob that is fetched into a nameless file, to be read once it is all there.
private struct SpooledBlob: ~Copyable, BlobReceiver {
  private var verifier: BlobVerifier
  private var spool: Spool
  private let directory: String

  init(_ blob: Descriptor, in directory: String) throws(FileError) {
    verifier = BlobVerifier(digest: blob.digest, size: blob.size)
    self.directory = directory
    spool = try Spool.create(in: directory, called: directory)
  }

  var position: Int64 { verifier.received }

  mutating func write(_ piece: RawSpan) throws {
    try verifier.update(piece)
    try spool.append(piece)
  }

  mutating func restart() throws {
    verifier.restart()
    spool = try Spool.create(in: directory, called: directory)
  }

  func check() throws(DigestError) { _ = try verifier.check() }

  /// The file, with all bytes and the right ones. Throws ``DigestError``.
  consuming func finish() throws(DigestError) -> DataFile {
    try check()
    return spool.file
  }
}
