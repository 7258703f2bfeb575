import Digests
public import Images
public import Layouts
import Registry

/// Content that an archive leaves out because the destination has it.
public struct AbsentContent: Hashable, Sendable {
  public let descriptor: Descriptor
  /// The images that need it, by their names in the archives.
  public let images: [String]
  /// The archive or receipt by which the export knew of it; nil when the archive does not say.
  public let source: KnownSource?
}

extension Import {
  /// Looks for what no archive holds: in the repositories that need it, else in those where other images of the
  /// archives went, to be mounted from there. The blobs to push without what is nowhere, and that.
  func locate(
    _ blobs: [PreparedImport.Blob], for images: [ImportImage], in layouts: [Layout]
  ) async throws -> (blobs: [PreparedImport.Blob], absent: [AbsentContent]) {
    let places = places(of: layouts)
    let located = try await executor.mapConcurrently(blobs) { blob -> PreparedImport.Blob? in
      guard blob.layout == nil else { return blob }
      return try locate(blob, among: places)
    }
    let left = zip(blobs, located).filter { $0.1 == nil }.map(\.0.descriptor)
    let found = located.compactMap(\.self)
    // What may yet turn out not to be had comes first, before anything has moved.
    let order = found.filter { $0.layout == nil } + found.filter { $0.layout != nil }
    return (order, absent(left, images, layouts))
  }

  private func locate(
    _ blob: PreparedImport.Blob, among places: Places
  ) throws -> PreparedImport.Blob? {
    for repository in blob.repositories where try destination.holds(blob.descriptor, in: repository) {
      var blob = blob
      blob.holder = repository
      return blob
    }
    let host = request.mapping.destination.host
    for repository in places.repositories(for: blob.descriptor.digest)
    where !blob.repositories.contains(repository) {
      let client = try registries.client(host: host, repository: repository)
      do {
        guard
          try client.presenceOfBytes(of: blob.descriptor, in: repository, isForPush: false) == .held
        else { continue }
      } catch {
        // A repository that is not there, or not for us to read: a guess that was wrong.
        if case .transport = error { throw error }
        if case .overwhelmed = error { throw error }
        continue
      }
      var blob = blob
      blob.holder = repository
      return blob
    }
    return nil
  }

  /// Where at the destination content that is left out may lie: where the repository went that the archive says
  /// it came from, then where any of the archives' images went.
  private func places(of layouts: [Layout]) -> Places {
    let targets = Set(
      layouts.flatMap {
        $0.images.compactMap { $0.reference.map { request.mapping.unchecked($0).repository } }
      })
    var homes: [Digest: String] = [:]
    for omission in layouts.flatMap(\.omissions.values) where omission.reason == .known {
      homes[omission.descriptor.digest] = omission.repository.flatMap { try? Reference($0) }
        .map { request.mapping.unchecked($0).repository }
        .flatMap { RepositoryName.isValid($0) ? $0 : nil }
    }
    return Places(homes: homes, all: targets.filter { RepositoryName.isValid($0) }.sorted())
  }

  /// What would have to be brought, as it can be told.
  private func absent(
    _ blobs: [Descriptor], _ images: [ImportImage], _ layouts: [Layout]
  ) -> [AbsentContent] {
    guard !blobs.isEmpty else { return [] }
    let wanted = Set(blobs.map(\.digest))
    var users: [Digest: [String]] = [:]
    for image in images {
      for blob in image.tree.blobs where wanted.contains(blob.digest) {
        users[blob.digest, default: []].append(image.source)
      }
    }
    let sources = Dictionary(layouts.flatMap(\.knownSources).map { ($0.digest, $0) }) { first, _ in first }
    return blobs.map { blob in
      let omission = layouts.lazy.compactMap { $0.omissions[blob.digest] }.first
      return AbsentContent(
        descriptor: blob, images: users[blob.digest] ?? [],
        source: omission?.source.flatMap { sources[$0] })
    }
  }

  /// Takes images out of what is to be pushed that lack something, with a failure for each.
  func bar(_ images: inout [ImportImage], lacking absent: [AbsentContent], _ failures: inout [ImageFailure]) {
    let absent = Dictionary(absent.map { ($0.descriptor.digest, $0) }) { first, _ in first }
    for index in images.indices where images[index].isToPush {
      let lacking = images[index].tree.blobs.compactMap { absent[$0.digest] }
      guard !lacking.isEmpty else { continue }
      images[index].state = .incomplete
      failures.append(ImageFailure(image: images[index].source, error: TransferError.contentAbsent(lacking)))
    }
  }

  /// Sees that every repository that needs `blob`, which no archive holds, has it.
  func mount(_ blob: PreparedImport.Blob, of images: [ImportImage]) throws -> (mounted: Int64, present: Int64)
  {
    let size = blob.descriptor.size
    var isMounted = false
    for repository in blob.repositories where try !destination.holds(blob.descriptor, in: repository) {
      let client = try registries.client(host: request.mapping.destination.host, repository: repository)
      guard let holder = blob.holder, try client.mountBlob(blob.descriptor, to: repository, from: holder)
      else { throw TransferError.contentAbsent(absent([blob.descriptor], images, blob.archives)) }
      try destination.took(blob.descriptor, in: repository)
      isMounted = true
    }
    settings.observer.skipped(bytes: size)
    return isMounted ? (size, 0) : (0, size)
  }
}

/// Repositories of the destination in which content may lie.
private struct Places: Sendable {
  /// Where single blobs should be.
  let homes: [Digest: String]
  let all: [String]

  func repositories(for digest: Digest) -> [String] {
    guard let home = homes[digest] else { return all }
    return [home] + all.filter { $0 != home }
  }
}
