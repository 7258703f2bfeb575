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

  public init(_ request: ImportRequest, registries: Registries, settings: TransferSettings) {
    self.request = request
    self.registries = registries
    self.settings = settings
    executor = BlockingExecutor(width: settings.jobs)
  }

  /// Reads the archives and asks the destination what it has; pushes nothing. `checksBlobs` also asks for
  /// every blob, which a real run does as it goes. Throws for a damaged archive; what else stands in the
  /// way is collected.
  @concurrent
  public func prepare(checksBlobs: Bool) async throws -> PreparedImport {
    let layouts = try await executor.mapConcurrently(request.archives) { try open($0) }
    var blockers: [any Error] = []
    let selected = try await executor.run { try select(from: layouts) }
    let named = name(selected, blockers: &blockers)
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
    var failures = looked.compactMap(\.1)
    let refusals = try await refusals(for: images)
    bar(&images, from: refusals, &failures)
    if !refusals.isEmpty, !settings.keepGoing { blockers.append(TransferError.pushRefused(refusals)) }
    let taken = images.compactMap(\.takenTag)
    if settings.keepGoing {
      failures += taken.map { ImageFailure(image: $0.source, error: TransferError.tagsTaken([$0])) }
    } else if !taken.isEmpty {
      blockers.append(TransferError.tagsTaken(taken))
    }
    let blobs = blobs(of: images.filter(\.isToPush), in: layouts)
    return PreparedImport(
      destination: request.mapping.destination, archives: layouts.map { ($0.path, $0.archiveDigest) },
      images: images, failures: failures,
      refusals: refusals, blockers: blockers, blobs: blobs,
      presentSize: checksBlobs ? try await presentSize(of: blobs) : nil)
  }

  /// Opens one archive and proves all that stands around its blobs.
  private func open(_ path: String) throws -> Layout {
    let layout = try Layout.open(path)
    if let expected = request.expected, layout.archiveDigest != expected {
      throw TransferError.wrongArchive(path: path, expected: expected, actual: layout.archiveDigest)
    }
    try request.signature?.check(archive: path, digest: layout.archiveDigest)
    guard layout.problems.isEmpty else {
      throw TransferError.damaged(archive: path, problems: layout.problems)
    }
    return layout
  }

  /// Asks the destination for the image's tag.
  private func look(at image: ImportImage) throws -> ImportImage {
    var image = image
    let client = try registries.client(host: image.target.host, repository: image.target.repository)
    let present = try client.manifestDigest(
      image.target.identifier, of: image.target.repository, isForPush: true)
    image.state =
      switch present?.digest {
      case nil: .new
      case image.digest: .identical
      case .some(let other): request.overwrites ? .replaces(other) : .taken(other)
      }
    if image.state == .identical { image.confirmedAt = Date() }
    return image
  }

  /// The blobs to push, each once, with every repository that needs it; in the images' order.
  private func blobs(of images: [ImportImage], in layouts: [Layout]) -> [PreparedImport.Blob] {
    var order: [Descriptor] = []
    var repositories: [Digest: [String]] = [:]
    for image in images {
      for blob in image.tree.blobs {
        if repositories[blob.digest] == nil { order.append(blob) }
        if repositories[blob.digest]?.contains(image.target.repository) != true {
          repositories[blob.digest, default: []].append(image.target.repository)
        }
      }
    }
    return order.compactMap { blob in
      layouts.first { $0.blobs[blob.digest] != nil }.map {
        PreparedImport.Blob(
          descriptor: blob, layout: $0, repositories: repositories[blob.digest] ?? [])
      }
    }
  }

  private func presentSize(of blobs: [PreparedImport.Blob]) async throws -> Int64 {
    try await executor.mapConcurrently(blobs) { blob -> Int64 in
      let isPresent = try blob.repositories.allSatisfy { repository in
        try has(blob.descriptor, in: repository)
      }
      return isPresent ? blob.descriptor.size : 0
    }.reduce(0, +)
  }

  /// Whether the destination's `repository` holds `blob`.
  func has(_ blob: Descriptor, in repository: String) throws -> Bool {
    let client = try registries.client(host: request.mapping.destination.host, repository: repository)
    return try client.hasBlob(blob.digest, size: blob.size, in: repository, isForPush: true)
  }
}

extension ImportImage {
  /// Whether it has to be pushed.
  var isToPush: Bool {
    switch state {
    case .new, .replaces: true
    case .identical, .taken, .unknown, .refused: false
    }
  }

  fileprivate var takenTag: TakenTag? {
    guard case .taken(let present) = state else { return nil }
    return TakenTag(target: target, source: source, present: present, wanted: digest)
  }
}
