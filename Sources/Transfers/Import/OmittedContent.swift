import Digests
public import Images
public import Layouts
import Registry

/// Content that an archive leaves out because the destination has it.
public struct MissingContent: Hashable, Sendable {
  public let descriptor: Descriptor
  /// The images that need it, by their names in the archives.
  public let images: [String]
  /// The archive or receipt by which the export knew of it; nil when the archive does not say.
  public let source: KnownSource?
}

extension MissingContent {
  /// What would have to be brought when `blobs`, which no archive holds, are nowhere, as it can be told.
  static func list(
    of blobs: [Descriptor], neededBy images: [ImportImage], in archives: ImportedArchives
  ) -> [MissingContent] {
    guard !blobs.isEmpty else { return [] }
    let wanted = Set(blobs.map(\.digest))
    var users: [Digest: [String]] = [:]
    for image in images {
      for blob in image.tree.blobs where wanted.contains(blob.digest) {
        users[blob.digest, default: []].append(image.source)
      }
    }
    let sources = Dictionary(archives.layouts.flatMap(\.knownSources).map { ($0.digest, $0) }) { first, _ in
      first
    }
    return blobs.map { blob in
      MissingContent(
        descriptor: blob, images: users[blob.digest] ?? [],
        source: archives.omissions[blob.digest]?.source.flatMap { sources[$0] })
    }
  }
}

/// Content that images list and archives leave out, for another reason than that the destination has it.
public struct OmittedContent: Hashable, Sendable {
  public let descriptor: Descriptor
  public let reason: Omission.Reason
  /// The destination's repository that was asked for it.
  public let repository: String
  /// The images there that list it, by their names in the archives.
  public let images: [String]
  /// Whether the repository holds it all the same.
  public let isThere: Bool
}

/// Looks at the destination for what archives leave out.
struct LeftOutSearch: Sendable {
  private let destination: Destination
  private let mapping: NameMapping
  private let executor: BlockingExecutor

  init(at destination: Destination, mapping: NameMapping, executor: BlockingExecutor) {
    self.destination = destination
    self.mapping = mapping
    self.executor = executor
  }

  /// Looks for what no archive holds: in the repositories that need it, else in those where other images of the
  /// archives went, to be mounted from there. The blobs to push without what is nowhere, and that.
  func locate(
    _ blobs: [ImportBlob], for images: [ImportImage], in archives: ImportedArchives
  ) async throws -> (blobs: [ImportBlob], absent: [MissingContent]) {
    guard blobs.contains(where: { $0.layout == nil }) else { return (blobs, []) }
    let candidates = try candidates(of: archives.layouts)
    let located = try await executor.mapConcurrently(blobs) { blob -> ImportBlob? in
      guard blob.layout == nil else { return blob }
      var blob = blob
      blob.holder = try holder(of: blob, among: candidates)
      return blob.holder == nil ? nil : blob
    }
    let missing = zip(blobs, located).filter { $0.1 == nil }.map(\.0.descriptor)
    let found = located.compactMap(\.self)
    // What may yet turn out not to be had comes first, before anything has moved.
    let order = found.filter { $0.layout == nil } + found.filter { $0.layout != nil }
    return (order, MissingContent.list(of: missing, neededBy: images, in: archives))
  }

  /// A repository of the destination that has `blob`.
  private func holder(of blob: ImportBlob, among candidates: Candidates) throws -> String? {
    for repository in blob.repositories where try destination.holds(blob.descriptor, in: repository) {
      return repository
    }
    let asked = Set(blob.repositories)
    let home = candidates.homes[blob.descriptor.digest]
    if let home, !asked.contains(home), try mayMount(blob.descriptor, from: home) { return home }
    for repository in candidates.all where repository != home && !asked.contains(repository) {
      if try mayMount(blob.descriptor, from: repository) { return repository }
    }
    return nil
  }

  /// Whether a repository that is not pushed to has `blob`.
  private func mayMount(_ blob: Descriptor, from repository: String) throws -> Bool {
    let client = try destination.client(for: repository)
    do {
      return try client.presenceOfBytes(of: blob, in: repository, isForPush: false) == .held
    } catch {
      // A repository that is not there, or not for us to read: a guess that was wrong.
      if case .transport = error { throw error }
      if case .overwhelmed = error { throw error }
      return false
    }
  }

  /// Repositories of the destination in which content that is left out may lie.
  private struct Candidates: Sendable {
    /// Where single blobs should be: where the repository went that the archive says they came from.
    let homes: [Digest: String]
    /// Where any of the archives' images went.
    let all: [String]
  }

  private func candidates(of layouts: [Layout]) throws -> Candidates {
    var targets: Set<String> = []
    var homes: [Digest: String] = [:]
    for layout in layouts {
      for image in layout.images {
        try Task.checkCancellation()
        if let reference = image.reference { targets.insert(mapping.target(of: reference).repository) }
      }
      for omission in layout.omissions.values where omission.reason == .known {
        homes[omission.descriptor.digest] = omission.repository.flatMap { try? Reference(anyTag: $0) }
          .map { mapping.target(of: $0).repository }
          .flatMap { RepositoryName.isValid($0) ? $0 : nil }
      }
    }
    return Candidates(homes: homes, all: targets.filter { RepositoryName.isValid($0) }.sorted())
  }

  /// Asks the destination for what the archives leave out of `images` and nothing else brings: who pulls them there
  /// may miss it.
  func find(
    of images: [ImportImage], in archives: ImportedArchives
  ) async throws -> [OmittedContent] {
    var order: [(wanted: RepositoryContent, descriptor: Descriptor, reason: Omission.Reason)] = []
    var users: [RepositoryContent: [String]] = [:]
    for image in images {
      try Task.checkCancellation()
      for part in image.tree.omitted {
        guard let omission = archives.omissions[part.digest] else { continue }
        let wanted = RepositoryContent(repository: image.target.repository, digest: part.digest)
        if users[wanted] == nil { order.append((wanted, part, omission.reason)) }
        users[wanted, default: []].append(image.source)
      }
    }
    let asked = users
    return try await executor.mapConcurrently(order) { wanted, part, reason in
      let isThere =
        part.mediaType.isManifest
        ? try destination.holds(manifest: part.digest, in: wanted.repository)
        : try destination.holds(part, in: wanted.repository)
      return OmittedContent(
        descriptor: part, reason: reason, repository: wanted.repository, images: asked[wanted] ?? [],
        isThere: isThere)
    }
  }
}
