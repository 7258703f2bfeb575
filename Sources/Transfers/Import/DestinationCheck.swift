import Digests
import Images

/// Looks below tags that are there already: a tag says nothing of what a registry has lost since, or never had.
struct DestinationCheck {
  /// Something that an image consists of, in the repository that has to have it.
  private struct Part: Sendable {
    enum Content {
      case manifest(Digest)
      case blob(Descriptor)
    }

    let repository: String
    let content: Content

    var digest: Digest {
      switch content {
      case .manifest(let digest): digest
      case .blob(let blob): blob.digest
      }
    }
  }

  let destination: Destination
  let executor: BlockingExecutor

  /// How many of each image's manifests and blobs its repository does not have, or why that cannot be told. Each is
  /// asked for once in each repository, however many images share it. Throws when the task was cancelled.
  func missing(of images: [ImportImage]) async throws -> [Result<Int, any Error>] {
    var seen: [String: Set<Digest>] = [:]
    var parts: [Part] = []
    for image in images {
      for part in Self.parts(of: image)
      where seen[part.repository, default: []].insert(part.digest).inserted { parts.append(part) }
    }
    let answers = try await executor.mapConcurrently(parts) { part -> Result<Bool, any Error> in
      do { return .success(try isHeld(part)) } catch {
        try Task.checkCancellation()
        return .failure(error)
      }
    }
    var held: [String: [Digest: Result<Bool, any Error>]] = [:]
    for (part, answer) in zip(parts, answers) {
      held[part.repository, default: [:]][part.digest] = answer
    }
    return images.map { image in
      Result {
        try Self.parts(of: image).count { part in
          try held[part.repository]?[part.digest]?.get() != true
        }
      }
    }
  }

  private func isHeld(_ part: Part) throws -> Bool {
    switch part.content {
    case .manifest(let digest): try destination.holds(manifest: digest, in: part.repository)
    case .blob(let blob): try destination.holds(blob, in: part.repository)
    }
  }

  /// All of an image but its root: that was read by its tag or, a list of referrers in another one, is not there
  /// as such.
  private static func parts(of image: ImportImage) -> [Part] {
    let repository = image.target.repository
    return image.tree.manifests.filter { $0.digest != image.digest }
      .map { Part(repository: repository, content: .manifest($0.digest)) }
      + image.tree.blobs.map { Part(repository: repository, content: .blob($0)) }
  }
}
