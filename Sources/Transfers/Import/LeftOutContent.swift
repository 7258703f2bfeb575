import Digests
public import Images
public import Layouts
import Registry

/// Content that images list and archives leave out, for another reason than that the destination has it.
public struct LeftOutContent: Hashable, Sendable {
  public let descriptor: Descriptor
  public let reason: Omission.Reason
  /// The destination's repository that was asked for it.
  public let repository: String
  /// The images there that list it, by their names in the archives.
  public let images: [String]
  /// Whether the repository holds it all the same.
  public let isThere: Bool
}

extension Import {
  /// Asks the destination for what the archives leave out of `images` and nothing else brings: who pulls them there
  /// may miss it.
  func findLeftOut(of images: [ImportImage], in layouts: [Layout]) async throws -> [LeftOutContent] {
    struct Wanted: Hashable {
      let repository: String
      let digest: Digest
    }
    var order: [(wanted: Wanted, descriptor: Descriptor, reason: Omission.Reason)] = []
    var users: [Wanted: [String]] = [:]
    for image in images {
      for part in image.tree.omitted {
        guard let omission = layouts.lazy.compactMap({ $0.omissions[part.digest] }).first else { continue }
        let wanted = Wanted(repository: image.target.repository, digest: part.digest)
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
      return LeftOutContent(
        descriptor: part, reason: reason, repository: wanted.repository, images: asked[wanted] ?? [],
        isThere: isThere)
    }
  }
}
