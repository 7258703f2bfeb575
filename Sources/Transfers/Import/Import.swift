import Digests
import FoundationEssentials
import Images
import Layouts
import Registry

/// `ferry import`: prove the archives' structure, settle every name, then push blobs, manifests and tags.
public struct Import: Sendable {
  let request: ImportRequest
  let registries: Registries
  let settings: TransferSettings
  let executor: BlockingExecutor
  let destination: Destination

  /// Throws ``TransferError/noThread(code:)``.
  public init(_ request: ImportRequest, registries: Registries, settings: TransferSettings) throws {
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = try BlockingExecutor(width: settings.jobs)
    destination = Destination(host: request.mapping.destination.host, registries: registries)
  }

  /// Reads the archives and asks the destination what it has, of images whose tags are there down to the last blob;
  /// pushes nothing. A dry run also asks for every other blob and hashes the configs, which a real run does as it goes,
  /// and opens an upload in every repository, which it gives up. Throws for a damaged archive; what else stands in the way is
  /// collected.
  @concurrent
  public func prepare(isDryRun: Bool) async throws -> PreparedImport {
    let opened = try await executor.mapConcurrently(request.archives) { try open($0) }
    let layouts = opened.map(\.layout)
    var blockers: [any Error] = []
    var (selected, notWhole) = try await executor.run { try select(from: layouts) }
    let compression =
      request.compressesLayers
      ? try await compress(&selected, streams: opened.compactMap(\.stream)) : Compression()
    var named = name(selected, blockers: &blockers)
    for index in named.indices { named[index].compression = compression.images[named[index].digest] }
    for image in named { image.compression.map { settings.observer.note(.imageCompressed(image, $0)) } }
    for rule in request.mapping.unused(for: layouts.flatMap { $0.images.compactMap(\.reference) }) {
      settings.observer.note(.ruleUnused(rule.text))
    }
    settings.observer.note(.resolving(images: named.count))
    let looked = try await executor.mapConcurrently(named) { image -> (ImportImage, ImageFailure?) in
      guard image.state == .new else { return (image, nil) }
      do {
        return (try look(at: image), nil)
      } catch {
        try Task.checkCancellation()
        var image = image
        image.state = .unknown
        return (image, ImageFailure(image: image.source, error: error))
      }
    }
    var images = looked.map(\.0)
    var failures = looked.compactMap(\.1) + strangers(in: layouts)
    try await checkPresent(&images, &failures)
    // What cannot be named is not pushed in any case.
    let refusals = try await refusals(for: images, opensUploads: isDryRun && blockers.isEmpty)
    bar(&images, from: refusals, &failures)
    if !refusals.isEmpty, !settings.keepGoing { blockers.append(TransferError.pushRefused(refusals)) }
    let taken = images.compactMap(\.takenTag)
    if settings.keepGoing {
      failures += taken.map { ImageFailure(image: $0.source, error: TransferError.tagsTaken([$0])) }
    } else if !taken.isEmpty {
      blockers.append(TransferError.tagsTaken(taken))
    }
    let wanted = blobs(of: images.filter(\.isToPush), in: layouts, compression)
    let (blobs, absent) = try await locate(wanted, for: images.filter(\.isToPush), in: layouts)
    let leftOut = try await findLeftOut(of: images.filter { $0.isToPush || $0.isThere }, in: layouts)
    if settings.keepGoing {
      bar(&images, lacking: absent, &failures)
    } else if !absent.isEmpty {
      blockers.append(TransferError.contentAbsent(absent))
    }
    let damaged =
      isDryRun
      ? try await damagedConfigs(
        among: blobs, of: images.filter(\.isToPush), besides: opened.compactMap(\.stream)) : [:]
    if settings.keepGoing {
      bar(&images, having: damaged, &failures)
    } else {
      blockers += damaged.sorted { $0.key < $1.key }.map(\.value)
    }
    return PreparedImport(
      destination: request.mapping.destination,
      archives: zip(request.archives, layouts).map { ($0.path, $1.archiveDigest) }, images: images,
      failures: failures, notWhole: notWhole, refusals: refusals, blockers: blockers, blobs: blobs,
      absent: absent, leftOut: leftOut,
      layouts: layouts, streams: opened.compactMap(\.stream),
      presentSize: isDryRun ? try await presentSize(of: blobs) : nil)
  }

  /// Opens one archive and proves all that stands around its blobs.
  private func open(_ input: ArchiveInput) throws -> OpenedArchive {
    let archive = try OpenedArchive(input, spool: request.spool)
    let layout = archive.layout
    if let expected = request.expected, layout.archiveDigest != expected {
      throw TransferError.wrongArchive(path: layout.path, expected: expected, actual: layout.archiveDigest)
    }
    try request.signature?.check(archive: input.path, digest: layout.archiveDigest)
    // Of what passes by nothing more is read once its front is wrong.
    guard !layout.problems.isEmpty else { return archive }
    let way = archive.stream == nil ? wayAround(layout) : nil
    if way == .allowMissing, request.allowsMissing { return archive }
    if way == .keepGoing, settings.keepGoing { return archive }
    if let error = incompleteness(of: layout, way) { throw error }
    throw TransferError.damaged(archive: layout.path, findings(in: layout, readings: []), way: way)
  }

  /// Asks the destination for the image's tag.
  private func look(at image: ImportImage) throws -> ImportImage {
    var image = image
    guard let present = try destination.tagged(image.target) else {
      image.state = .new
      return image
    }
    switch present {
    case .manifest(let manifest) where manifest.digest == image.digest:
      image.state = .identical
      return image
    case .manifest(let manifest):
      if let list = lookAtList(image, present: manifest) { return list }
    case .unreadable(image.digest, .manifestNotFound):
      // HEAD alone knows of it: it is to be pushed.
      image.state = .new
      return image
    case .unreadable(let digest, let error):
      // What it gives is not what it says.
      guard digest != image.digest else { throw error }
    }
    image.state = request.overwrites ? .replaces(present.digest) : .taken(present.digest)
    return image
  }

  /// Looks below the tags that are there, unless they are to be trusted. What lacks something is pushed again; only
  /// what lacks nothing is confirmed.
  private func checkPresent(_ images: inout [ImportImage], _ failures: inout [ImageFailure]) async throws {
    let there = images.indices.filter { images[$0].isThere }
    guard !request.trustsTags else {
      for index in there { images[index].state = .trusted }
      return
    }
    let check = DestinationCheck(destination: destination, executor: executor)
    let missing = try await check.missing(of: there.map { images[$0] })
    for (index, missing) in zip(there, missing) {
      switch missing {
      case .success(0): images[index].confirmedAt = Date()
      case .success(let count):
        images[index].missing = count
        images[index].state = images[index].state.withoutParts
      case .failure(let error):
        images[index].state = .unknown
        failures.append(ImageFailure(image: images[index].source, error: error))
      }
    }
  }

  /// That a repository is to have a blob.
  private struct Need: Hashable {
    let digest: Digest
    let repository: String
  }

  /// The blobs to push, each once, with every repository that needs it; in the images' order.
  private func blobs(
    of images: [ImportImage], in layouts: [Layout], _ compression: Compression
  ) -> [PreparedImport.Blob] {
    var order: [Descriptor] = []
    var repositories: [Digest: [String]] = [:]
    var needs: Set<Need> = []
    for image in images {
      for blob in image.tree.blobs {
        if repositories[blob.digest] == nil { order.append(blob) }
        let need = Need(digest: blob.digest, repository: image.target.repository)
        guard needs.insert(need).inserted else { continue }
        repositories[blob.digest, default: []].append(image.target.repository)
      }
    }
    return order.map { blob in
      let compressed = compression.layers[blob.digest]
      return PreparedImport.Blob(
        descriptor: blob,
        layout: compressed?.layout ?? layouts.first { $0.blobs[blob.digest]?.size == blob.size },
        archives: layouts, repositories: repositories[blob.digest] ?? [], compressed: compressed)
    }
  }
}

extension ImportImage {
  /// Whether it has to be pushed.
  public var isToPush: Bool {
    switch state {
    case .new, .replaces, .extends, .lacks: true
    case .identical, .included, .trusted, .taken, .unknown, .incomplete, .refused: false
    }
  }

  /// Whether the destination has it.
  public var isThere: Bool {
    switch state {
    case .identical, .included, .trusted: true
    default: false
    }
  }

  fileprivate var takenTag: TakenTag? {
    guard case .taken(let present) = state else { return nil }
    return TakenTag(target: target, source: source, present: present, wanted: digest)
  }
}
